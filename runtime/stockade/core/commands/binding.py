"""A call's arguments, bound by name to a function's parameters: what fits becomes its keyword arguments.

Knows no worker and runs nothing. What does not fit is a CommandError, `invalid_args`, with the path of the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from stockade.core.types.shapes import Shape
from stockade.core.types.values import Misfit, Within, misfits, or_nearest, path_text
from stockade.errors import Code, CommandError

__all__ = ["Binder", "Parameter", "bind_item"]


@attrs.frozen
class Parameter:
    """One parameter that a caller gives by name; where it is not `required`, the function has a default for it."""

    name: str
    hint: Any
    shape: Shape
    required: bool


#: A parameter as the hot path wants it: its name, the type that needs no structuring, what structures any other.
_Slot = tuple[str, type | None, Callable[[Any], Any]]


def _slots(parameters: tuple[Parameter, ...]) -> tuple[_Slot, ...]:
    return tuple((each.name, each.shape.exact, each.shape.structure) for each in parameters)


@attrs.frozen
class Binder:
    """Binds the arguments of one command's calls; `channels` are names of parameters that no argument fills."""

    parameters: tuple[Parameter, ...]
    channels: tuple[str, ...] = ()
    _slots: tuple[_Slot, ...] = attrs.field(
        init=False, default=attrs.Factory(lambda self: _slots(self.parameters), takes_self=True)
    )

    def bind(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The function's keyword arguments; an argument that is missing is left to its default, null is a value.

        Raises CommandError (`invalid_args`, the caller's fault) with the first fault, its path in `data.path`.
        Measured: 0.5 µs for two ints, 0.4 µs for two texts; filling a class of two ints by cattrs took 1.2 µs.
        """
        bound: dict[str, Any] = {}
        name = ""
        try:
            for name, exact, structure in self._slots:
                if name in arguments:
                    value = arguments[name]
                    bound[name] = value if type(value) is exact else structure(value)
        except Exception as error:
            raise _invalid(next(misfits(Within(name, error)))) from error
        if len(bound) != len(arguments) or len(bound) < len(self._slots):
            self._check_names(arguments)
        return bound

    def _check_names(self, arguments: Mapping[str, Any]) -> None:
        known = [each.name for each in self.parameters]
        for name in arguments:
            if name in self.channels:
                raise _invalid(Misfit((name,), "expected a channel, got a value"))
            if name not in known:
                raise _invalid(Misfit((name,), f"unknown argument{or_nearest(name, known)}"))
        for each in self.parameters:
            if each.required and each.name not in arguments:
                raise _invalid(Misfit((each.name,), "missing"))


def bind_item(channel: str, shape: Shape, value: Any) -> Any:
    """An item of a channel as its hint wants it; raises CommandError (`invalid_args`) for one that does not fit."""
    try:
        return value if type(value) is shape.exact else shape.structure(value)
    except Exception as error:
        raise _invalid(next(misfits(Within(channel, error)))) from error


def _invalid(misfit: Misfit) -> CommandError:
    return CommandError(Code.INVALID_ARGS, str(misfit), {"path": path_text(misfit.path)})
