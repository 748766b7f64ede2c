"""The model as CDDL (RFC 8610): what crosses the wire for each command and event. Knows no value."""

from __future__ import annotations

import json
import re

import attrs

from stockade.bindings.comments import Origin, of_command
from stockade.bindings.model import (
    Anything,
    Array,
    Basic,
    Choice,
    Command,
    Distinct,
    Enumeration,
    Event,
    Field,
    Map,
    Model,
    Named,
    Nullable,
    OneOf,
    Parameter,
    Plain,
    Record,
    Tuple,
    Type,
    Value,
)
from stockade.bindings.naming import Names, kebab

__all__ = ["render"]

_PLAIN = {
    Basic.INT: "int64",
    Basic.FLOAT: "real",
    Basic.TEXT: "tstr",
    Basic.BYTES: "bstr",
    Basic.BOOL: "bool",
    Basic.NULL: "null",
    Basic.DATETIME: "datetime-text",
    Basic.DATE: "date-text",
    Basic.TIME: "time-text",
    Basic.DURATION: "seconds",
    Basic.UUID: "uuid-text",
    Basic.DECIMAL: "decimal-text",
    Basic.PATH: "path-text",
}
#: The rules for what CDDL has no word for, and what they need.
_RULES = {
    "seconds": "seconds = real",
    "real": "real = float / int64",
    "int64": "int64 = -9223372036854775808..9223372036854775807",
    "datetime-text": "datetime-text = tstr ; ISO 8601, with date and time, with or without an offset",
    "date-text": "date-text = tstr ; ISO 8601",
    "time-text": "time-text = tstr ; ISO 8601",
    "uuid-text": "uuid-text = tstr ; the canonical form",
    "decimal-text": "decimal-text = tstr",
    "path-text": "path-text = tstr",
}
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def render(model: Model, origin: Origin) -> str:
    """The text of the schema. Raises Collision where two names become one."""
    names = Names("CDDL", str, {*_RULES, *_PRELUDE})
    classes: list[Enumeration | Record] = [*model.enumerations, *model.records]
    known = {each.name: names.take(each.name, f"class {each.name}") for each in classes}
    types = _Types(known)
    rules = [
        *(f"{known[each.name]} = {_choice([m.value for m in each.members])}" for each in model.enumerations),
        *(f"{known[each.name]} = {types.map_of(each.fields)}" for each in model.records),
        *(_command(each, types, names) for each in model.commands),
        *(_event(each, types, names) for each in model.events),
    ]
    body = "\n\n".join(rules)
    own: list[str] = []
    for name, rule in _RULES.items():
        if re.search(rf"(?<![\w-]){name}(?![\w-])", "\n".join([re.sub(r'"[^"\n]*"|;.*', "", body), *own])):
            own.append(rule)
    head = "\n".join(f"; {line}" for line in origin.lines())
    return "\n\n".join(filter(None, [head, "\n".join(own), body])) + "\n"


_WORDS = (
    "any b64legacy b64url bigfloat bigint bignint biguint bool bstr bytes cbor-any decfrac eb16 eb64legacy eb64url"
    " encoded-cbor false float float16 float16-32 float32 float32-64 float64 int integer mime-message nil nint null"
    " number regexp tdate text time true tstr uint undefined unsigned uri"
)
#: What RFC 8610 defines (appendix D), and nobody may again.
_PRELUDE = frozenset(_WORDS.split())


@attrs.frozen
class _Types:
    """Renders types, with the rules' names of records and enumerations."""

    _names: dict[str, str]

    def of(self, kind: Type) -> str:
        """The type as it may stand behind a colon."""
        match kind:
            case Plain(basic):
                return _PLAIN[basic]
            case Anything():
                return "any"
            case Nullable(item):
                return f"{self.of(item)} / null"
            case Array(item):
                return f"[* {self._grouped(item)}]"
            case Distinct(item):
                return f"[* {self._grouped(item)}]"
            case Tuple(items):
                return f"[{', '.join(map(self._grouped, items))}]"
            case Map(item):
                return f"{{* tstr => {self._grouped(item)}}}"
            case Choice(values):
                return _choice(list(values))
            case OneOf(members):
                return " / ".join(map(self.of, members))
            case Named(name):
                return self._names[name]

    def _grouped(self, kind: Type) -> str:
        text = self.of(kind)
        return f"({text})" if " / " in text and text[0] not in "[{" else text

    def map_of(self, fields: tuple[Field, ...] | tuple[Parameter, ...]) -> str:
        """A map of just these."""
        if not fields:
            return "{}"
        return "{\n" + "".join(f"  {self._entry(field)},\n" for field in fields) + "}"

    def _entry(self, field: Field | Parameter) -> str:
        key = field.name if _BARE.fullmatch(field.name) else json.dumps(field.name)
        return f"{'? ' if field.optional else ''}{key}: {self.of(field.type)}"


def _choice(values: list[Value]) -> str:
    return " / ".join(json.dumps(value, ensure_ascii=False) for value in values) or "null"


def _command(command: Command, types: _Types, names: Names) -> str:
    rule = kebab(command.name)
    said = [f"; {line}".rstrip() for line in of_command(command)]
    answer = "item" if command.streams else "result"
    arguments = types.map_of(command.parameters) if command.typed else "{* tstr => any}"
    lines = [
        *said,
        f"{names.claim(f'{rule}-arguments', command.name)} = {arguments}",
        f"{names.claim(f'{rule}-{answer}', command.name)} = {types.of(command.answer)}",
    ]
    for channel in command.channels:
        name = names.claim(f"{rule}-{kebab(channel.name)}-item", command.name)
        lines.append(f"{name} = {types.of(channel.item)}")
    return "\n".join(lines)


def _event(event: Event, types: _Types, names: Names) -> str:
    said = [f"; {line}".rstrip() for line in [*event.doc.splitlines(), f"Event `{event.name}`."]]
    return "\n".join([*said, f"{names.claim(f'{kebab(event.name)}-payload', event.name)} = {types.of(event.payload)}"])
