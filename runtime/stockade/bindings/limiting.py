"""The model as one worker may use it, and with the exports that the configuration alone knows.

Knows no rule: it asks `Authority.decide`, as the core does.
"""

from __future__ import annotations

import attrs

from stockade.bindings.model import Command, Event, Model, pruned
from stockade.config.specs import Configuration
from stockade.core.policy.authority import Act, Authority

__all__ = ["limited", "with_exports"]


def with_exports(model: Model, configuration: Configuration) -> Model:
    """The same with every command that a worker may export by its whole name, untyped where it is not declared."""
    known = {command.name for command in model.commands}
    names = {name for spec in configuration.workers for name in spec.exports if "*" not in name}
    added = [Command(name, exported=True, typed=False) for name in names - known]
    return attrs.evolve(model, commands=tuple(sorted((*model.commands, *added), key=lambda each: each.name)))


def limited(model: Model, configuration: Configuration, label: str) -> Model:
    """What the worker `label` may call, listen to and emit of `model`, and the definitions which that needs."""
    commands = [command.name for command in model.commands if not command.exported]
    authority = Authority.resolve(configuration, commands)

    def may(act: Act, name: str) -> bool:
        return authority.decide(label, act, name).allowed

    def heard(event: Event) -> Event:
        return attrs.evolve(event, may_hear=may(Act.LISTEN, event.name), may_emit=may(Act.EMIT, event.name))

    events = tuple(event for event in map(heard, model.events) if event.may_hear or event.may_emit)
    calls = tuple(command for command in model.commands if may(Act.CALL, command.name))
    return pruned(attrs.evolve(model, commands=calls, events=events))
