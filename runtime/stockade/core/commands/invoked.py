"""What a command that a worker exports is invoked by, where the application declares it: a function with hints.

Knows no worker and makes no call: it turns arguments into those by name, and an answer into what was hinted.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, get_origin

import attrs

from stockade.core.commands.channels import Channel, ReceiveChannel, SendChannel
from stockade.core.commands.marks import ExportedMark, marks_of
from stockade.core.commands.signatures import GENERATORS
from stockade.core.types.hints import Hints
from stockade.core.types.shapes import Shape
from stockade.core.types.values import misfits
from stockade.errors import Code, CommandError

__all__ = ["Invocation", "invoked"]


@attrs.frozen
class Invocation:
    """One declared command, ready to be invoked. Made by `invoked`."""

    name: str
    signature: inspect.Signature
    answer: Shape

    def arguments(self, at: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments by name, defaults left out; TypeError for those that the function does not take."""
        return self.signature.bind(*at, **named).arguments

    def answered(self, value: Any) -> Any:
        """What a worker answered as the hint has it; raises CommandError (`failed`) where it does not fit."""
        try:
            return self.answer.structure(value)
        except Exception as error:
            wrong = next(misfits(error))
            raise CommandError(Code.FAILED, f"{self.name} answered what is not as declared: {wrong}") from error


@lru_cache(maxsize=1024)
def invoked(function: Callable[..., Any]) -> Invocation:
    """How `function`, which `exported` has marked, is invoked; raises TypeError for any other, and for streams."""
    mark = next((mark for mark in marks_of(function) if isinstance(mark, ExportedMark)), None)
    if mark is None:
        raise TypeError(f"{function!r} declares no command that workers export: mark it @exported, or give the name")
    hints = typing.get_type_hints(inspect.unwrap(function), include_extras=True)
    heads = {get_origin(hint) or hint for hint in hints.values()}
    if heads & {Channel, ReceiveChannel, SendChannel, *GENERATORS}:
        raise TypeError(f"{mark.name} has a stream or channels, which only workers can give: invoke another command")
    return Invocation(mark.name, inspect.signature(function), Hints().shape(hints.get("return", Any)))
