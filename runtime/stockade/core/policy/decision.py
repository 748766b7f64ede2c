"""What policy says, and where it says so: a decision carries the rule that it comes from.

Knows no worker and no name: it has the words for a decision, and the order in which rules are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

import attrs

from stockade.config.specs import Rule, Rules
from stockade.core.policy.patterns import Pattern
from stockade.errors import Code, CommandError

__all__ = ["Act", "Clause", "Clauses", "Decision"]


class Act(StrEnum):
    """What a worker may ask to do."""

    CALL = "call"
    LISTEN = "listen"
    LISTEN_PREFIX = "listen_prefix"
    EMIT = "emit"


#: What the worker is told. It must not learn what exists, nor how the policy is written: no names and no reasons.
_MESSAGES = {Code.NOT_ALLOWED: "this worker may not do that", Code.NOT_FOUND: "there is no such thing"}


@attrs.frozen
class Decision:
    """Whether something may be done, and why. `reason` is for the log and the operator, never for the worker.

    `code` is None if it is allowed. `rule` and its `capability` are what decided: the allow rule, or the deny rule of
    a refusal; None when nothing allows it.
    """

    allowed: bool
    code: Code | None
    reason: str
    capability: str | None = None
    rule: Rule | None = None

    def refusal(self) -> CommandError:
        """The answer for the worker. Whoever asks it of an allowed decision has a bug: ValueError."""
        if self.code is None:
            raise ValueError("this was allowed")
        return CommandError(self.code, _MESSAGES[self.code], reason=self.reason)


@attrs.frozen
class Clause:
    """One rule of one capability, compiled."""

    capability: str
    rule: Rule
    pattern: Pattern

    def __str__(self) -> str:
        return f"{self.rule.pattern!r} of capability {self.capability} ({self.rule.place})"


def _compiled(capability: str, rules: Iterable[Rule], separator: str) -> tuple[Clause, ...]:
    return tuple(Clause(capability, rule, Pattern.compile(rule.pattern, separator)) for rule in rules)


@attrs.frozen
class Clauses:
    """All rules of one worker for one thing, over all its capabilities, in the order in which it lists them."""

    allow: tuple[Clause, ...] = ()
    deny: tuple[Clause, ...] = ()

    def with_rules(self, capability: str, rules: Rules, separator: str) -> Clauses:
        """These and one capability's; raises ValueError for a pattern that is none."""
        return Clauses(
            self.allow + _compiled(capability, rules.allow, separator),
            self.deny + _compiled(capability, rules.deny, separator),
        )

    def decide(
        self, allows: Callable[[Pattern], bool], denies: Callable[[Pattern], bool], what: str, instead: str
    ) -> Decision:
        """Deny beats allow, and nothing listed is nothing allowed; the first rule that says so is the origin.

        `what` ("editor may not call notes.purge") and `instead` (what to write) are for the reason of a refusal.
        """
        for clause in self.deny:
            if denies(clause.pattern):
                reason = f"{what}: denied by {clause}, and deny beats allow"
                return Decision(False, Code.NOT_ALLOWED, reason, clause.capability, clause.rule)
        for clause in self.allow:
            if allows(clause.pattern):
                return Decision(True, None, f"allowed by {clause}", clause.capability, clause.rule)
        return Decision(False, Code.NOT_ALLOWED, f"{what}: no rule allows it; {instead}")

    def texts(self) -> dict[str, list[str]]:
        """The patterns as they are written, each once."""
        return {
            "allow": list(dict.fromkeys(clause.rule.pattern for clause in self.allow)),
            "deny": list(dict.fromkeys(clause.rule.pattern for clause in self.deny)),
        }
