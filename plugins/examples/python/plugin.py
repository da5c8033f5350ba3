"""A mask: of a date of birth only the year is shown."""

import json
import re

from componentize_py_types import Err
from wit_world.exports.plugin import ContextParts, Manifest
from wit_world.imports.types import (
    Action, Action_Inspect, Action_Keep, Action_Nullify, Batch, Context, Field, Plan, Shape, Shape_Document, Shape_Table)

SCHEMA = {"type": "object", "additionalProperties": False, "properties": {
    "columns": {
        "type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1},
        "description": "Globs of schema.table.column. Left out: *.*.birth* and *.*.date_of_birth"},
    "unknown": {
        "type": "boolean",
        "description": "Whether texts and dates are covered too that may come from a column unknown. Left out: no"},
}}
MESSAGE = "application/vnd.palisade.message"
DATE = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}")
COLUMN_UNKNOWN = re.compile(r".*\.[*?]", re.DOTALL)


def regex(globs: list[str]) -> re.Pattern:
    parts = ("".join({"*": ".*", "?": "."}.get(letter) or re.escape(letter) for letter in glob) for glob in globs)
    return re.compile("|".join(parts), re.IGNORECASE | re.DOTALL)


# Made while the component is built: no call spends its time on it.
DEFAULT = regex(["*.*.birth*", "*.*.date_of_birth"])


class Plugin:
    def describe(self) -> Manifest:
        return Manifest("birth-years", "0.1.0", "Shows only the year of dates of birth.", json.dumps(SCHEMA), ContextParts(0))

    def configure(self, config: str) -> None:
        global columns, unknown
        try:
            settings = json.loads(config)
        except ValueError as error:
            raise Err(str(error))  # Any other exception would be a trap.
        if settings.get("columns") == []:
            raise Err("columns must name at least one column")
        columns = regex(settings["columns"]) if "columns" in settings else DEFAULT
        unknown = settings.get("unknown", False)


class Mask:
    def plan_for(self, context: Context, shape: Shape) -> Plan:
        fields = [action(field) for field in shape.value] if isinstance(shape, Shape_Table) else []
        # What a server says of a row that it refuses quotes the row in its detail.
        is_message = isinstance(shape, Shape_Document) and shape.value == MESSAGE
        return Plan(fields, [("detail" if is_message else "*birth*", Action_Nullify())], Action_Keep())

    def inspect(self, context: Context, values: Batch) -> Batch:
        shown, ends, start = bytearray(), [], 0
        for end in values.ends:
            value = values.bytes[start:end]
            shown += value[:4] + b"-01-01" if DATE.fullmatch(value) else b"****"
            ends.append(len(shown))
            start = end
        return Batch(bytes(shown), ends)


def action(field: Field) -> Action:
    is_text = field.type_name in ("text", "varchar", "date", "timestamp", "timestamptz")
    looks_unknown = unknown and is_text and any(map(COLUMN_UNKNOWN.fullmatch, field.sources))
    return Action_Inspect() if looks_unknown or any(map(columns.fullmatch, field.sources)) else Action_Keep()
