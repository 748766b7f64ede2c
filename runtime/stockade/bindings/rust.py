"""Bindings for Rust: functions, structs and enums over `stockade_frontend`, by serde's derives.

Knows the stub's public face, not its inside. Unions, and choices of text, are enums named by what they are of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stockade.bindings.comments import Origin, of_command, of_event
from stockade.bindings.layout import enclosed, slashes
from stockade.bindings.model import (
    Basic,
    Channel,
    Command,
    Direction,
    Enumeration,
    Event,
    Field,
    Model,
    Nullable,
    Plain,
    Record,
)
from stockade.bindings.naming import Names, pascal, snake
from stockade.bindings.rust_types import ALIASES, Types, quoted

__all__ = ["render"]

_WORDS = (
    "abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if"
    " impl in let loop macro match mod move mut override priv pub ref return self Self static struct super trait true"
    " try type typeof unsafe unsized use virtual where while yield"
)
#: Words that `r#` does not help.
_NEVER = frozenset({"crate", "self", "super", "Self"})
_STUB = (
    "Args",
    "BoxError",
    "Bytes",
    "Call",
    "Core",
    "Event",
    "Options",
    "ReceiveChannel",
    "Result",
    "SendChannel",
    "Stream",
    "Subscription",
    "Value",
)
#: What no type of the application's may be called in the module.
_TYPES = frozenset(
    {*_STUB, *ALIASES, "Self", "Option", "Some", "None", "Ok", "Err", "String", "Vec", "BTreeMap", "Serialize"}
    | {"Deserialize", "DeserializeOwned", "Deserializer", "Begun", "Calls", "PhantomData", "From", "TryFrom", "Into"}
)

_CALLS = """\
/// What calls are made by: the connection, or `core.options()` with some.
pub trait Calls {
    /// How to call.
    fn manner(&self) -> Options;
}

impl Calls for Core {
    fn manner(&self) -> Options {
        self.options()
    }
}

