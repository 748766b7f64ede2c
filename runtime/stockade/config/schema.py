"""The JSON Schema of stockade.toml, for editors: its shape, of which `structure` has the last word.

Knows no file; made from the same `keys` that `structure` reads by, so that an editor and `stockade check` agree.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, get_args, get_origin

import attrs

from stockade.config.grammar import GRAMMARS, Kind
from stockade.config.keys import Key, keys_of
from stockade.config.specs import Configuration, Rules

__all__ = ["schema"]

_SCALARS = {bool: {"type": "boolean"}, int: {"type": "integer"}, float: {"type": "number"}, str: {"type": "string"}}


def schema() -> dict[str, Any]:
    """The schema, in JSON Schema draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stockade.toml",
        **_table(Configuration),
    }


def _table(kind: type[Any]) -> dict[str, Any]:
    keys = keys_of(kind)
    required = [key.name for key in keys.values() if key.required]
    return {
        "type": "object",
        "additionalProperties": False,
        **({"required": required} if required else {}),
        "properties": {key.name: _value(key) for key in keys.values()},
    }


def _value(key: Key) -> dict[str, Any]:
    described = {"description": key.about, **_shape(key)}
    plain = str(key.default) if isinstance(key.default, StrEnum) else key.word(key.default)
    return {**described, "default": plain} if isinstance(plain, bool | int | float | str) else described


def _shape(key: Key) -> dict[str, Any]:
    hint = key.hint
    if hint in _SCALARS:
        bounds = {"minimum": key.range[0], "maximum": key.range[1]} if key.range else {}
        number = {**_SCALARS[hint], **bounds, **_grammar(key.grammar)}
        return {"anyOf": [number, {"enum": list(key.words)}]} if key.words else number
    if hint == tuple[str, ...]:
        return {**_texts(key.grammar), **({"minItems": 1} if key.some else {})}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _table(get_args(hint)[0])}
    if hint == dict[str, str]:
        return {"type": "object", "propertyNames": _grammar(key.grammar), "additionalProperties": {"type": "string"}}
    if hint == dict[str, Rules]:
        return {"type": "object", "propertyNames": _grammar(Kind.COMMAND), "additionalProperties": _rules(key.grammar)}
    if hint == dict[str, Any]:
        return {"type": "object"}
    if hint is Rules:
        return _rules(key.grammar)
    return _table(hint) if attrs.has(hint) else {"enum": [str(choice) for choice in hint]}


def _texts(grammar: Kind | None) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", **_grammar(grammar)}}


def _rules(grammar: Kind | None) -> dict[str, Any]:
    sides = {key.name: {"description": key.about, **_texts(grammar)} for key in keys_of(Rules).values()}
    return {"anyOf": [_texts(grammar), {"type": "object", "additionalProperties": False, "properties": sides}]}


def _grammar(grammar: Kind | None) -> dict[str, Any]:
    if grammar is None:
        return {}
    found = GRAMMARS[grammar]
    return {"pattern": f"^(?:{found.pattern})$", "maxLength": found.longest}
