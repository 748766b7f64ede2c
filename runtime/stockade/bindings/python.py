"""Bindings for Python workers: a module of functions, dataclasses and enums over `stockade_frontend`.

Knows the stub's public face, not its inside. Values become what the core's hints were: datetime, UUID, Decimal, sets,
enums. The same for asyncio, by another prelude.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterator

import attrs

from stockade.bindings import model, python_parts
from stockade.bindings.comments import Origin, of_command, of_event
from stockade.bindings.layout import enclosed
from stockade.bindings.model import Basic, Command, Direction, Enumeration, Event, Model, Record, pruned
from stockade.bindings.naming import Names, snake
from stockade.bindings.python_types import Types, quoted

__all__ = ["render"]

#: What no function or class of the application's may be called in the module.
_RESERVED = frozenset({*keyword.kwlist, *dir(builtins), *python_parts.NAMES, "core"})
#: What no parameter may be called: the language's words, and what stands in each function.
_IN_FUNCTIONS = frozenset({*keyword.kwlist, "core", "credit"})


def render(model: Model, origin: Origin, *, asyncio: bool = False) -> str:
    """The text of the module. Raises Collision where two names become one."""
    names = Names("the Python module", str, _RESERVED)
    types = Types({each.name: names.take(each.name, f"class {each.name}") for each in _classes(model)}, model)
    functions = _Functions(types, asyncio)
    answered = {each.name for each in pruned(_answers(model)).records}
    parts = [
        *(_enumeration(each, types) for each in model.enumerations),
        *(_record(each, types, each.name in answered) for each in model.records),
        *(
            functions.of_command(each, names.claim(_named(each.name), f"command {each.name}"))
            for each in model.commands
        ),
        *(text for each in model.events for text in functions.of_event(each, names)),
    ]
    return python_parts.module(origin, "\n\n\n".join(parts), asyncio)


def _classes(model: Model) -> tuple[Enumeration | Record, ...]:
    return (*model.enumerations, *model.records)


def _answers(model: Model) -> Model:
    """The same, with what is given left out."""
    commands = [
        attrs.evolve(
            each,
            parameters=(),
            channels=tuple(channel for channel in each.channels if channel.direction is not Direction.SEND),
        )
        for each in model.commands
    ]
    return attrs.evolve(model, commands=tuple(commands), events=tuple(each for each in model.events if each.may_hear))


def _named(name: str, prefix: str = "") -> str:
    spelled = snake(f"{prefix} {name}")
    return f"{spelled}_" if spelled in _RESERVED else spelled


def _doc(lines: list[str], indent: str = "    ") -> str:
    """A docstring; nothing in it ends it early."""
    text = f"\n{indent}".join(lines).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    end = f"\n{indent}" if len(lines) > 1 or text.endswith('"') else ""
    return f'{indent}"""{text}{end}"""'


# -- classes ---------------------------------------------------------------------------------------------------------


def _enumeration(enumeration: Enumeration, types: Types) -> str:
    names = Names(f"the enum {enumeration.name}", str, {*keyword.kwlist, "name", "value", "mro"})
    lines = [f"class {types.names[enumeration.name]}(enum.Enum):"]
    lines += [_doc(enumeration.doc.splitlines()), ""] if enumeration.doc else []
    lines += [f"    {names.take(member.name)} = {quoted(member.value)}" for member in enumeration.members]
    return "\n".join(lines if enumeration.members else [*lines, "    pass"])


def _record(record: Record, types: Types, answered: bool) -> str:
    names = Names(f"the class {record.name}", _attribute, frozenset(keyword.kwlist))
    fields = [(field, names.take(field.name)) for field in record.fields]
    lines = ["@dataclass(frozen=True, kw_only=True)", f"class {types.names[record.name]}:"]
    lines += [_doc(record.doc.splitlines()), ""] if record.doc else []
    lines += [f"    {name}: {types.of_field(field, record)}{_default(field, name)}" for field, name in fields]
    if not fields and not record.doc:
        lines.append("    pass")
    if not answered:
        return "\n".join(lines)
    reads = [f"        {name}={types.read_field(field)}," for field, name in fields]
    return "\n".join([*lines, "", "", *_reader(types.reader(record.name), types.names[record.name], reads)])


def _reader(reader: str, name: str, reads: list[str]) -> list[str]:
    if not reads:
        return [f"def {reader}(value: Any) -> {name}:", f"    return {name}()"]
    return [f"def {reader}(value: Any) -> {name}:", f"    return {name}(", *reads, "    )"]


def _attribute(name: str) -> str:
    return name if name.isidentifier() else snake(name)


def _default(field: model.Field, name: str) -> str:
    if name == field.name:
        return " = ..." if field.optional else ""
    default = "default=..., " if field.optional else ""
    return f' = field({default}metadata={{"wire": {quoted(field.name)}}})'


# -- functions -------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Functions:
    """Writes functions, blocking or for asyncio."""

    _types: Types
    _asyncio: bool

    @property
    def _def(self) -> str:
        return "async def" if self._asyncio else "def"

    @property
    def _await(self) -> str:
        return "await " if self._asyncio else ""

    def of_command(self, command: Command, name: str) -> str:
        """The function that calls it."""
        if not command.typed:
            return self._untyped(command, name)
        names = Names(f"the arguments of {command.name}", str, _IN_FUNCTIONS)
        given = [*self._parameters(command, names)]
        if command.streams:
            given.append((True, "credit: int = 64"))
        listed = [text for optional, text in sorted(given, key=lambda each: each[0])]
        signature = ["core: Core", "/", *(["*", *listed] if listed else [])]
        waits = not (command.streams or command.channels)
        head = enclosed(f"{self._def if waits else 'def'} {name}(", signature, f") -> {self._returns(command)}:")
        return "\n".join([*head, _doc(of_command(command)), *self._body(command)])

    def _untyped(self, command: Command, name: str) -> str:
        head = f"{self._def} {name}(core: Core, /, **arguments: Any) -> Any:"
        call = f'    return {self._await}core.invoke("{command.name}", **arguments)'
        return "\n".join([head, _doc(of_command(command)), call])

    def _parameters(self, command: Command, names: Names) -> Iterator[tuple[bool, str]]:
        """Each with whether it may be left out."""
        for each in command.parameters:
            kind = self._types.of(each.type, given=True)
            unsaid = " | EllipsisType = ..." if each.optional else ""
            yield each.optional, f"{names.take(each.name)}: {kind}{unsaid}"
        for channel in command.channels:
            kind = self._channel(channel)
            unsaid = " | None = None" if channel.optional else ""
            yield channel.optional, f"{names.take(channel.name)}: {kind}{unsaid}"

    def _channel(self, channel: model.Channel) -> str:
        sending = f"Sending[{self._types.of(channel.item, given=True)}]"
        receiving = f"Receiving[{self._types.of(channel.item)}]"
        ways = {Direction.SEND: sending, Direction.RECEIVE: receiving, Direction.EITHER: f"{sending} | {receiving}"}
        return ways[channel.direction]

    def _returns(self, command: Command) -> str:
        answer = self._types.of(command.answer)
        if command.streams:
            return f"Receiving[{answer}]"
        if command.channels:
            return f"asyncio.Task[{answer}]" if self._asyncio else f"Begun[{answer}]"
        return answer

    def _body(self, command: Command) -> Iterator[str]:
        names = Names("", str, _IN_FUNCTIONS)
        passed = []
        optional = []
        for parameter in command.parameters:
            name = names.take(parameter.name)
            value = self._types.write(parameter.type, name)
            if parameter.optional:
                optional += [f"    if {name} is not ...:", f'        _arguments["{parameter.name}"] = {value}']
            else:
                passed.append((parameter.name, value))
        for channel in command.channels:
            name = names.take(channel.name)
            yield from self._binds(channel, name)
            if channel.optional:
                optional += [f"    if {name} is not None:", f'        _arguments["{channel.name}"] = {name}.channel']
            else:
                passed.append((channel.name, f"{name}.channel"))
        if optional:
            said = [f'"{name}": {value}' for name, value in passed]
            yield from enclosed("    _arguments: dict[str, Any] = {", said, "}")
            yield from optional
            yield from self._call(command, ["**_arguments"])
        else:
            yield from self._call(command, [_keyword(name, value) for name, value in passed])

    def _binds(self, channel: model.Channel, name: str) -> Iterator[str]:
        """Tells a receiving end how its items are read."""
        if channel.direction is Direction.SEND or self._types.is_same(channel.item):
            return
        read = f"{name}.read = {self._types.reading(channel.item)}"
        if channel.direction is Direction.EITHER:
            yield from (f"    if isinstance({name}, Receiving):", f"        {read}")
        elif channel.optional:
            yield from (f"    if {name} is not None:", f"        {read}")
        else:
            yield f"    {read}"

    def _call(self, command: Command, arguments: list[str]) -> Iterator[str]:
        reading = self._types.reading(command.answer)
        said = [f'"{command.name}"', *arguments]
        invoked = f"{self._await}core.invoke({', '.join(said)})"
        if command.streams:
            stream = f"core.stream({', '.join([said[0], 'credit=credit', *arguments])})"
            yield from enclosed("    return Receiving(", [stream, reading], ")")
        elif command.channels:
            begun = "_begun" if self._asyncio else "Begun"
            yield from enclosed(f"    return {begun}(", [said[0], reading, f"core.call({', '.join(said)})"], ")")
        elif command.answer == model.Plain(Basic.NULL):
            yield from enclosed(f"    {self._await}core.invoke(", said, ")")
        elif self._types.is_same(command.answer):
            answer = f"    _answer: {self._types.of(command.answer)} = {self._await}core.invoke("
            yield from enclosed(answer, said, ")")
            yield "    return _answer"
        else:
            yield from enclosed("    return _read(", [said[0], reading, invoked], ")")

    # -- events -------------------------------------------------------------------------------------------------------

    def of_event(self, event: Event, names: Names) -> Iterator[str]:
        """The functions that listen to it and that emit it, as far as they are to be had."""
        nothing = event.payload == model.Plain(Basic.NULL)
        if event.may_hear:
            name = names.claim(_named(event.name, "on"), f"event {event.name}")
            yield self._listening(event, name, nothing)
        if event.may_emit:
            name = names.claim(_named(event.name, "emit"), f"event {event.name}")
            yield self._emitting(event, name, nothing)

    def _listening(self, event: Event, name: str, nothing: bool) -> str:
        handler = f"Callable[[{'' if nothing else self._types.of(event.payload) + ', '}Event], object]"
        what = (
            f"Call `handler` with {'' if nothing else 'the payload of '}each event `{event.name}`, or the first alone."
        )
        given = "handler" if nothing else f"_handler({self._types.reading(event.payload)}, handler)"
        listen = f'(core.once if once else core.listen)("{event.name}", {given})'
        return "\n".join(
            [
                *enclosed(
                    f"{self._def} {name}(",
                    ["core: Connection", f"handler: {handler}", "/", "*", "once: bool = False"],
                    ") -> Subscription:",
                ),
                _doc(of_event(event, what)),
                f"    return {self._await}{listen}",
            ]
        )

    def _emitting(self, event: Event, name: str, nothing: bool) -> str:
        payload = "" if nothing else f"payload: {self._types.of(event.payload, given=True)}, "
        value = "None" if nothing else self._types.write(event.payload, "payload")
        return "\n".join(
            [
                f"{self._def} {name}(core: Core, {payload}/, *, to: str | None = None) -> None:",
                _doc(of_event(event, f"Emit `{event.name}`, to all who listen or to the worker `to` alone.")),
                f'    {self._await}core.emit("{event.name}", {value}, to=to)',
            ]
        )


def _keyword(name: str, value: str) -> str:
    return f"**{{{quoted(name)}: {value}}}" if keyword.iskeyword(name) else f"{name}={value}"
