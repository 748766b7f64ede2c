"""What `stockade explain` says: the decision that the core would make, and the rule and line that it comes from.

Knows no rule: it asks `Authority.decide` and `Scope.admits` and prints what they return. Nor does it know the command
line: it gives lines and JSON values, and whoever prints them exits with `exit_code`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import click

from stockade.cli.usage import Usage
from stockade.config.specs import Configuration
from stockade.config.wording import nearest, quoted
from stockade.core.policy.authority import Act, Authority, Decision
from stockade.errors import Code
from stockade.names import is_command, is_event

__all__ = ["Explanation", "explain"]

_VERBS = {
    Act.CALL: "call",
    Act.LISTEN: "listen to",
    Act.LISTEN_PREFIX: "listen to all of",
    Act.EMIT: "emit",
}


@attrs.frozen
class Explanation:
    """A decision as lines for people and as JSON values for programs; `refusal` is what of the lines says why not."""

    allowed: bool
    lines: tuple[str, ...]
    refusal: tuple[str, ...]
    json: dict[str, Any]

    @property
    def exit_code(self) -> int:
        """0 if it is allowed, 3 if it is refused."""
        return 0 if self.allowed else 3


def explain(
    configuration: Configuration,
    commands: Mapping[str, bool],
    worker: str,
    command: str | None = None,
    *,
    listen: str | None = None,
    emit: str | None = None,
    arguments: Mapping[str, str] | None = None,
) -> Explanation:
    """What `worker` may do, by one of `command`, `listen` (a prefix if it ends in a slash) or `emit`.

    `commands` says of each registered command's name whether it takes a scope, as `importing.Imported` does.
    `arguments` are the ``--arg name=value`` of a command; where it takes a scope, each is judged as a path, and one
    that the scope would refuse makes the whole refused. Looks at the file system then, since paths hold links.
    Raises click.UsageError or Usage (exit code 2) for what asks nothing, two things, or what can be no name; KeyError
    for an unknown worker.
    """
    act, name = _asked(command, listen, emit, arguments)
    authority = Authority.resolve(configuration, commands)
    decision = authority.decide(worker, act, name)
    judged = dict[str, Decision]()
    if act is Act.CALL and decision.allowed and commands.get(name):
        scope = authority.scope(worker, name)
        judged = {argument: scope.admits(value) for argument, value in (arguments or {}).items()}
    exporter = authority.exports.family(name) if act is Act.CALL and name not in commands else None
    near = nearest(name, commands) if decision.code is Code.NOT_FOUND else None
    found = _Found(worker, act, name, decision, dict(arguments or {}), judged, exporter, near)
    return Explanation(not found.refused, tuple(found.lines()), tuple(found.refusal()), found.json())


@attrs.frozen
class _Found:
    """A decision with all that belongs to it: its arguments, those of them that were judged, and who answers it."""

    worker: str
    act: Act
    name: str
    decision: Decision
    arguments: dict[str, str]
    judged: dict[str, Decision]
    exporter: str | None
    near: str | None

    @property
    def refused(self) -> list[Decision]:
        """Those of the decisions that say no."""
        return [one for one in (self.decision, *self.judged.values()) if not one.allowed]

    def lines(self) -> Iterator[str]:
        """All of it, for people."""
        yield from _decision_lines(self.worker, self.act, self.name, self.decision)
        if self.exporter:
            yield f"  exporter    {self.exporter}, if it does export this"
        yield from self._nearest()
        for argument, one in self.judged.items():
            yield from _argument_lines(argument, self.arguments[argument], one)
        for argument in sorted(self.arguments.keys() - self.judged.keys()) if self.decision.allowed else ():
            yield f"--arg {argument}: not judged, {self.name} takes no scope"

    def refusal(self) -> Iterator[str]:
        """What of it says why not."""
        for one in self.refused:
            yield f"{one.code}: {one.reason}"
            yield from _origin_lines(one)
        yield from self._nearest()

    def json(self) -> dict[str, Any]:
        """All of it, for programs."""
        judged = {name: {"value": self.arguments[name], **_json(one)} for name, one in self.judged.items()}
        whole = {"allowed": not self.refused, "exporter": self.exporter, "arguments": judged}
        return {"worker": self.worker, "act": str(self.act), "name": self.name, **_json(self.decision), **whole}

    def _nearest(self) -> list[str]:
        return [f"  nearest     {self.near}"] if self.near else []


def _asked(
    command: str | None, listen: str | None, emit: str | None, arguments: Mapping[str, str] | None
) -> tuple[Act, str]:
    asked = [
        (act, name)
        for act, name in (
            (Act.CALL, command),
            (Act.LISTEN_PREFIX if listen is not None and listen.endswith("/") else Act.LISTEN, listen),
            (Act.EMIT, emit),
        )
        if name is not None
    ]
    if len(asked) != 1:
        raise click.UsageError("Ask one thing: a COMMAND, --listen EVENT or --emit EVENT.")
    _check_name(*asked[0])
    if arguments and command is None:
        raise click.UsageError("--arg belongs to a COMMAND; events have no arguments to judge.")
    return asked[0]


def _check_name(act: Act, name: str) -> None:
    """Raise Usage for what no command or event can be called: the core would not even decide."""
    if act is Act.CALL:
        if not is_command(name):
            raise Usage(f"{quoted(name)} is no command", "write letters, digits, _ and -, joined by dots: notes.read")
    elif not (is_event(name) or (act is Act.LISTEN_PREFIX and is_event(name[:-1]))):
        prefix = ", and for all that begin so a slash at the end" if act is not Act.EMIT else ""
        instead = f"write at most 128 of A to Z, a to z, 0 to 9 and _ / : . -, as in notes/changed{prefix}"
        raise Usage(f"{quoted(name)} is no event", instead)


def _decision_lines(worker: str, act: Act, name: str, decision: Decision) -> list[str]:
    if not decision.allowed:
        return [f"refused ({decision.code}): {decision.reason}", *_origin_lines(decision)]
    return [f"allowed: {worker} may {_VERBS[act]} {quoted(name)}", *_origin_lines(decision)]


def _origin_lines(decision: Decision) -> list[str]:
    if decision.rule is None:
        return []
    return [
        f"  capability  {decision.capability}",
        f"  rule        {quoted(decision.rule.pattern)}",
        f"  written at  {decision.rule.place}",
    ]


def _argument_lines(argument: str, value: str, decision: Decision) -> list[str]:
    if not decision.allowed:
        return [f"--arg {argument}: refused ({decision.code}): {decision.reason}", *_origin_lines(decision)]
    return [f"--arg {argument}: the scope admits {quoted(value)}", *_origin_lines(decision)]


def _json(decision: Decision) -> dict[str, Any]:
    rule = decision.rule
    written = rule and {"pattern": rule.pattern, "file": rule.place.file, "line": rule.place.line}
    return {
        "allowed": decision.allowed,
        "code": decision.code and str(decision.code),
        "reason": decision.reason,
        "capability": decision.capability,
        "rule": written,
    }
