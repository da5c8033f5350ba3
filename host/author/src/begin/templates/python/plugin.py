"""Nobody drops or empties the tables that are to be kept."""

import json

from componentize_py_types import Err
from wit_world.exports.plugin import ContextParts, Manifest
from wit_world.imports.types import Command, Context, Denial, Verdict, Verdict_Allow, Verdict_Deny

# The gateway checks the configuration by this before `configure` sees it.
SCHEMA = {
    "type": "object",
    "required": ["keep"],
    "additionalProperties": False,
    "properties": {
        "keep": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "description": 'Tables that nobody drops or empties: "public.orders".',
        },
    },
}

keep: list[str] = []


class Plugin:
    """The interface `plugin` of wit/policy.wit. Names are written in snake_case."""

    def describe(self) -> Manifest:
        return Manifest(
            name="{{name}}",
            version="0.1.0",
            description="Denies dropping and emptying the tables that are to be kept.",
            config_schema=json.dumps(SCHEMA),
            # All that a rule may look at; what is not named is empty. The fewer, the less often it is asked.
            looks_at=ContextParts.SESSION | ContextParts.PRINCIPAL | ContextParts.TARGET | ContextParts.CLIENT_ADDRESS,
        )

    def configure(self, config: str) -> None:
        """Called before each call. An `Err` says why the configuration is refused; any other exception is a trap."""
        global keep
        try:
            keep = json.loads(config)["keep"]
        except (ValueError, KeyError) as error:
            raise Err(str(error))


class Guard:
    """The interface `guard`."""

    def judge(self, context: Context, command: Command) -> Verdict:
        """Called before each command runs. There are `Verdict_Hold` and `Verdict_Rewrite` too."""
        if not command.complete:
            return deny("what this command does cannot be told in full", "Send plain statements.")
        # Operations, not the text, say what would be done: a text can be written in a thousand ways.
        for operation in command.operations:
            lost = operation.action in ("drop", "truncate") and any(may_be(operation.object, table) for table in keep)
            if lost:
                hint = "Delete single rows, or ask whoever operates the gateway."
                return deny(f"{operation.object} stays as it is", hint)
        return Verdict_Allow()


def may_be(object: str, table: str) -> bool:
    """A table whose schema the gateway cannot know is called "?.orders", and may be any of that name."""
    return object in (table, "?." + table.rpartition(".")[2])


def deny(reason: str, hint: str) -> Verdict:
    # The rule's name is what the record is searched by.
    return Verdict_Deny(Denial(reason=reason, rule="{{name}}", hint=hint))
