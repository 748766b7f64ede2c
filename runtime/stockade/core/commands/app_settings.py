"""`[app.settings]` made into the application's settings class, as strictly as the arguments of a call.

Knows no file and no line: a fault has the path of its key, and whoever read the file knows where that stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stockade.core.types.hints import Hints
from stockade.core.types.values import Misfit, misfits, path_text
from stockade.errors import StockadeError

__all__ = ["SettingsError", "configured"]


class SettingsError(StockadeError):
    """The settings do not fit their class. The operator's: `faults` has each one, its path below ``app.settings``."""

    def __init__(self, faults: tuple[Misfit, ...]) -> None:
        super().__init__("\n".join(f"{path_text(('app', 'settings', *each.path))}: {each.wrong}" for each in faults))
        self.faults = faults


def configured(settings_class: type | None, values: Mapping[str, Any]) -> Any:
    """An instance of `settings_class` made from plain values; None where there is no class.

    Raises SettingsError with every fault, also for values where there is no class to take them. What the class's own
    code raises other than ValueError and TypeError comes through: that is the application's bug.
    """
    if settings_class is None:
        unwanted = (Misfit((name,), "no @settings class of the application takes it") for name in values)
        return _refused(tuple(unwanted))
    try:
        return Hints().shape(settings_class).structure(dict(values))
    except Exception as error:
        raise SettingsError(tuple(misfits(error))) from error


def _refused(faults: tuple[Misfit, ...]) -> None:
    if faults:
        raise SettingsError(faults)
