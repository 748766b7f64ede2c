"""What workers may do, as decided, with the rule that each decision comes from."""

from __future__ import annotations

import gc
import itertools
import re
import tracemalloc
import weakref
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.config.specs import App, Capability, Configuration, Place, Rule, Rules, WorkerSpec
from stockade.core.policy.authority import Act, Authority
from stockade.core.policy.exports import clashes
from stockade.errors import Code

COMMANDS = ("notes.read", "notes.save", "notes.purge", "system.stop")
ASKED = {
    Act.CALL: "notes.read",
    Act.LISTEN: "notes/changed",
    Act.LISTEN_PREFIX: "notes/",
    Act.EMIT: "editor/opened",
}


@pytest.fixture
def authority(writer: Any) -> Authority:
    """Two capabilities of one worker that meet in several places."""
    notes = writer.capability(
        "notes",
        writer.rules(["notes.*"], ["notes.purge"]),
        writer.rules(["notes/**", "core:worker/*"], ["notes/secret/*"]),
        writer.rules(["editor/*", "**"]),
        {"notes.read": writer.rules(["notes/**"])},
    )
    more = writer.capability(
        "more",
        writer.rules(["notes.purge", "gone.*"]),
        writer.rules(["notes/secret/**", "other/**", "flat/*"]),
        writer.rules(["core:worker/started"], ["editor/closed"]),
        {"notes.read": writer.rules(["drafts/*"], ["notes/private/**"])},
    )
    return Authority.resolve(writer.configuration(notes, more), COMMANDS)


@pytest.mark.parametrize("act", Act)
def test_an_empty_configuration_allows_nothing(writer: Any, act: Act) -> None:
    """A worker without capabilities may do nothing, and the log is told what to write."""
    decision = Authority.resolve(writer.configuration(), COMMANDS).decide("editor", act, ASKED[act])
    assert (decision.allowed, decision.code, decision.rule, decision.capability) == (
        False,
        Code.NOT_ALLOWED,
        None,
        None,
    )
    assert 'and list it in the "capabilities" of that worker' in decision.reason


def test_a_capability_that_nobody_lists_allows_nothing(authority: Authority) -> None:
    """Only the capabilities that a worker lists are its own."""
    assert not authority.decide("rogue", Act.CALL, "notes.read").allowed


def test_an_allowed_call_names_its_origin(authority: Authority) -> None:
    """The decision carries the capability, the pattern and the line."""
    decision = authority.decide("editor", Act.CALL, "notes.read")
    assert decision.allowed
    assert decision.code is None
    assert decision.capability == "notes"
    assert decision.rule == Rule("notes.*", Place("stockade.toml", 1))
    assert decision.reason == "allowed by 'notes.*' of capability notes (stockade.toml:1)"


def test_deny_beats_allow_over_all_capabilities_together(authority: Authority) -> None:
    """What one capability denies no other can allow, and the deny rule is the origin."""
    decision = authority.decide("editor", Act.CALL, "notes.purge")
    assert not decision.allowed
    assert decision.code is Code.NOT_ALLOWED
    assert decision.rule is not None
    assert decision.rule.pattern == "notes.purge"
    assert decision.rule.place.line == 2
    assert decision.capability == "notes"


def test_an_allowed_command_that_does_not_exist_is_not_found(authority: Authority) -> None:
    """A worker that may call it may know that it is missing."""
    decision = authority.decide("editor", Act.CALL, "notes.raed")
    assert (decision.allowed, decision.code) == (False, Code.NOT_FOUND)
    assert decision.rule is not None
    assert decision.rule.pattern == "notes.*"


@pytest.mark.parametrize("name", ["notes.purge", "system.stop", "system.no-such", "x" * 500, "no name", ""])
def test_a_refusal_does_not_tell_what_exists(authority: Authority, name: str) -> None:
    """Denied, unlisted, unknown and impossible names get one answer, and it names nothing."""
    error = authority.decide("editor", Act.CALL, name).refusal()
    assert (error.code, error.message, error.data) == ("not_allowed", "this worker may not do that", None)


def test_an_allowed_decision_has_no_refusal(authority: Authority) -> None:
    """Refusing what was allowed is a bug of the caller's."""
    with pytest.raises(ValueError, match="allowed"):
        authority.decide("editor", Act.CALL, "notes.read").refusal()


def test_a_log_cannot_be_forged_by_a_name(authority: Authority) -> None:
    """Control characters and great lengths do not reach the reason."""
    for act in Act:
        reason = authority.decide("editor", act, "a\nfake line\x1b[2J" + "x" * 10_000).reason
        assert reason.isprintable()
        assert len(reason) < 400


