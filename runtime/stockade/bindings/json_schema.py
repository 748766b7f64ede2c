"""The model as a JSON Schema: one definition for the arguments and the result of each command, and for each payload.

Knows no value. Bytes are written as `stockade invoke` writes them, ``{"$bytes": "aGVsbG8="}``, base64.
"""

from __future__ import annotations

import json
from typing import Any

from stockade.bindings.comments import Origin
from stockade.bindings.model import (
    Anything,
    Array,
    Basic,
    Choice,
    Command,
    Distinct,
    Enumeration,
    Map,
    Model,
    Named,
    Nullable,
    OneOf,
    Plain,
    Tuple,
    Type,
)

__all__ = ["render"]

_Schema = dict[str, Any]

_BYTES: _Schema = {
    "type": "object",
    "properties": {"$bytes": {"type": "string", "contentEncoding": "base64"}},
    "required": ["$bytes"],
    "additionalProperties": False,
}
_PLAIN: dict[Basic, _Schema] = {
    Basic.INT: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    Basic.FLOAT: {"type": "number"},
    Basic.TEXT: {"type": "string"},
    Basic.BYTES: _BYTES,
    Basic.BOOL: {"type": "boolean"},
    Basic.NULL: {"type": "null"},
    Basic.DATETIME: {"type": "string", "description": "A date and time, ISO 8601, with or without an offset."},
    Basic.DATE: {"type": "string", "format": "date"},
    Basic.TIME: {"type": "string", "description": "A time, ISO 8601."},
    Basic.DURATION: {"type": "number", "description": "Seconds."},
    Basic.UUID: {"type": "string", "format": "uuid"},
    Basic.DECIMAL: {"type": "string", "description": "A decimal number."},
    Basic.PATH: {"type": "string", "minLength": 1, "description": "A path."},
}


def render(model: Model, origin: Origin) -> str:
    """The text of the schema. Its definitions are ``notes.read arguments``, ``notes.read result`` and so on."""
    definitions: dict[str, _Schema] = {}
    for enumeration in model.enumerations:
        definitions[enumeration.name] = _enumeration(enumeration)
    for record in model.records:
        definitions[record.name] = _documented(_object(record.fields), record.doc)
    for command in model.commands:
        definitions |= _command(command)
    for event in model.events:
        definitions[f"{event.name} payload"] = _documented(_type(event.payload), event.doc)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": origin.application,
        "$comment": " ".join(origin.lines()),
        "$defs": definitions,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _command(command: Command) -> dict[str, _Schema]:
    if not command.typed:
        return {f"{command.name} arguments": _documented({"type": "object"}, command.doc), f"{command.name} result": {}}
    answer = "item" if command.streams else "result"
    channels = {f"{command.name} {each.name} item": _type(each.item) for each in command.channels}
    arguments = _documented(_object(command.parameters), command.doc)
    return {f"{command.name} arguments": arguments, f"{command.name} {answer}": _type(command.answer), **channels}


def _object(fields: tuple[Any, ...]) -> _Schema:
    return {
        "type": "object",
        "properties": {field.name: _type(field.type) for field in fields},
        "required": [field.name for field in fields if not field.optional],
        "additionalProperties": False,
    }


def _documented(schema: _Schema, doc: str) -> _Schema:
    return {"description": doc, **schema} if doc else schema


def _enumeration(enumeration: Enumeration) -> _Schema:
    return _documented({"enum": [member.value for member in enumeration.members]}, enumeration.doc)


def _type(kind: Type) -> _Schema:
    match kind:
        case Plain(basic):
            return _PLAIN[basic]
        case Anything():
            return {}
        case Nullable(item):
            return {"anyOf": [_type(item), {"type": "null"}]}
        case Array(item):
            return {"type": "array", "items": _type(item)}
        case Distinct(item):
            return {"type": "array", "items": _type(item), "uniqueItems": True}
        case Tuple(items):
            return {
                "type": "array",
                "prefixItems": [_type(item) for item in items],
                "items": False,
                "minItems": len(items),
            }
        case Map(item):
            return {"type": "object", "additionalProperties": _type(item)}
        case Choice(values):
            return {"enum": list(values)}
        case OneOf(members):
            return {"anyOf": [_type(member) for member in members]}
        case Named(name):
            return {"$ref": f"#/$defs/{name}"}
