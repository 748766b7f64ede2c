"""Who may do what: the capabilities of all workers, resolved once to flat tables, decided per call.

Knows no socket, file or process. `explain` prints what `decide` returns here: no rule is written twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache

import attrs

from stockade import limits, names
from stockade.config.specs import Capability, Configuration, Rules, WorkerSpec
from stockade.core.policy.decision import Act, Clauses, Decision
from stockade.core.policy.exports import Exports
from stockade.core.policy.scope import Scope
from stockade.errors import Code

__all__ = ["Act", "Authority", "Decision"]

#: For each act: its verb, the key of a capability that allows it, and the separator of its names.
_WORDS = {
    Act.CALL: ("call", "commands", "."),
    Act.LISTEN: ("listen to", "events.listen", "/"),
    Act.LISTEN_PREFIX: ("listen to all of", "events.listen", "/"),
    Act.EMIT: ("emit", "events.emit", "/"),
}


def _rules_of(capability: Capability, act: Act) -> Rules:
    match act:
        case Act.CALL:
            return capability.commands
        case Act.LISTEN | Act.LISTEN_PREFIX:
            return capability.events.listen
        case Act.EMIT:
            return capability.events.emit


def _is_name(act: Act, name: str) -> bool:
    match act:
        case Act.CALL:
            return names.is_command(name)
        case Act.LISTEN | Act.EMIT:
            return names.is_event(name)
        case Act.LISTEN_PREFIX:
            return name.endswith("/") and names.EVENT.fullmatch(name) is not None


@attrs.frozen(eq=False)
class _Worker:
    """What one worker may do, by the rules: its clauses per act, and its scopes per command."""

    label: str
    capabilities: tuple[str, ...]
    clauses: Mapping[Act, Clauses]
    scopes: Mapping[str, Scope]
    commands: frozenset[str]  # all that exist, not only this worker's
    exports: Exports  # what workers may export, so that it may exist

    @classmethod
    def resolve(
        cls,
        spec: WorkerSpec,
        capabilities: Iterable[Capability],
        folder: str,
        commands: frozenset[str],
        exports: Exports,
    ) -> _Worker:
        clauses = dict.fromkeys(Act, Clauses())
        scopes: dict[str, Scope] = {}
        for capability in capabilities:
            for act, (_, _, separator) in _WORDS.items():
                clauses[act] = clauses[act].with_rules(capability.name, _rules_of(capability, act), separator)
            for command, rules in capability.scopes.items():
                own = os.path.normpath(os.path.join(folder, capability.folder))
                before = scopes.get(command, Scope(command, own))
                if before.folder != own:
                    raise ValueError(f"{spec.label} has scopes of {command} in two folders, {before.folder} and {own}")
                scopes[command] = Scope(command, own, before.clauses.with_rules(capability.name, rules, "/"))
        return cls(spec.label, spec.capabilities, clauses, scopes, commands, exports)

    def allowed_calls(self) -> dict[str, Decision]:
        """Every command that exists and that this worker may call."""
        decided = {command: self.decide(Act.CALL, command) for command in self.commands}
        return {command: decision for command, decision in decided.items() if decision.allowed}

    def remembering(self) -> Callable[[Act, str], Decision]:
        """`decide`, with a memory of as many names as it may subscribe to: who floods names forgets its own alone."""
        return lru_cache(maxsize=limits.TOPICS)(self.decide)

    def decide(self, act: Act, name: str) -> Decision:
        """By the rules; the work is bounded, since a name out of its grammar (and so its length) is not matched."""
        verb, key, _ = _WORDS[act]
        what = f"{self.label} may not {verb} {name[: limits.NAME]!r}"
        if not _is_name(act, name):
            return Decision(False, Code.NOT_ALLOWED, f"{what}: that is no name; see the grammar of names")
        if act is Act.EMIT and names.is_reserved_event(name):
            whose = f"names that begin with {names.RESERVED_EVENTS!r} are the core's alone; choose another"
            return Decision(False, Code.NOT_ALLOWED, f"{what}: {whose}")
        decision = self._by_rules(act, name, what, key)
        if decision.allowed and act is Act.CALL and name not in self.commands and self.exports.family(name) is None:
            reason = f"{what}: no command has this name, though it would be {decision.reason}; check its spelling"
            return attrs.evolve(decision, allowed=False, code=Code.NOT_FOUND, reason=reason)
        return decision

    def _by_rules(self, act: Act, name: str, what: str, key: str) -> Decision:
        clauses = self.clauses[act]
        if act is Act.LISTEN_PREFIX:
            instead = self._instead(key, f"{name}**") + ", one rule for the whole of it"
            return clauses.decide(
                lambda pattern: pattern.covers(name), lambda pattern: pattern.meets(name), what, instead
            )
        instead = self._instead(key, name)
        return clauses.decide(
            lambda pattern: pattern.matches(name), lambda pattern: pattern.matches(name), what, instead
        )

    def _instead(self, key: str, pattern: str) -> str:
        if not self.capabilities:
            return f'write a capability whose {key} has "{pattern}", and list it in the "capabilities" of that worker'
        return f'write "{pattern}" into {key} of one of its capabilities ({", ".join(self.capabilities)})'


@attrs.frozen(eq=False)
class Authority:
    """What every worker may do. Made by `resolve`; all methods raise KeyError for a label that is not configured.

    Labels are those of workers and those of replicas, which may do the same.
    """

    _folder: str
    exports: Exports
    _workers: Mapping[str, _Worker]
    _calls: Mapping[str, Mapping[str, Decision]]  # by label and command, the allowed ones alone; see `decide`
    _recall: Mapping[str, Callable[[Act, str], Decision]]

    @classmethod
    def resolve(cls, configuration: Configuration, commands: Collection[str]) -> Authority:
        """The authority of a checked configuration over the registered `commands`.

        What `config` would have refused raises: ValueError for a pattern that is none, KeyError for a capability that
        is not there, ValueError for the scopes of one command in two folders.
        """
        by_name = {capability.name: capability for capability in configuration.capabilities}
        known, exports = frozenset(commands), Exports.of(configuration.workers)
        workers = {
            spec.label: _Worker.resolve(
                spec, [by_name[name] for name in dict.fromkeys(spec.capabilities)], configuration.folder, known, exports
            )
            for spec in configuration.workers
        }
        calls = {label: worker.allowed_calls() for label, worker in workers.items()}
        for label, spec in configuration.by_label().items():  # replicas may do what their worker may
            workers[label] = attrs.evolve(workers[spec.label], label=label)
            calls[label] = calls[spec.label]
        return cls(
            configuration.folder,
            exports,
            workers,
            calls,
            {label: worker.remembering() for label, worker in workers.items()},
        )

    def decide(self, label: str, act: Act, name: str) -> Decision:
        """Whether the worker may. A call that it may make is one look into a dict.

        Calls that it may not make are worked out anew each time, whether the command exists or not: so nothing that
        a worker makes up is remembered, and the time of a refusal does not tell what exists.
        """
        if act is Act.CALL:
            return self._calls[label].get(name) or self._workers[label].decide(act, name)
        if len(name) > limits.NAME:
            return self._workers[label].decide(act, name)  # no name, and too long to be remembered
        return self._recall[label](act, name)

    def grants(self, label: str) -> dict[str, dict[str, list[str]]]:
        """The patterns of one worker, as its `welcome` carries them: for it to know, never what is enforced."""
        clauses = self._workers[label].clauses
        return {
            "commands": clauses[Act.CALL].texts(),
            "listen": clauses[Act.LISTEN].texts(),
            "emit": clauses[Act.EMIT].texts(),
        }

    def scope(self, label: str, command: str) -> Scope:
        """The paths that calls of `command` by this worker may touch; without rules an empty scope."""
        return self._workers[label].scopes.get(command) or Scope(command, self._folder)
