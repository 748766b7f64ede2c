"""The application's settings: plain values made into its class."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from stockade.core.commands.app_settings import SettingsError, configured


@attrs.frozen
class Store:
    folder: Path
    sizes: list[int]
    ratio: float = 0.5


@attrs.frozen
class Settings:
    store: Store
    title: str = "notes"


def test_settings_become_their_class() -> None:
    """Values are structured, and what is not written has its default."""
    assert configured(Settings, {"store": {"folder": "a", "sizes": [1], "ratio": 2}}) == Settings(
        Store(Path("a"), [1], 2.0)
    )


def test_every_fault_of_settings_comes_at_once_with_its_path() -> None:
    """The operator corrects all of it in one go."""
    with pytest.raises(SettingsError) as caught:
        configured(Settings, {"store": {"sizes": [1, "2"]}, "titel": "x"})
    assert str(caught.value).splitlines() == [
        "app.settings.store.folder: missing",
        "app.settings.store.sizes[1]: expected int, got text",
        "app.settings.titel: unknown field of Settings; did you mean title?",
    ]
    assert caught.value.faults[0].path == ("store", "folder")


def test_settings_that_no_class_takes_are_refused() -> None:
    """A key that has no effect is a mistake; no settings and no class are fine."""
    assert configured(None, {}) is None
    with pytest.raises(SettingsError, match=r"app\.settings\.folder: no @settings class"):
        configured(None, {"folder": "notes"})
