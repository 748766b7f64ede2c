"""What values on the wire are called, and how one that does not fit is reported: where, what was wanted, what came.

Knows no hint: `hints` decides what fits. A report never carries a value whole, since it goes into messages and logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, get_origin

import attrs
from cattrs.errors import AttributeValidationNote, ClassValidationError, ForbiddenExtraKeysError

from stockade.config.wording import nearest, quoted
from stockade.core.types.fields import fields_of

__all__ = [
    "INT_MAX",
    "INT_MIN",
    "Misfit",
    "Mismatch",
    "Path",
    "Wire",
    "Within",
    "misfits",
    "or_nearest",
    "path_text",
    "shown",
    "wire_type",
]

#: Integers on the wire: 64 bits, signed (docs/protocol.md, the profile).
INT_MIN, INT_MAX = -(2**63), 2**63 - 1
#: Characters of a value, name or message of a peer's that a report may show.
SHOWN = 80
#: Characters of what an application's own validator says.
SAID = 200

Path = tuple[str | int, ...]


class Wire(StrEnum):
    """The types of values on the wire, by the names that messages call them."""

    INT = "int"
    FLOAT = "float"
    TEXT = "text"
    BYTES = "bytes"
    BOOL = "bool"
    NULL = "null"
    ARRAY = "array"
    MAP = "map"


_WIRE: dict[type, Wire] = {
    int: Wire.INT,
    float: Wire.FLOAT,
    str: Wire.TEXT,
    bytes: Wire.BYTES,
    memoryview: Wire.BYTES,  # of a raw frame
    bool: Wire.BOOL,
    type(None): Wire.NULL,
    list: Wire.ARRAY,
    dict: Wire.MAP,
}


def wire_type(value: Any) -> Wire | None:
    """The wire type of a decoded value; None for what the decoder never makes."""
    return _WIRE.get(type(value))


def shown(value: Any) -> str:
    """A value of a peer's, short enough to show: a container by its type alone."""
    if type(value) in (list, dict):
        return f"{'an' if type(value) is list else 'a'} {_WIRE[type(value)]} of {len(value)}"
    if type(value) is str:
        return quoted(value)
    if type(value) is bytes and len(value) > SHOWN:
        return f"{value[:SHOWN]!r}..."
    return repr(value) if type(value) in _WIRE else type(value).__name__


class Mismatch(Exception):
    """A value is not what its hint takes. The message says what was wanted and what came."""

    @classmethod
    def of(cls, expected: str, value: Any) -> Mismatch:
        """Wanted a type, got another."""
        return cls(f"expected {expected}, got {wire_type(value) or type(value).__name__}")


class Within(Exception):
    """A fault lies inside a container, one `step` (an index or a key) down."""

    def __init__(self, step: str | int, cause: Exception) -> None:
        super().__init__(step, cause)
        self.step = step
        self.cause = cause


def or_nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean x?``, or nothing. A long name is not compared: that costs its length squared."""
    close = nearest(name, known) if len(name) <= SHOWN else None
    return f"; did you mean {close}?" if close else ""


@attrs.frozen
class Misfit:
    """One value that does not fit: the steps that lead to it, and what is wrong with it."""

    path: Path
    wrong: str

    def __str__(self) -> str:
        return f"{path_text(self.path)}: {self.wrong}" if self.path else self.wrong


def path_text(path: Path) -> str:
    """Steps as people write them: ``items[3].name``, and ``tags["no name"]`` for a key that is no identifier."""
    text = ""
    for step in path:
        if isinstance(step, str) and step.isidentifier() and len(step) <= SHOWN:
            text += f".{step}" if text else step
        else:
            text += f"[{shown(step)}]"  # an index, or a key in quotes, cut where it is long
    return text


def misfits(error: Exception) -> Iterator[Misfit]:
    """What a failed structuring says, each fault with its path; raises `error` again where it is no fault of the value.

    A class reports every field that does not fit, an array or a map its first item: hostile data of a million faults
    must not cost a million reports.
    """
    if isinstance(error, Within):
        yield from (Misfit((error.step, *misfit.path), misfit.wrong) for misfit in misfits(error.cause))
    elif isinstance(error, ClassValidationError):
        for inner in error.exceptions:
            yield from _in_class(error.cl, inner)
    elif isinstance(error, Mismatch):
        yield Misfit((), str(error))
    else:
        raise error


def _in_class(cls: type, error: Exception) -> Iterator[Misfit]:
    """The faults of one field, or of the class as a whole, that cattrs has collected."""
    cls = get_origin(cls) or cls
    note = next((note for note in getattr(error, "__notes__", ()) if type(note) is AttributeValidationNote), None)
    if note is not None:
        name = _wire_name(cls, note.name)
        found = [Misfit((), "missing")] if isinstance(error, KeyError) else misfits(error)
        yield from (Misfit((name, *misfit.path), misfit.wrong) for misfit in found)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in fields_of(cls)]
        for name in sorted(error.extra_fields)[:3]:
            yield Misfit((name,), f"unknown field of {cls.__name__}{or_nearest(name, known)}")
    elif isinstance(error, (ValueError, TypeError)):
        # The class's own validator or converter speaks.
        said = str(error.args[0]) if error.args else type(error).__name__
        yield Misfit((), said[:SAID])
    else:
        raise error


def _wire_name(cls: type, attribute: str) -> str:
    return next(field.name for field in fields_of(cls) if field.attribute == attribute)
