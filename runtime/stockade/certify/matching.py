"""Whether what a worker says is what a step wants. Knows no message: values and matchers in, true or false out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs

from stockade.certify.notation import written

__all__ = ["ANYTHING", "Error", "Matcher", "error", "fits"]


@attrs.frozen
class Matcher:
    """A value of which not every detail matters: `test` says whether one fits, `words` what is wanted."""

    words: str
    test: Callable[[Any], bool] = attrs.field(repr=False)

    def __str__(self) -> str:
        return self.words


#: Any value at all.
ANYTHING = Matcher("anything", lambda _: True)


@attrs.frozen
class Error:
    """An error in a report or a message: of this `code`; where `message` is None, any words. No data is null data."""

    code: str | Matcher
    message: str | None = None
    data: Any = None

    def __str__(self) -> str:
        parts = [f'"code": {written(self.code)}']
        parts += [f'"message": {written(self.message)}'] if self.message is not None else []
        parts += [f'"data": {written(self.data)}'] if self.data is not ANYTHING else []
        return f"{{{', '.join(parts)}}}"

    def matches(self, came: Any, floats: bool) -> bool:
        """Whether `came` is such an error."""
        if not isinstance(came, dict) or not isinstance(came.get("message"), str):
            return False
        return (
            fits(self.code, came.get("code"), floats=floats)
            and (self.message is None or came["message"] == self.message)
            and fits(self.data, came.get("data"), floats=floats)
        )


def error(*codes: str) -> Error:
    """An error of one of these codes, whatever its words and data are: one that a stub may have made by itself."""
    return Error(Matcher(" or ".join(map(written, codes)), lambda came: came in codes), None, ANYTHING)


def fits(wanted: Any, came: Any, *, floats: bool = True) -> bool:
    """Whether `came` is `wanted`: a map with at least its keys, an array of its length, anything else itself.

    1 is not true; and it is not 1.0 either, but for a worker that cannot tell them (`floats` false). NaN is NaN.
    """
    if isinstance(wanted, Matcher):
        return wanted.test(came)
    if isinstance(wanted, Error):
        return wanted.matches(came, floats)
    if isinstance(wanted, dict):
        return isinstance(came, dict) and all(
            key in came and fits(value, came[key], floats=floats) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(came, list)
            and len(wanted) == len(came)
            and all(fits(*pair, floats=floats) for pair in zip(wanted, came, strict=True))
        )
    return _alike(wanted, came, floats)


def _alike(wanted: Any, came: Any, floats: bool) -> bool:
    numbers = (int, float) if not floats else ()
    if type(wanted) in numbers and type(came) in numbers:
        return bool(wanted == came) or (wanted != wanted and came != came)
    if type(wanted) is not type(came):
        return False
    if isinstance(wanted, float):
        return (wanted == came and math.copysign(1, wanted) == math.copysign(1, came)) or (
            wanted != wanted and came != came
        )
    return bool(wanted == came)