@pytest.mark.parametrize(
    ("act", "name", "allowed"),
    [
        (Act.LISTEN, "notes/changed", True),
        (Act.LISTEN, "notes/a/b//c", True),
        (Act.LISTEN, "notes/secret/key", False),
        (Act.LISTEN, "notes/secret/deep/key", True),
        (Act.LISTEN, "core:worker/started", True),
        (Act.LISTEN, "core:other", False),
        (Act.LISTEN, "notes/", False),
        (Act.LISTEN, "not a name", False),
        (Act.LISTEN_PREFIX, "other/", True),
        (Act.LISTEN_PREFIX, "other/deeper/", True),
        (Act.LISTEN_PREFIX, "notes/", False),  # a deny rule meets it
        (Act.LISTEN_PREFIX, "notes/open/", True),  # none meets this
        (Act.LISTEN_PREFIX, "notes/secret/", False),
        (Act.LISTEN_PREFIX, "notes/secret/deep/", True),
        (Act.LISTEN_PREFIX, "flat/", False),  # `flat/*` does not cover all below
        (Act.LISTEN_PREFIX, "core:worker/", False),
        (Act.LISTEN_PREFIX, "other", False),
        (Act.LISTEN_PREFIX, "", False),
        (Act.EMIT, "editor/opened", True),
        (Act.EMIT, "editor/closed", False),
        (Act.EMIT, "anything/at/all", True),
        (Act.EMIT, "core:worker/started", False),  # reserved, whatever two rules say
        (Act.EMIT, "core:", False),
    ],
)
def test_events(authority: Authority, act: Act, name: str, allowed: bool) -> None:
    """Listening, listening by prefix and emitting, each by its own rules; asked twice, since answers are kept."""
    decision = authority.decide("editor", act, name)
    assert decision.allowed is allowed
    assert decision.code is (None if allowed else Code.NOT_ALLOWED)
    assert authority.decide("editor", act, name) == decision


def test_two_rules_together_do_not_grant_a_prefix(writer: Any) -> None:
    """One rule must cover the whole subtree: that two cover it between them is for no one to prove."""
    listen = writer.rules(["notes/*", "notes/*/**"])
    halves = writer.rules(["notes/*", "notes/*/*/**"])
    whole = Authority.resolve(writer.configuration(writer.capability("c", listen=listen)), ())
    split = Authority.resolve(writer.configuration(writer.capability("c", listen=halves)), ())
    assert whole.decide("editor", Act.LISTEN_PREFIX, "notes/").allowed
    assert not split.decide("editor", Act.LISTEN_PREFIX, "notes/").allowed


def test_a_flood_of_names_is_not_remembered(authority: Authority) -> None:
    """What a worker makes up does not stay in the core: not as calls, and as events only to a bound."""

    def flood(size: int) -> None:
        for number in range(size):
            for act, name in ((Act.CALL, "gone.x{}"), (Act.LISTEN, "notes/{}"), (Act.EMIT, "x/{}")):
                authority.decide("editor", act, name.format(number))

    flood(3000)
    tracemalloc.start()
    flood(500)
    before = tracemalloc.get_traced_memory()[0]
    flood(6000)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 1_000_000


def test_huge_names_are_not_remembered(authority: Authority) -> None:
    """A name that is longer than names may be is answered and forgotten."""

    class Name(str):
        __slots__ = ("__weakref__",)

    for act in Act:
        name = Name("x" * 129)
        watched = weakref.ref(name)
        assert not authority.decide("editor", act, name).allowed
        del name
        gc.collect()
        assert watched() is None


def test_grants_are_the_patterns_as_written(authority: Authority) -> None:
    """The welcome carries every pattern once, and a worker's change to it changes nothing here."""
    grants = authority.grants("editor")
    assert grants == {
        "commands": {"allow": ["notes.*", "notes.purge", "gone.*"], "deny": ["notes.purge"]},
        "listen": {
            "allow": ["notes/**", "core:worker/*", "notes/secret/**", "other/**", "flat/*"],
            "deny": ["notes/secret/*"],
        },
        "emit": {"allow": ["editor/*", "**", "core:worker/started"], "deny": ["editor/closed"]},
    }
    grants["commands"]["deny"].clear()
    assert authority.grants("editor")["commands"]["deny"] == ["notes.purge"]
    nothing: dict[str, list[str]] = {"allow": [], "deny": []}
    assert authority.grants("rogue") == {"commands": nothing, "listen": nothing, "emit": nothing}


def test_scopes_of_all_capabilities_are_one(authority: Authority) -> None:
    """Allow rules add up, and one capability's deny binds the other's allow."""
    scope = authority.scope("editor", "notes.read")
    assert scope.folder == "/app"
    admitted = [name for name in ("notes/a", "drafts/a", "notes/private/a", "else") if scope.decide(name).allowed]
    assert admitted == ["notes/a", "drafts/a"]
    assert scope.decide("notes/private/a").capability == "more"


def test_without_rules_a_scope_is_empty(authority: Authority) -> None:
    """Neither another command's rules nor another worker's are anyone else's."""
    assert not authority.scope("editor", "notes.save").decide("notes/a").allowed
    assert not authority.scope("rogue", "notes.read").decide("notes/a").allowed