impl Calls for Options {
    fn manner(&self) -> Options {
        self.clone()
    }
}
"""
_BEGUN = """\
/// A call that has begun.
#[derive(Debug)]
pub struct Begun<T> {
    /// The call itself, which can be cancelled.
    pub call: Call,
    kind: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Begun<T> {
    fn new(call: Call) -> Self {
        Self { call, kind: PhantomData }
    }

    /// Wait for the answer.
    pub fn result(self) -> Result<T> {
        self.call.result()
    }
}
"""
_GIVEN = """\
/// A field that is there, be it null.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> std::result::Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}
"""
_PARTS = {"Calls": _CALLS, "Begun": _BEGUN, '"given"': _GIVEN}
_USES = {
    "serde::de": ("DeserializeOwned",),
    "serde": ("Deserialize", "Deserializer", "Serialize"),
    "std::collections": ("BTreeMap",),
    "std::marker": ("PhantomData",),
    "stockade_frontend": _STUB,
}


def render(model: Model, origin: Origin) -> str:
    """The text of the module. Raises Collision where two names become one."""
    names = Names("the Rust module", pascal, _TYPES)
    classes: list[Enumeration | Record] = [*model.enumerations, *model.records]
    known = {each.name: names.take(each.name, f"class {each.name}") for each in classes}
    types = Types(known, names, model)
    functions = Names("the Rust module", snake, frozenset(_WORDS.split()), _escaped)
    text = [
        *(_enumeration(each, types) for each in model.enumerations),
        *(_record(each, types) for each in model.records),
        *(_command(each, types, functions) for each in model.commands),
        *(lines for each in model.events for lines in _event(each, types, functions)),
    ]
    written = ["\n".join(lines) for lines in text]  # writing finds the unions
    written = [*(f"{union}" for union in types.unions()), *written]
    body = "\n\n".join(written)
    parts = [part.rstrip("\n") for name, part in _PARTS.items() if name in body]
    code = "\n".join(re.sub(r"//.*", "", line) for line in "\n".join([*parts, body]).splitlines())
    aliases = [f"/// {doc}\npub type {name} = {kind};" for name, (kind, doc) in ALIASES.items() if _uses(code, name)]
    head = [*slashes(origin.lines()), "", *slashes([f'What "{origin.application}" offers, typed.'], "//!")]
    uses = [line for module, known_names in _USES.items() if (line := _use(module, known_names, code))]
    return "\n\n".join(filter(None, ["\n".join(head), "\n".join(uses), *aliases, *parts, body])) + "\n"


def _uses(code: str, name: str) -> bool:
    return re.search(rf"(?<![\w:]){name}\b", re.sub(r'"[^"\n]*"', "", code)) is not None


def _use(module: str, names: tuple[str, ...], code: str) -> str:
    used = [name for name in names if _uses(code, name)]
    if len(used) > 1:
        return "\n".join(enclosed(f"use {module}::{{", used, "};"))
    return f"use {module}::{used[0]};" if used else ""


def _escaped(name: str) -> str:
    return f"{name}_" if name in _NEVER else f"r#{name}"


def _fields(place: str) -> Names:
    return Names(place, snake, frozenset(_WORDS.split()), _escaped)


# -- types -----------------------------------------------------------------------------------------------------------


def _enumeration(enumeration: Enumeration, types: Types) -> Iterator[str]:
    name, members = types.names[enumeration.name], enumeration.members
    variants = Names(f"the enum {enumeration.name}", pascal, {"Self"})
    spelled = [(variants.take(member.name), member.value) for member in members]
    yield from slashes(enumeration.doc.splitlines() or [f"`{enumeration.name}` of the application."], "///")
    if all(isinstance(member.value, str) for member in members):
        yield from types.text_enum(name, [(variant, str(value)) for variant, value in spelled])
    elif all(isinstance(member.value, int) and not isinstance(member.value, bool) for member in members):
        yield from _numbers(name, spelled)
    else:
        yield f"pub type {name} = Value;"


def _numbers(name: str, members: Sequence[tuple[str, object]]) -> Iterator[str]:
    yield "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]"
    yield '#[serde(into = "i64", try_from = "i64")]'
    yield f"pub enum {name} {{"
    yield from (f"    {variant} = {value}," for variant, value in members)
    yield "}"
    yield f"\nimpl From<{name}> for i64 {{\n    fn from(value: {name}) -> Self {{\n        value as Self\n    }}\n}}"
    yield f"\nimpl TryFrom<i64> for {name} {{\n    type Error = String;\n"
    yield "    fn try_from(value: i64) -> std::result::Result<Self, String> {\n        match value {"
    yield from (f"            {value} => Ok(Self::{variant})," for variant, value in members)
    yield f'            other => Err(format!("{{other}} is no {name}")),\n        }}\n    }}\n}}'


def _record(record: Record, types: Types) -> Iterator[str]:
    name = types.names[record.name]
    fields = _fields(f"the struct {record.name}")
    spelled = [(field, fields.take(field.name)) for field in record.fields]
    yield from slashes(record.doc.splitlines() or [f"`{record.name}` of the application."], "///")
    yield "#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]"
    if types.is_in_union(record.name):
        yield "#[serde(deny_unknown_fields)]"
    if not spelled:
        yield f"pub struct {name} {{}}"
        return
    yield f"pub struct {name} {{"
    for field, spelling in spelled:
        yield from _field(field, spelling, types, record)
    yield "}"
    if record.whole in types.names:
        yield from _from_whole(record, types)


def _field(field: Field, spelling: str, types: Types, record: Record) -> Iterator[str]:
    said = [f"rename = {quoted(field.name)}"] if spelling.removeprefix("r#") != field.name else []
    if field.optional:
        said += ["default", 'skip_serializing_if = "Option::is_none"']
        said += ['deserialize_with = "given"'] if isinstance(field.type, Nullable) else []
    kind = types.of_field(field, record)
    yield f"    /// `{field.name}`{', which may be left out' if field.optional else ''}."
    yield from [f"    #[serde({', '.join(said)})]"] if said else []
    yield f"    pub {spelling}: {f'Option<{kind}>' if field.optional else kind},"


def _from_whole(record: Record, types: Types) -> Iterator[str]:
    """What was answered may be given."""
    name, whole = types.names[record.name], types.names[record.whole]
    fields = _fields(f"the struct {record.name}")
    yield f"\nimpl From<{whole}> for {name} {{\n    fn from(whole: {whole}) -> Self {{\n        Self {{"
    for field in record.fields:
        spelling = fields.take(field.name)
        value = types.into(field.type, f"whole.{spelling}")
        said = f"Some({value})" if field.optional else value
        yield f"            {spelling}: {said}," if said != spelling else f"            {spelling},"
    yield "        }\n    }\n}"


# -- functions -------------------------------------------------------------------------------------------------------


def _command(command: Command, types: Types, functions: Names) -> Iterator[str]:
    yield from slashes([*of_command(command), *_of_channels(command, types)], "///")
    name = functions.take(command.name, f"command {command.name}")
    if not command.typed:
        yield f"pub fn {name}(core: &impl Calls, arguments: impl Into<Args>) -> Result<Value> {{"
        yield f"    core.manner().invoke({quoted(command.name)}, arguments)\n}}"
        return
    names = Names(f"the arguments of {command.name}", snake, {*_WORDS.split(), "core", "arguments"}, _argument)
    given = [(each.name, names.take(each.name), types.given(each.type), each.optional) for each in command.parameters]
    ends = [(each.name, names.take(each.name), _end(each), each.optional) for each in command.channels]
    signature = [f"{spelled}: {f'Option<{kind}>' if optional else kind}" for _, spelled, kind, optional in given + ends]
    answer = types.of(command.answer)
    verb, returns = ("stream", f"Stream<{answer}>") if command.streams else ("invoke", answer)
    verb, returns = ("call", f"Begun<{answer}>") if ends and not command.streams else (verb, returns)
    lints = "#[allow(clippy::too_many_arguments)]\n" if len(signature) > 6 else ""
    head = enclosed(f"pub fn {name}(", ["core: &impl Calls", *signature], f") -> Result<{returns}> {{")
    yield lints + "\n".join(head)
    yield from _passed(given, ends)
    called = f"core.manner().{verb}({quoted(command.name)}, {'arguments' if given or ends else '()'})"
    yield f"    Ok(Begun::new({called}?))\n}}" if verb == "call" else f"    {called}\n}}"


def _argument(name: str) -> str:
    return f"{name}_" if name in {*_NEVER, "core", "arguments"} else f"r#{name}"


def _passed(given: list[tuple[str, str, str, bool]], ends: list[tuple[str, str, str, bool]]) -> Iterator[str]:
    if not given and not ends:
        return
    always = [
        f".with({quoted(name)}, {_lent(spelled, kind)})" for name, spelled, kind, optional in given if not optional
    ]
    always += [f".channel({quoted(name)}, {spelled})" for name, spelled, _, optional in ends if not optional]
    mutable = "mut " if any(each[3] for each in given + ends) else ""
    yield f"    let {mutable}arguments = Args::new(){''.join(always)};"
    for name, spelled, kind, optional in given:
        if optional:
            yield f"    if let Some({spelled}) = {spelled} {{"
            yield f"        arguments = arguments.with({quoted(name)}, {_lent(spelled, kind)});\n    }}"
    for name, spelled, _, optional in ends:
        if optional:
            yield f"    if let Some({spelled}) = {spelled} {{"
            yield f"        arguments = arguments.channel({quoted(name)}, {spelled});\n    }}"


def _lent(spelled: str, kind: str) -> str:
    return spelled if kind.startswith("&") else f"&{spelled}"


def _end(channel: Channel) -> str:
    ends = {Direction.SEND: "&SendChannel", Direction.RECEIVE: "&ReceiveChannel"}
    return ends.get(channel.direction, "&impl stockade_frontend::Channel")


def _of_channels(command: Command, types: Types) -> list[str]:
    return [f"Items of `{channel.name}` are `{types.of(channel.item)}`." for channel in command.channels]


def _event(event: Event, types: Types, functions: Names) -> Iterator[Iterator[str]]:
    if event.may_hear:
        yield _listening(event, types, functions.take(f"on {event.name}", f"event {event.name}"))
    if event.may_emit:
        yield _emitting(event, types, functions.take(f"emit {event.name}", f"event {event.name}"))


def _listening(event: Event, types: Types, name: str) -> Iterator[str]:
    nothing = event.payload == Plain(Basic.NULL)
    what = f"Call the handler with {'' if nothing else 'the payload of '}each event `{event.name}`."
    payload = "" if nothing else f"{types.of(event.payload)}, "
    yield from slashes(of_event(event, what), "///")
    yield f"pub fn {name}("
    yield "    core: &Core,"
    yield f"    mut handler: impl FnMut(&Core, {payload}&Event) -> std::result::Result<(), BoxError> + 'static,"
    yield ") -> Result<Subscription> {"
    if nothing:
        yield f"    core.listen({quoted(event.name)}, move |core, event| handler(core, event))\n}}"
        return
    yield f"    core.listen({quoted(event.name)}, move |core, event| match event.parse() {{"
    yield "        Ok(payload) => handler(core, payload, event),"
    yield "        Err(error) => {"
    yield '            eprintln!("{} of {} has another payload than declared: {error}", event.name, event.source);'
    yield "            Ok(())\n        }\n    })\n}"


def _emitting(event: Event, types: Types, name: str) -> Iterator[str]:
    nothing = event.payload == Plain(Basic.NULL)
    yield from slashes(of_event(event, f"Emit `{event.name}` to all who listen, or to whom the options say."), "///")
    given = "" if nothing else f", payload: {types.given(event.payload)}"
    said = "&()" if nothing else _lent("payload", types.given(event.payload))
    yield f"pub fn {name}(core: &impl Calls{given}) -> Result<()> {{"
    yield f"    core.manner().emit({quoted(event.name)}, {said})\n}}"
