// Nobody drops or empties the tables that are to be kept.

let keep = [];

// The interface `plugin` of wit/policy.wit. Names are written in camelCase.
export const plugin = {
  describe: () => ({
    name: "{{name}}",
    version: "0.1.0",
    description: "Denies dropping and emptying the tables that are to be kept.",
    // The gateway checks the configuration by this before `configure` sees it.
    configSchema: JSON.stringify({
      type: "object",
      required: ["keep"],
      additionalProperties: false,
      properties: {
        keep: {
          type: "array",
          items: { type: "string", minLength: 1 },
          description: 'Tables that nobody drops or empties: "public.orders".',
        },
      },
    }),
    // All that a rule may look at; what is not named is empty. The fewer, the less often it is asked.
    looksAt: { session: true, principal: true, target: true, clientAddress: true },
  }),

  // Called before each call. What is thrown, as a string, is why the configuration is refused.
  configure(config) {
    ({ keep } = JSON.parse(config));
  },
};

// The interface `guard`.
export const guard = {
  // Called before each command runs. A verdict is a tag with a value: "hold" and "rewrite" can be said too.
  judge(_context, command) {
    if (!command.complete) return deny("what this command does cannot be told in full", "Send plain statements.");
    // Operations, not the text, say what would be done: a text can be written in a thousand ways.
    const lost = command.operations.find(
      ({ action, object }) => ["drop", "truncate"].includes(action) && keep.some((table) => mayBe(object, table)),
    );
    if (!lost) return { tag: "allow" };
    return deny(`${lost.object} stays as it is`, "Delete single rows, or ask whoever operates the gateway.");
  },
};

// A table whose schema the gateway cannot know is called "?.orders", and may be any of that name.
function mayBe(object, table) {
  return object === table || object === `?.${table.split(".").pop()}`;
}

// The rule's name is what the record is searched by.
function deny(reason, hint) {
  return { tag: "deny", val: { reason, rule: "{{name}}", hint } };
}
