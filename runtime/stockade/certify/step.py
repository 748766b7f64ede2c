"""What a step of the walk is, and the list that each module of steps adds its own to. Knows no step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import attrs

from stockade.certify.life import Life
from stockade.certify.scene import PLAIN, Scene

__all__ = ["OFFERS", "Step", "Steps"]

#: All that a worker may offer (docs/certify.md); what it does not, is not asked of it.
OFFERS = (
    "together",
    "cancel",
    "timeout",
    "retry",
    "stream",
    "channels",
    "raw",
    "events",
    "emits",
    "exports",
    "export-streams",
    "nested",
    "floats",
)

Play = Callable[[Life], Awaitable[None]]


@attrs.frozen
class Step:
    """One thing that is certified. `about` says what the worker must do, `section` where the protocol says so.

    Steps of one `walk` share a life, as long as none fails; without a walk a step starts a life of its own. `needs` are
    the offers without which it is not asked, the last of them the feature that it is a step of. One that is `optional`
    fails without the certificate failing.
    """

    name: str
    about: str
    section: str
    play: Play = attrs.field(repr=False)
    walk: str | None = None
    scene: Scene = PLAIN
    needs: tuple[str, ...] = ()
    optional: bool = False


@attrs.define
class Steps:
    """Steps of one kind, under names that begin with `group`."""

    group: str
    section: str
    walk: str | None = None
    scene: Scene = PLAIN
    needs: tuple[str, ...] = ()
    steps: list[Step] = attrs.field(factory=list)

    def step(
        self, name: str, *needs: str, optional: bool = False, section: str | None = None, scene: Scene | None = None
    ) -> Callable[[Play], Play]:
        """Decorates a step's function; its docstring is what it says of itself."""

        def add(play: Play) -> Play:
            self.add(name, " ".join((play.__doc__ or "").split()), play, needs, optional, section, scene)
            return play

        return add

    def add(
        self,
        name: str,
        about: str,
        play: Play,
        needs: Iterable[str] = (),
        optional: bool = False,
        section: str | None = None,
        scene: Scene | None = None,
    ) -> None:
        """Add a step."""
        whole = tuple(dict.fromkeys((*self.needs, *needs)))
        unknown = set(whole) - set(OFFERS)
        if unknown:
            raise ValueError(f"no worker can offer {sorted(unknown)}")
        self.steps.append(
            Step(
                f"{self.group}/{name}",
                about,
                section or self.section,
                play,
                self.walk,
                scene or self.scene,
                whole,
                optional,
            )
        )
