"""The types of the model in Python: as annotations, and as expressions that read values of the wire and write them.

Knows no function and no module around them.
"""

from __future__ import annotations

import json

import attrs

from stockade.bindings.model import (
    Anything,
    Array,
    Basic,
    Choice,
    Distinct,
    Field,
    Map,
    Model,
    Named,
    Nullable,
    OneOf,
    Plain,
    Record,
    Tuple,
    Type,
)
from stockade.bindings.naming import snake

__all__ = ["Types", "quoted"]

_PLAIN = {
    Basic.INT: "int",
    Basic.FLOAT: "float",
    Basic.TEXT: "str",
    Basic.BYTES: "bytes",
    Basic.BOOL: "bool",
    Basic.NULL: "None",
    Basic.DATETIME: "datetime",
    Basic.DATE: "date",
    Basic.TIME: "time",
    Basic.DURATION: "timedelta",
    Basic.UUID: "UUID",
    Basic.DECIMAL: "Decimal",
    Basic.PATH: "PurePath",
}
#: How text, or seconds, become what is not a value of the wire itself.
_READ = {
    Basic.DATETIME: "datetime.fromisoformat({})",
    Basic.DATE: "date.fromisoformat({})",
    Basic.TIME: "time.fromisoformat({})",
    Basic.DURATION: "timedelta(seconds={})",
    Basic.UUID: "UUID({})",
    Basic.DECIMAL: "Decimal({})",
    Basic.PATH: "PurePosixPath({})",
}


