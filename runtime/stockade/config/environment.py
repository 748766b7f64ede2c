"""The environment that a worker is given, and the core's.

Pure: what the user has goes in, what the child gets comes out. Knows no generation: the STOCKADE_ variables and TMPDIR
are added for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["core_environment", "worker_environment"]

#: What every worker takes over: what programs need to find each other and to speak the user's language, no secrets.
_TAKEN_OVER = frozenset({"PATH", "LANG", "LANGUAGE", "TZ", "VIRTUAL_ENV", "HOME"})
#: Through a pipe a newcomer's print() would not show until exit.
_ALWAYS = {"PYTHONUNBUFFERED": "1"}


def worker_environment(user: Mapping[str, str], inherit: Iterable[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """A scrubbed environment: of the `user`'s what is harmless and what `inherit` names, then what is `chosen`."""
    names = _TAKEN_OVER.union(inherit)
    taken = {name: value for name, value in user.items() if name in names or name.startswith("LC_")}
    return {**taken, **_ALWAYS, **chosen}


def core_environment(user: Mapping[str, str]) -> dict[str, str]:
    """The core is trusted: it has the whole environment of the `user`, as any program would."""
    return {**user, **_ALWAYS}
