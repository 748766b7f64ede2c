"""What `stockade explain` says of a configuration."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import click
import pytest

from stockade.cli.explain import Explanation, explain
from stockade.config.specs import App, Capability, Configuration, EventRules, Place, Rule, Rules, WorkerSpec

#: Each command, and whether it takes a scope.
COMMANDS = {"notes.read": True, "notes.save": False, "notes.purge": True}


def rules(line: int, allow: list[str], deny: list[str]) -> Rules:
    """The patterns, one a line from `line` on."""
    placed = [Rule(pattern, Place("stockade.toml", line + at)) for at, pattern in enumerate([*allow, *deny])]
    return Rules(tuple(placed[: len(allow)]), tuple(placed[len(allow) :]))


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """One worker that may read notes but for the private ones, and a link that leads out of them."""
    (tmp_path / "app/notes/private").mkdir(parents=True)
    (tmp_path / "app/notes/todo").write_text("")
    (tmp_path / "app/notes/out").symlink_to("../../secret")
    place = Place("stockade.toml", 1)
    notes = Capability(
        "notes",
        place,
        rules(10, ["notes.*"], ["notes.purge"]),
        EventRules(rules(20, ["notes/**"], ["notes/secret/*"]), rules(30, ["editor/*"], [])),
        {"notes.read": rules(40, ["notes/**"], ["notes/private/**"])},
    )
    worker = WorkerSpec("editor", ("true",), place, ("notes",))
    return Configuration("stockade.toml", str(tmp_path / "app"), App("a"), workers=(worker,), capabilities=(notes,))


def origin(explanation: Explanation) -> tuple[str, int]:
    rule = explanation.json["rule"]
    return rule["pattern"], rule["line"]


def test_an_allowed_call(configuration: Configuration) -> None:
    """The capability, the rule and its line, and exit code 0."""
    explanation = explain(configuration, COMMANDS, "editor", "notes.save")
    assert explanation.exit_code == 0
    assert explanation.lines == (
        'allowed: editor may call "notes.save"',
        "  capability  notes",
        '  rule        "notes.*"',
        "  written at  stockade.toml:10",
    )


def test_the_json_form(configuration: Configuration) -> None:
    """Programs get the same as people, and it is JSON."""
    explanation = explain(configuration, COMMANDS, "editor", "notes.read", arguments={"name": "notes/todo"})
    assert json.loads(json.dumps(explanation.json)) == {
        "worker": "editor",
        "act": "call",
        "name": "notes.read",
        "allowed": True,
        "exporter": None,
        "code": None,
        "reason": "allowed by 'notes.*' of capability notes (stockade.toml:10)",
        "capability": "notes",
        "rule": {"pattern": "notes.*", "file": "stockade.toml", "line": 10},
        "arguments": {
            "name": {
                "value": "notes/todo",
                "allowed": True,
                "code": None,
                "reason": "allowed by 'notes/**' of capability notes (stockade.toml:40)",
                "capability": "notes",
                "rule": {"pattern": "notes/**", "file": "stockade.toml", "line": 40},
            }
        },
    }


def test_a_denied_call_names_the_deny_rule(configuration: Configuration) -> None:
    """Exit code 3, and the line to change."""
    explanation = explain(configuration, COMMANDS, "editor", "notes.purge")
    assert (explanation.exit_code, origin(explanation)) == (3, ("notes.purge", 11))
    assert explanation.lines[0].startswith("refused (not_allowed): editor may not call 'notes.purge': denied by")
    assert "  written at  stockade.toml:11" in explanation.lines


def test_an_unlisted_call_says_what_to_write(configuration: Configuration) -> None:
    """No rule is the origin, so the one that is wanting is named."""
    explanation = explain(configuration, COMMANDS, "editor", "system.stop")
    assert (explanation.exit_code, explanation.json["rule"]) == (3, None)
    assert 'write "system.stop" into commands of one of its capabilities (notes)' in explanation.lines[0]


def test_a_missing_command_names_the_nearest(configuration: Configuration) -> None:
    """The operator may know what exists."""
    explanation = explain(configuration, COMMANDS, "editor", "notes.raed")
    assert (explanation.exit_code, explanation.json["code"]) == (3, "not_found")
    assert "  nearest     notes.read" in explanation.lines


@pytest.mark.parametrize(
    ("listen", "emit", "act", "exit_code"),
    [
        ("notes/changed", None, "listen", 0),
        ("notes/secret/key", None, "listen", 3),
        ("notes/", None, "listen_prefix", 3),
        ("notes/open/", None, "listen_prefix", 0),
        (None, "editor/opened", "emit", 0),
        (None, "notes/changed", "emit", 3),
        (None, "core:worker/ready", "emit", 3),
    ],
)
def test_events(configuration: Configuration, listen: str | None, emit: str | None, act: str, exit_code: int) -> None:
    """Listening and emitting; a slash at the end asks for the whole prefix."""
    explanation = explain(configuration, COMMANDS, "editor", listen=listen, emit=emit)
    assert (explanation.json["act"], explanation.exit_code) == (act, exit_code)


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        ("notes/private/a", "notes/private/**"),
        ("notes/sub/../private/a", "notes/private/**"),
        ("other", None),
        ("../secret", None),
        ("notes/out", None),
        ("/etc/passwd", None),
    ],
)
def test_a_path_out_of_scope_is_refused(configuration: Configuration, value: str, pattern: str | None) -> None:
    """The call is allowed but what it names is not: exit code 3, with the rule of the scope."""
    explanation = explain(configuration, COMMANDS, "editor", "notes.read", arguments={"name": value})
    judged = explanation.json["arguments"]["name"]
    assert explanation.exit_code == 3
    assert not explanation.json["allowed"]
    assert not judged["allowed"]
    assert (judged["rule"] and judged["rule"]["pattern"]) == pattern
    assert any(line.startswith("--arg name: refused (not_allowed)") for line in explanation.lines)


def test_an_argument_of_a_command_without_scope_is_not_judged(configuration: Configuration) -> None:
    """It is no path to anyone."""
    explanation = explain(configuration, COMMANDS, "editor", "notes.save", arguments={"name": "/etc/passwd"})
    assert explanation.exit_code == 0
    assert explanation.lines[-1] == "--arg name: not judged, notes.save takes no scope"


def test_a_command_that_a_worker_exports_is_there(configuration: Configuration) -> None:
    """Who answers it is named: whether it does, only a core that runs could say."""
    thumbs = WorkerSpec("thumbs", ("true",), Place("stockade.toml", 2), exports=("notes.thumb",), replicas=2)
    whole = attrs.evolve(configuration, workers=(*configuration.workers, thumbs))
    explanation = explain(whole, COMMANDS, "editor", "notes.thumb", arguments={"name": "notes/todo"})
    assert (explanation.exit_code, explanation.json["exporter"]) == (0, "thumbs")
    assert "  exporter    thumbs, if it does export this" in explanation.lines
    assert explain(whole, COMMANDS, "thumbs.2", "notes.thumb").exit_code == 3


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"command": "notes.read", "listen": "notes/changed"},
        {"listen": "a", "emit": "b"},
        {"listen": "a", "arguments": {"name": "b"}},
    ],
)
def test_asking_nothing_or_two_things_is_refused(configuration: Configuration, asked: dict[str, str]) -> None:
    """One decision is one exit code."""
    with pytest.raises(click.UsageError):
        explain(configuration, COMMANDS, "editor", **asked)  # type: ignore[arg-type]
