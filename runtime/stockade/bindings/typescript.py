"""Bindings for TypeScript: functions and types over `stockade-frontend`. Nothing is converted: types alone are added.

Knows the stub's public face, not its inside. Properties have their names of the wire, functions are in camel case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import attrs

from stockade.bindings.comments import Origin, of_command, of_event
from stockade.bindings.layout import WIDTH, enclosed, javadoc, slashes
from stockade.bindings.model import (
    Anything,
    Array,
    Basic,
    Channel,
    Choice,
    Command,
    Direction,
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
from stockade.bindings.naming import Names, camel, pascal

__all__ = ["render"]

_PLAIN = {
    Basic.INT: "number",
    Basic.FLOAT: "number",
    Basic.TEXT: "string",
    Basic.BYTES: "Uint8Array",
    Basic.BOOL: "boolean",
    Basic.NULL: "null",
    Basic.DATETIME: "DateTime",
    Basic.DATE: "Day",
    Basic.TIME: "Time",
    Basic.DURATION: "Seconds",
    Basic.UUID: "Uuid",
    Basic.DECIMAL: "Decimal",
    Basic.PATH: "Path",
}
#: What stands for a type that JavaScript has not, or does not say as exactly.
_ALIASES = {
    "DateTime": ("string", "A date and time as ISO 8601 text, with or without an offset."),
    "Day": ("string", "A date as ISO 8601 text."),
    "Time": ("string", "A time as ISO 8601 text."),
    "Seconds": ("number", "A duration in seconds."),
    "Uuid": ("string", "A UUID in its canonical form."),
    "Decimal": ("string", "A decimal number as text."),
    "Path": ("string", "A path as text."),
}
_IMPORTS = (
    "Call",
    "CallOptions",
    "Core",
    "EmitOptions",
    "Event",
    "ReceiveChannel",
    "SendChannel",
    "StreamOptions",
    "Subscription",
)
_WORDS = (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends"
    " false finally for function if implements import in instanceof interface let new null package private protected"
    " public return static super switch this throw true try typeof undefined var void while with yield"
)
#: What nothing of the application's may be called in the module.
_RESERVED = frozenset({*_WORDS.split(), *_IMPORTS, *_ALIASES, "Promise", "Uint8Array", "core", "args", "options"})
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")


def render(model: Model, origin: Origin) -> str:
    """The text of the module. Raises Collision where two names become one."""
    names = Names("the TypeScript module", pascal, _RESERVED)
    classes: list[Enumeration | Record] = [*model.enumerations, *model.records]
    types = _Types({each.name: names.take(each.name, f"class {each.name}") for each in classes}, model)
    functions = attrs.evolve(names, case=camel)
    body = "\n\n".join(
        "\n".join(lines)
        for lines in (
            *(_enumeration(each, types) for each in model.enumerations),
            *(_record(each, types) for each in model.records),
            *(_command(each, types, functions) for each in model.commands),
            *(lines for each in model.events for lines in _event(each, types, functions)),
        )
    )
    aliases = [f"{javadoc([doc])[0]}\nexport type {name} = {kind};" for name, (kind, doc) in _ALIASES.items()]
    used = [text for name, text in zip(_ALIASES, aliases, strict=True) if re.search(rf"\b{name}\b", _code(body))]
    imports = [name for name in _IMPORTS if re.search(rf"\b{name}\b", _code(body))]
    head = slashes(origin.lines())
    imported = enclosed("import type { ", imports, ' } from "stockade-frontend";', unit="  ") if imports else []
    parts = ["\n".join(head), "\n".join(imported), "\n\n".join(used), body]
    return "\n\n".join(filter(None, parts)) + "\n"


def _code(text: str) -> str:
    """`text` without its comments and strings."""
    return re.sub(r'/\*\*.*?\*/|"(?:[^"\\\n]|\\.)*"', "", text, flags=re.DOTALL)


def _quoted(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)


@attrs.frozen
class _Types:
    """Renders types. `names` are those of the classes in the module, by their names in the model."""

    names: dict[str, str]
    _model: Model

    def of(self, kind: Type, given: bool = False) -> str:
        """The type; what is `given` may be a read-only array, and a bigint where an integer is wanted."""
        match kind:
            case Plain(basic):
                return "number | bigint" if given and basic is Basic.INT else _PLAIN[basic]
            case Anything():
                return "unknown"
            case Nullable(Anything()):
                return "unknown"
            case Nullable(item):
                return f"{self.of(item, given)} | null"
            case Array(item) | Distinct(item):
                return f"{'readonly ' if given else ''}{self._enclosed(item, given)}[]"
            case Tuple(items):
                return f"{'readonly ' if given else ''}[{', '.join(self.of(item, given) for item in items)}]"
            case Map(item):
                return f"{{ {'readonly ' if given else ''}[key: string]: {self.of(item, given)} }}"
            case Choice(values):
                return " | ".join(map(_quoted, values))
            case OneOf(members):
                return " | ".join(self.of(member, given) for member in members)
            case Named(name):
                return self.names[name]

    def _enclosed(self, kind: Type, given: bool) -> str:
        text = self.of(kind, given)
        return f"({text})" if " | " in text or text.startswith("readonly") else text

    def property(self, field: Field | Parameter, given: bool, loose: bool = False) -> str:
        """A property; one that may be missing may be undefined where it is `loose`."""
        unsaid = " | undefined" if loose and field.optional and self.of(field.type, given) != "unknown" else ""
        return f"{_key(field.name)}{'?' if field.optional else ''}: {self.of(field.type, given)}{unsaid}"

    def channel(self, channel: Channel) -> str:
        """The property that passes a channel."""
        sending = f"SendChannel<{self.of(channel.item, given=True)}>"
        receiving = f"ReceiveChannel<{self.of(channel.item)}>"
        both = f"{sending} | {receiving}"
        kind = {Direction.SEND: sending, Direction.RECEIVE: receiving, Direction.EITHER: both}[channel.direction]
        return (
            f"{_key(channel.name)}{'?' if channel.optional else ''}: {kind}{' | undefined' if channel.optional else ''}"
        )


def _key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else _quoted(name)


def _documented(lines: list[str], indent: str = "") -> list[str]:
    return javadoc(lines, indent) if lines else []


# -- classes ---------------------------------------------------------------------------------------------------------


def _enumeration(enumeration: Enumeration, types: _Types) -> Iterator[str]:
    name = types.names[enumeration.name]
    yield from _documented(enumeration.doc.splitlines())
    members = [f"{_key(member.name)}: {_quoted(member.value)}" for member in enumeration.members]
    yield from enclosed(f"export const {name} = {{ ", members, " } as const;", unit="  ")
    yield f"export type {name} = (typeof {name})[keyof typeof {name}];"


def _record(record: Record, types: _Types) -> Iterator[str]:
    yield from _documented(record.doc.splitlines())
    if not record.fields:
        yield f"export type {types.names[record.name]} = {{ [key: string]: never }};"
        return
    yield f"export interface {types.names[record.name]} {{"
    yield from (f"  {types.property(field, given=bool(record.whole))};" for field in record.fields)
    yield "}"


# -- functions -------------------------------------------------------------------------------------------------------


def _command(command: Command, types: _Types, names: Names) -> Iterator[str]:
    yield from javadoc(of_command(command))
    answer = "void" if command.answer == Plain(Basic.NULL) else types.of(command.answer)
    options = "options?: StreamOptions" if command.streams else "options?: CallOptions"
    returns = f"Promise<{answer}>"
    verb = "invoke"
    if command.streams:
        returns, verb, answer = f"ReceiveChannel<{answer}>", "stream", answer
    elif command.channels:
        returns, verb = f"Call<{answer}>", "call"
    given = ["core: Core", *_arguments(command, types), options]
    name = names.take(command.name, f"command {command.name}")
    yield from enclosed(f"export function {name}(", given, f"): {returns} {{", unit="  ")
    args = "args" if len(given) > 2 else "{}"
    yield f"  return core.{verb}<{answer}>({_quoted(command.name)}, {args}, options);"
    yield "}"


def _arguments(command: Command, types: _Types) -> Iterator[str]:
    """The parameter that has all arguments, if there are any; it may be left out where each of them may."""
    if not command.typed:
        yield "args: { readonly [name: string]: unknown } = {}"
        return
    properties = [types.property(each, given=True, loose=True) for each in command.parameters]
    properties += map(types.channel, command.channels)
    if not properties:
        return
    may_miss = [each.optional for each in command.parameters] + [each.optional for each in command.channels]
    default = " = {}" if all(may_miss) else ""
    line = f"args: {{ {'; '.join(properties)} }}{default}"
    broken = "{\n" + "".join(f"    {each};\n" for each in properties) + "  }"
    yield line if len(line) <= WIDTH - 4 else f"args: {broken}{default}"


def _event(event: Event, types: _Types, names: Names) -> Iterator[Iterator[str]]:
    nothing = event.payload == Plain(Basic.NULL)
    if event.may_hear:
        yield _listening(event, types, names.take(f"on {event.name}", f"event {event.name}"), nothing)
    if event.may_emit:
        yield _emitting(event, types, names.take(f"emit {event.name}", f"event {event.name}"), nothing)


def _listening(event: Event, types: _Types, name: str, nothing: bool) -> Iterator[str]:
    what = f"Call `handler` with {'' if nothing else 'the payload of '}each event `{event.name}`, or the first alone."
    payload = types.of(event.payload)
    handler = f"handler: ({'' if nothing else f'payload: {payload}, '}event: Event) => unknown"
    given = ["core: Core", handler, "{ once = false }: { once?: boolean } = {}"]
    yield from javadoc(of_event(event, what))
    yield from enclosed(f"export function {name}(", given, "): Promise<Subscription> {", unit="  ")
    called = "event" if nothing else f"event.payload as {payload}, event"
    yield f"  const handle = (event: Event) => handler({called});"
    yield f"  return once ? core.once({_quoted(event.name)}, handle) : core.listen({_quoted(event.name)}, handle);"
    yield "}"


def _emitting(event: Event, types: _Types, name: str, nothing: bool) -> Iterator[str]:
    given = ["core: Core", *([] if nothing else [f"payload: {types.of(event.payload, given=True)}"])]
    yield from javadoc(of_event(event, f"Emit `{event.name}`, to all who listen or to one worker alone."))
    yield from enclosed(f"export function {name}(", [*given, "options?: EmitOptions"], "): Promise<void> {", unit="  ")
    yield f"  return core.emit({_quoted(event.name)}, {'null' if nothing else 'payload'}, options);"
    yield "}"