@attrs.frozen
class Types:
    """Renders types. `names` are those of the classes in the module, by their names in the model."""

    names: dict[str, str]
    _model: Model

    # -- annotations --------------------------------------------------------------------------------------------------

    def of(self, kind: Type, given: bool = False) -> str:
        """The annotation; what is `given` may be any container of its kind, and a whole record where fewer would do."""
        match kind:
            case Plain(basic):
                return _PLAIN[basic]
            case Anything():
                return "Any"
            case Nullable(item):
                inner = self.of(item, given)
                return inner if inner == "Any" else f"{inner} | None"
            case Array(item):
                return f"{'Sequence' if given else 'list'}[{self.of(item, given)}]"
            case Distinct(item):
                if not self._is_hashable(item):
                    return f"{'Sequence' if given else 'list'}[{self.of(item, given)}]"
                return f"{'Set' if given else 'set'}[{self.of(item, given)}]"
            case Map(item):
                return f"{'Mapping' if given else 'dict'}[str, {self.of(item, given)}]"
            case Tuple(items):
                return f"tuple[{', '.join(self.of(item, given) for item in items) or '()'}]"
            case Choice(values):
                return f"Literal[{', '.join(map(quoted, values))}]" if _is_exact(values) else _loose(values)
            case OneOf(members):
                return " | ".join(self.of(member, given) for member in members)
            case Named(name):
                whole = self._records.get(name, Record("", "", ())).whole if given else ""
                return f"{self.names[name]} | {self.names[whole]}" if whole in self.names else self.names[name]

    def of_field(self, field: Field, record: Record) -> str:
        """The annotation of a field."""
        kind = self.of(field.type, given=bool(record.whole))
        return f"{kind} | EllipsisType" if field.optional else kind

    @property
    def _records(self) -> dict[str, Record]:
        return {record.name: record for record in self._model.records}

    def _is_hashable(self, kind: Type) -> bool:
        """Whether a set of Python can hold what it becomes."""
        match kind:
            case Nullable(item):
                return self._is_hashable(item)
            case Tuple(parts) | OneOf(parts):
                return all(map(self._is_hashable, parts))
            case Named(name):
                return name not in self._records  # a field may be a list
        return isinstance(kind, (Plain, Choice))

    # -- reading ------------------------------------------------------------------------------------------------------

    def is_same(self, kind: Type) -> bool:
        """Whether its values are those of the wire."""
        match kind:
            case Plain(basic):
                return basic not in _READ
            case Nullable(item) | Array(item) | Map(item):
                return self.is_same(item)
            case OneOf(members):
                return all(map(self.is_same, members))
            case Anything() | Choice():
                return True
        return False

    def reader(self, name: str) -> str:
        """What the function that reads a record is called."""
        return f"_{snake(self.names[name])}"

    def reading(self, kind: Type) -> str:
        """A function that reads it."""
        if self.is_same(kind):
            return "_same"
        if isinstance(kind, Named):
            return self._constructor(kind.name)
        return f"lambda value: {self.read(kind, 'value')}"

    def _constructor(self, name: str) -> str:
        return self.reader(name) if name in self._records else self.names[name]

    def read(self, kind: Type, value: str, depth: int = 0) -> str:
        """The expression that reads `value`."""
        item = f"item{depth or ''}"
        if self.is_same(kind):
            return value
        match kind:
            case Plain(basic):
                return _READ[basic].format(value)
            case Nullable(inner):
                return f"None if {value} is None else {self.read(inner, value, depth)}"
            case Array(inner):
                return f"[{self.read(inner, item, depth + 1)} for {item} in {value}]"
            case Distinct(inner):
                brackets = "{}" if self._is_hashable(inner) else "[]"
                return f"{brackets[0]}{self.read(inner, item, depth + 1)} for {item} in {value}{brackets[1]}"
            case Map(inner):
                key = f"key{depth or ''}"
                return f"{{{key}: {self.read(inner, item, depth + 1)} for {key}, {item} in {value}.items()}}"
            case Tuple(items):
                read = [self._enclosed(part, f"{value}[{at}]", depth) for at, part in enumerate(items)]
                return f"({', '.join(read)}{',' if len(read) == 1 else ''})"
            case OneOf(members):
                return self._read_one_of(members, value, depth)
            case Named(name):
                return f"{self._constructor(name)}({value})"
        raise AssertionError(kind)

    def _enclosed(self, kind: Type, value: str, depth: int) -> str:
        read = self.read(kind, value, depth)
        return f"({read})" if isinstance(kind, (Nullable, OneOf)) and read != value else read

    def read_field(self, field: Field) -> str:
        """The expression that reads a field of the map `value`."""
        read = self._enclosed(field.type, f"value[{quoted(field.name)}]", 0)
        return f"{read} if {quoted(field.name)} in value else ..." if field.optional else read

    def _read_one_of(self, members: tuple[Type, ...], value: str, depth: int) -> str:
        """By the member's type on the wire, and by the fields of records; what need not be read is what is left."""
        other = [member for member in members if not self.is_same(member)]
        last = value if len(other) < len(members) else self._enclosed(other.pop(), value, depth)
        tests = [f"{self._enclosed(each, value, depth)} if {self._test(each, members, value)} else " for each in other]
        return f"{''.join(tests)}{last}"

    def _test(self, kind: Type, members: tuple[Type, ...], value: str) -> str:
        if isinstance(kind, Named) and kind.name in self._records:
            maps = [each for each in members if isinstance(each, Map) or self._is_record(each)]
            return f"isinstance({value}, dict)" + (self._fields_test(kind.name, value) if len(maps) > 1 else "")
        if isinstance(kind, Named):
            found = next(each for each in self._model.enumerations if each.name == kind.name)
            return f"type({value}) in {_types(tuple(member.value for member in found.members))}"
        if isinstance(kind, Plain):
            return f"type({value}) in (int, float)" if kind.basic is Basic.DURATION else f"isinstance({value}, str)"
        return f"isinstance({value}, {'dict' if isinstance(kind, Map) else 'list'})"

    def _is_record(self, kind: Type) -> bool:
        return isinstance(kind, Named) and kind.name in self._records

    def _fields_test(self, name: str, value: str) -> str:
        fields = self._records[name].fields
        needed = ", ".join(quoted(field.name) for field in fields if not field.optional)
        known = ", ".join(quoted(field.name) for field in fields)
        low = f"{{{needed}}} <= " if needed else ""
        tags = [(field.name, field.type.values) for field in fields if isinstance(field.type, Choice)]
        tagged = "".join(f" and {value}[{quoted(tag)}] {_among(values)}" for tag, values in tags)
        return f" and {low}{value}.keys() <= {{{known}}}{tagged}"

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, kind: Type, value: str) -> str:
        """The expression that makes `value` a value of the wire."""
        match kind:
            case Plain() | Choice() if self.is_same(kind):
                return value
            case Nullable(item) if self.write(item, value) == value:
                return value
            case Array(item) if self.write(item, "item") == "item":
                return f"list({value})"
            case Map(item) if self.write(item, "item") == "item":
                return f"dict({value})"
        return f"_wire({value})"


def quoted(value: object) -> str:
    """A value as Python writes it, text in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _among(values: tuple[object, ...]) -> str:
    listed = ", ".join(map(quoted, values))
    return f"in ({listed})" if len(values) > 1 else f"== {listed}"


def _is_exact(values: tuple[object, ...]) -> bool:
    return not any(isinstance(value, float) for value in values)


def _loose(values: tuple[object, ...]) -> str:
    """Of numbers that no Literal takes."""
    return " | ".join(sorted({type(value).__name__ for value in values}))


def _types(values: tuple[object, ...]) -> str:
    names = sorted({type(value).__name__ for value in values})
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
