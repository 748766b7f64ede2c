"""Bindings for Java: one class of static functions, records and enums over `io.github.stockaderuntime.frontend`.

Knows the stub's public face, not its inside. A union or a tuple is an Object, or a list of them, as it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import attrs

from stockade.bindings import java_parts
from stockade.bindings.comments import Origin, of_command, of_event
from stockade.bindings.layout import enclosed, javadoc
from stockade.bindings.model import (
    Array,
    Basic,
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
    Plain,
    Record,
    Tuple,
    Type,
)
from stockade.bindings.naming import Names, camel, pascal, screaming
from stockade.limits import DEPTH

__all__ = ["render"]

#: Each type without parts, as it is in records and as what it is of a generic one; and how it is read.
_PLAIN = {
    Basic.INT: ("long", "Long", "(Long) {}"),
    Basic.FLOAT: ("double", "Double", "((Number) {}).doubleValue()"),
    Basic.TEXT: ("String", "String", "(String) {}"),
    Basic.BYTES: ("byte[]", "byte[]", "(byte[]) {}"),
    Basic.BOOL: ("boolean", "Boolean", "(Boolean) {}"),
    Basic.NULL: ("Object", "Object", "{}"),
    Basic.DATETIME: ("String", "String", "(String) {}"),
    Basic.DATE: ("LocalDate", "LocalDate", "LocalDate.parse((String) {})"),
    Basic.TIME: ("String", "String", "(String) {}"),
    Basic.DURATION: ("Duration", "Duration", "duration({})"),
    Basic.UUID: ("UUID", "UUID", "UUID.fromString((String) {})"),
    Basic.DECIMAL: ("BigDecimal", "BigDecimal", "new BigDecimal((String) {})"),
    Basic.PATH: ("String", "String", "(String) {}"),
}
_KEYWORDS = (
    "abstract assert boolean break byte case catch char class const continue default do double else enum extends false"
    " final finally float for goto if implements import instanceof int interface long native new null package private"
    " protected public return short static strictfp super switch synchronized this throw throws transient true try void"
    " volatile while _"
)
_WORDS = frozenset(_KEYWORDS.split())
#: What is a function of every object, and so can be no component of a record.
_OBJECT = "clone finalize getClass hashCode notify notifyAll toString wait wire"
_COMPONENTS = _WORDS | frozenset(_OBJECT.split())
#: What no parameter may be called: what stands in each function, also what functions within it call their argument.
_PARAMETERS = _WORDS | {"core", "arguments", "any", "each", *(f"each{depth}" for depth in range(1, DEPTH))}


def render(model: Model, origin: Origin, package: str = "", name: str = "") -> str:
    """The text of the class, `Bindings` unless `name` says otherwise. Raises Collision where two names become one."""
    spelled = name or "Bindings"
    names = Names("the Java class", pascal, {*java_parts.NAMES, spelled})
    classes: list[Enumeration | Record] = [*model.enumerations, *model.records]
    types = _Types({each.name: names.take(each.name, f"class {each.name}") for each in classes}, model)
    functions = Names("the Java class", camel, _WORDS | java_parts.FUNCTIONS)
    members = [
        *(_enumeration(each, types) for each in model.enumerations),
        *(_record(each, types) for each in model.records),
        *(_command(each, types, functions) for each in model.commands),
        *(lines for each in model.events for lines in _event(each, types, functions)),
    ]
    return java_parts.class_of(origin, package, spelled, ["\n".join(lines) for lines in members])


def _quoted(value: object) -> str:
    return f"{value}L" if type(value) is int else json.dumps(value, ensure_ascii=False)


@attrs.frozen
class _Types:
    """Renders types. `names` are those of the classes, by their names in the model."""

    names: dict[str, str]
    _model: Model

    def of(self, kind: Type) -> str:
        """The type, a primitive one where it may be."""
        return _PLAIN[kind.basic][0] if isinstance(kind, Plain) else self.boxed(kind)

    def maybe(self, kind: Type, optional: bool) -> str:
        """The type of what may be left out: then it is null."""
        return self.boxed(kind) if optional else self.of(kind)

    def boxed(self, kind: Type) -> str:
        """The type where it may be null, or stands in a generic one."""
        match kind:
            case Plain(basic):
                return _PLAIN[basic][1]
            case Nullable(item):
                return self.boxed(item)
            case Array(item):
                return f"List<{self.boxed(item)}>"
            case Distinct(item):
                return f"Set<{self.boxed(item)}>"
            case Map(item):
                return f"Map<String, {self.boxed(item)}>"
            case Tuple():
                return "List<Object>"
            case Choice(values):
                kinds = frozenset(type(value) for value in values)
                return {frozenset({str}): "String", frozenset({int}): "Long"}.get(kinds, "Object")
            case Named(name):
                return self.names[name]
        return "Object"

    def read(self, kind: Type, value: str, depth: int = 0) -> str:
        """The expression that makes it of `value`, an Object, within so many functions."""
        match kind:
            case Plain(basic):
                return _PLAIN[basic][2].format(value)
            case Nullable(item):
                return f"orNull({value}, {self.reader(item, depth)})"
            case Array(item):
                return f"list({value}, {self.reader(item, depth)})"
            case Distinct(item):
                return f"set({value}, {self.reader(item, depth)})"
            case Map(item):
                return f"map({value}, {self.reader(item, depth)})"
            case Tuple():
                return f"list({value}, any -> any)"
            case Choice() if self.boxed(kind) != "Object":
                return f"({self.boxed(kind)}) {value}"
            case Named(name):
                return f"{self.names[name]}.of({value})"
        return value

    def reader(self, kind: Type, depth: int = 0) -> str:
        """A function that reads it. What functions within each other call their argument must differ."""
        if isinstance(kind, Named):
            return f"{self.names[kind.name]}::of"
        each = f"each{depth or ''}"
        return f"{each} -> {self.read(kind, each, depth + 1)}"


# -- classes ---------------------------------------------------------------------------------------------------------


def _enumeration(enumeration: Enumeration, types: _Types) -> Iterator[str]:
    name = types.names[enumeration.name]
    constants = Names(f"the enum {enumeration.name}", screaming)
    yield from javadoc(_escaped(enumeration.doc.splitlines()) or [f"{enumeration.name} of the application."])
    yield f"public enum {name} implements Wire {{"
    members = [f"  {constants.take(member.name)}({_quoted(member.value)})" for member in enumeration.members]
    yield ",\n".join(members) + ";"
    yield java_parts.ENUMERATION.replace("NAME", name)


def _record(record: Record, types: _Types) -> Iterator[str]:
    name = types.names[record.name]
    names = Names(f"the record {record.name}", camel, _COMPONENTS)
    fields = [(field, names.take(field.name)) for field in record.fields]
    said = _escaped(record.doc.splitlines()) or [f"{record.name} of the application."]
    told = [f"@param {spelled} {{@code {field.name}}}{_left_out(field.optional)}" for field, spelled in fields]
    yield from javadoc([*said, *(["", *told] if told else [])])
    components = [f"{types.maybe(field.type, field.optional)} {spelled}" for field, spelled in fields]
    head = enclosed(f"public record {name}(", components, ") implements Wire {", last="")
    yield "\n".join(head)
    yield f"  /** Reads what came. */\n  public static {name} of(Object value) {{"
    if fields:
        yield "    Map<?, ?> fields = (Map<?, ?>) value;"
    read = [_read_field(field, types) for field, _ in fields]
    yield "\n".join(enclosed(f"    return new {name}(", read, ");", last=""))
    yield "  }\n\n  @Override\n  public Object wire() {\n    Map<String, Object> fields = new LinkedHashMap<>();"
    for field, spelled in fields:
        put = f'fields.put("{field.name}", Wire.of({spelled}));'
        yield f"    if ({spelled} != null) {{\n      {put}\n    }}" if field.optional else f"    {put}"
    yield "    return fields;\n  }"
    if record.whole in types.names:
        yield from _of_whole(record, types, fields)
    yield "}"


def _left_out(optional: bool) -> str:
    return "; null leaves it out" if optional else ""


def _read_field(field: Field, types: _Types) -> str:
    value = f'fields.get("{field.name}")'
    return f"orNull({value}, {types.reader(field.type)})" if field.optional else types.read(field.type, value)


def _of_whole(record: Record, types: _Types, fields: list[tuple[Field, str]]) -> Iterator[str]:
    """What was answered may be given."""
    name, whole = types.names[record.name], types.names[record.whole]
    yield f"\n  /** What was answered, to be given. */\n  public static {name} of({whole} whole) {{"
    yield "    return of(whole.wire());\n  }"


# -- functions -------------------------------------------------------------------------------------------------------

#: A parameter: its name on the wire, its name, its type, and whether it may be left out.
_Given = tuple[str, str, str, bool]


def _command(command: Command, types: _Types, functions: Names) -> Iterator[str]:
    name = functions.take(command.name, f"command {command.name}")
    given = _given(command, types)
    told = [f"@param {spelled} {{@code {wire}}}{_left_out(optional)}" for wire, spelled, _, optional in given]
    said = _escaped([*of_command(command), *_of_channels(command, types)])
    yield from javadoc([*(line or "<p>" for line in said), *told])
    if not command.typed:
        yield f"public static Object {name}(Invoker core, Map<String, ?> arguments) {{"
        yield f'  return core.invoke("{command.name}", arguments);\n}}'
        return
    parameters = ["Invoker core", *(f"{kind} {spelled}" for _, spelled, kind, _ in given)]
    yield "\n".join(enclosed(f"public static {_returns(command, types)} {name}(", parameters, ") {", last=""))
    if given:
        yield "  Map<String, Object> arguments = new LinkedHashMap<>();"
    for wire, spelled, _, optional in given:
        put = f'arguments.put("{wire}", Wire.of({spelled}));'
        yield f"  if ({spelled} != null) {{\n    {put}\n  }}" if optional else f"  {put}"
    yield f"  {_called(command, types, 'arguments' if given else 'Map.of()')}\n}}"


def _escaped(lines: list[str]) -> list[str]:
    """Docstrings are no HTML."""
    return [line.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;") for line in lines]


def _given(command: Command, types: _Types) -> list[_Given]:
    names = Names(f"the arguments of {command.name}", camel, _PARAMETERS)
    found: list[_Given] = [
        (each.name, names.take(each.name), types.maybe(each.type, each.optional), each.optional)
        for each in command.parameters
    ]
    ends = [(each.name, names.take(each.name), _ENDS[each.direction], each.optional) for each in command.channels]
    return found + ends


_ENDS = {Direction.SEND: "SendChannel", Direction.RECEIVE: "ReceiveChannel", Direction.EITHER: "AutoCloseable"}


def _of_channels(command: Command, types: _Types) -> list[str]:
    return [f"Items of `{channel.name}` are {types.boxed(channel.item)}." for channel in command.channels]


def _is_null(kind: Type) -> bool:
    return kind == Plain(Basic.NULL)


def _returns(command: Command, types: _Types) -> str:
    answer = types.boxed(command.answer)
    if command.streams:
        return f"Items<{answer}>"
    if command.channels:
        return f"Begun<{answer}>"
    return "void" if _is_null(command.answer) else types.of(command.answer)


def _called(command: Command, types: _Types, arguments: str) -> str:
    passed, reader = f'("{command.name}", {arguments})', types.reader(command.answer)
    if command.streams:
        return f"return new Items<>(core.stream{passed}, {reader});"
    if command.channels:
        return f"return new Begun<>(core.call{passed}, {reader});"
    if _is_null(command.answer):
        return f"core.invoke{passed};"
    return f'return read("{command.name}", core.invoke{passed}, {reader});'


def _event(event: Event, types: _Types, functions: Names) -> Iterator[Iterator[str]]:
    if event.may_hear:
        yield _listening(event, types, functions.take(f"on {event.name}", f"event {event.name}"))
    if event.may_emit:
        yield _emitting(event, types, functions.take(f"emit {event.name}", f"event {event.name}"))


def _listening(event: Event, types: _Types, name: str) -> Iterator[str]:
    nothing = _is_null(event.payload)
    what = f"Calls the handler with {'' if nothing else 'the payload of '}each event `{event.name}`."
    yield from javadoc(_escaped(of_event(event, what)))
    payload = types.boxed(event.payload)
    handler = "Consumer<? super Event>" if nothing else f"BiConsumer<? super {payload}, ? super Event>"
    given = ["Core core", f"{handler} handler"]
    yield "\n".join(enclosed(f"public static Subscription {name}(", given, ") {", last=""))
    listened = "handler" if nothing else f"heard({types.reader(event.payload)}, handler)"
    yield f'  return core.listen("{event.name}", {listened});\n}}'


def _emitting(event: Event, types: _Types, name: str) -> Iterator[str]:
    nothing = _is_null(event.payload)
    payload = "" if nothing else f"{types.of(event.payload)} payload, "
    value = "null" if nothing else "Wire.of(payload)"
    what = f"Emits `{event.name}`, to the worker {{@code to}}, or where that is null to all who listen."
    yield from javadoc([*_escaped(event.doc.splitlines()), what])
    yield f"public static void {name}(Invoker core, {payload}String to) {{"
    yield f'  core.emit("{event.name}", {value}, to);\n}}'