@pytest.mark.parametrize(
    "ask",
    [
        lambda authority: authority.decide("nobody", Act.CALL, "notes.read"),
        lambda authority: authority.decide("nobody", Act.EMIT, "notes/read"),
        lambda authority: authority.grants("nobody"),
        lambda authority: authority.scope("nobody", "notes.read"),
    ],
    ids=["call", "emit", "grants", "scope"],
)
def test_an_unknown_label_is_a_bug(authority: Authority, ask: Any) -> None:
    """No worker chooses its label: one that is not configured is a mistake of the core's own, and loud."""
    with pytest.raises(KeyError, match="nobody"):
        ask(authority)


def test_a_pattern_that_is_none_stops_the_start(writer: Any) -> None:
    """Should a dead deny rule get past the check of the file, the core does not start without its protection."""
    capability = writer.capability("notes", writer.rules(["**"], ["notes.pur*"]))
    with pytest.raises(ValueError, match=r"notes\.pur\*"):
        Authority.resolve(writer.configuration(capability), COMMANDS)


@pytest.fixture
def exporting(writer: Any) -> Configuration:
    """Two replicas that may export `thumbs.*`, and an editor that may call some of it."""
    capability = writer.capability("thumbs", writer.rules(["thumbs.make", "notes.*", "other.make"]))
    editor, rogue = writer.configuration(capability).workers
    thumbs = WorkerSpec("thumbs", ("true",), writer.place(), ("thumbs",), exports=("thumbs.*",), replicas=2)
    return attrs.evolve(writer.configuration(capability), workers=(editor, rogue, thumbs))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("thumbs.make", None),
        ("notes.read", None),
        ("thumbs.other", Code.NOT_ALLOWED),
        ("other.make", Code.NOT_FOUND),
        ("notes.none", Code.NOT_FOUND),
    ],
)
def test_what_a_worker_may_export_exists(exporting: Configuration, name: str, code: Code | None) -> None:
    """Policy judges it like a command of the core's."""
    assert Authority.resolve(exporting, COMMANDS).decide("editor", Act.CALL, name).code is code


def test_replicas_may_do_what_their_worker_may(exporting: Configuration) -> None:
    """Each under its own label, which its refusals name; a label beyond them is not known."""
    authority = Authority.resolve(exporting, COMMANDS)
    for label in ("thumbs", "thumbs.1", "thumbs.2"):
        assert authority.decide(label, Act.CALL, "notes.read").allowed
        assert f"{label} may not call" in authority.decide(label, Act.CALL, "system.stop").reason
        assert authority.grants(label) == authority.grants("editor")
    with pytest.raises(KeyError):
        authority.decide("thumbs.3", Act.CALL, "notes.read")


def test_exports_of_the_cores_own_commands_are_a_fault(exporting: Configuration) -> None:
    """Each worker that has such a pattern is named; the core does not start with it."""
    assert clashes(exporting.workers, COMMANDS) == []
    (fault,) = clashes(exporting.workers, ["notes.read", "thumbs.make"])
    assert '"exports" of thumbs meets "thumbs.make"' in str(fault)


SEGMENTS = st.sampled_from(["a", "b", "*", "**"])
RULES = st.lists(st.lists(SEGMENTS, min_size=1, max_size=3).map(".".join), max_size=3)
EVERY = [".".join(name) for size in (1, 2, 3) for name in itertools.product("abz", repeat=size)]


@given(st.lists(st.tuples(RULES, RULES), min_size=1, max_size=3))
def test_the_table_and_the_rules_agree(written: list[tuple[list[str], list[str]]]) -> None:
    """Whether a call is decided ahead or anew, it is allowed just if some rule allows it and none denies it."""
    place = Place("stockade.toml", 1)

    def rules(patterns: list[str]) -> tuple[Rule, ...]:
        return tuple(Rule(pattern, place) for pattern in patterns)

    capabilities = tuple(
        Capability(f"c{number}", place, Rules(rules(allow), rules(deny)))
        for number, (allow, deny) in enumerate(written)
    )
    worker = WorkerSpec("w", ("true",), place, tuple(capability.name for capability in capabilities))
    configuration = Configuration("f", "/", App("a"), workers=(worker,), capabilities=capabilities)
    existing = Authority.resolve(configuration, EVERY)
    missing = Authority.resolve(configuration, ())
    for name in EVERY:
        here, gone = existing.decide("w", Act.CALL, name), missing.decide("w", Act.CALL, name)
        assert here.rule == gone.rule
        assert gone.code is (Code.NOT_FOUND if here.allowed else Code.NOT_ALLOWED)
        assert here.allowed == _allowed(written, name)


def _allowed(written: list[tuple[list[str], list[str]]], name: str) -> bool:
    def fits(pattern: str) -> bool:
        """The pattern as a regular expression over segments that each end in a dot."""
        parts = {"*": r"[^.]+\.", "**": r"(?:[^.]+\.)*"}
        return (
            re.fullmatch("".join(parts.get(part, part + r"\.") for part in pattern.split(".")), name + ".") is not None
        )

    allowed = any(fits(pattern) for allow, _ in written for pattern in allow)
    return allowed and not any(fits(pattern) for _, deny in written for pattern in deny)
