"""Everything that policy refuses: answered with its code, counted and logged by the core, and nothing else happens.

The core is asked by a worker without our stub, since the stub refuses of itself what its grants do not have.
"""

from __future__ import annotations

import pytest
from applications.application import Application, capability, worker
from applications.puppets import Raised

COMMANDS = """
from stockade import Caller, CommandError, command

ran = []

@command("notes.read", inline=True)
def read(caller: Caller, name: str) -> str:
    with caller.scope.open(name) as file:
        return file.read()

@command("notes.purge", inline=True)
def purge() -> None:
    ran.append("notes.purge")

@command("other.secret", inline=True)
def secret() -> None:
    ran.append("other.secret")

@command("notes.what_ran", inline=True)
def what_ran() -> list[str]:
    return ran

@command("notes.locked", inline=True)
def locked() -> None:
    raise CommandError("notes.locked", "somebody else writes it", {"by": "you"})
"""

NOT_ALLOWED_ALIKE = {"code": "not_allowed", "message": "policy does not allow it"}


@pytest.fixture(scope="module")
def notes(shared_applications) -> Application:
    """A core with notes, a worker with our stub and one without, of the same capability."""
    made = shared_applications()
    made.write("notes/todo", "buy milk")
    made.write("notes/private/diary", "dear diary")
    made.write("outside/key", "42")
    (made.folder / "notes/link").symlink_to(made.folder / "outside/key")
    made.configure(
        worker("editor", capabilities=["notes"]),
        # Three, since of each worker no more than twenty refusals a second are logged one by one.
        *(
            worker(label, "raw_puppet.py", capabilities=["notes"], limits={"topics": 3})
            for label in ("caller", "reader", "hearer")
        ),
        capability(
            "notes",
            commands={"allow": ["notes.*"], "deny": ["notes.purge"]},
            events={
                "listen": {"allow": ["notes/*", "far/**", "half/**"], "deny": ["notes/secret", "half/secret/*"]},
                "emit": ["editor/*"],
            },
            scopes={"notes.read": {"allow": ["notes/**"], "deny": ["notes/private/**"]}},
        ),
        commands=COMMANDS,
    )
    made.start()
    made.ready("editor")
    for label in ("caller", "reader", "hearer"):
        made.puppet(label).do("greet()")
    return made


def test_a_command_of_no_capability_and_one_that_does_not_exist_are_answered_alike(notes) -> None:
    """From the answer nobody learns what exists."""
    raw = notes.puppet("caller")
    unlisted, nonexistent = raw.do("call('other.secret', {})"), raw.do("call('other.nothing', {})")
    assert unlisted == nonexistent
    assert unlisted["code"] == "not_allowed"
    notes.log.wait(event="refused", worker="caller@1", name="other.secret", act="call", code="not_allowed")
    notes.log.wait(event="refused", worker="caller@1", name="other.nothing", act="call", code="not_allowed")


def test_deny_beats_allow_and_no_handler_of_a_refused_call_runs(notes) -> None:
    """`notes.*` allows it, `notes.purge` denies it."""
    assert notes.puppet("caller").do("call('notes.purge', {})")["code"] == "not_allowed"
    record = notes.log.wait(event="refused", name="notes.purge", act="call", code="not_allowed")
    assert "stockade.toml:" in record["message"]
    assert notes.puppet("caller").do("call('notes.what_ran', {})") == []


def test_an_allowed_command_that_does_not_exist_is_not_found(notes) -> None:
    """Who may have it may know that there is none."""
    assert notes.puppet("caller").do("call('notes.raed', {})")["code"] == "not_found"
    notes.log.wait(event="refused", worker="caller@1", act="call", name="notes.raed", code="not_found")


@pytest.mark.parametrize(
    ("arguments", "path"),
    [({}, "name"), ({"name": 5}, "name"), ({"name": None}, "name"), ({"name": "notes/todo", "x": 1}, "x")],
    ids=["missing", "integer", "null", "unknown"],
)
def test_arguments_that_do_not_fit_are_invalid_and_say_where(notes, arguments, path) -> None:
    """Nothing is coerced, and nothing is left over."""
    error = notes.puppet("caller").do("call('notes.read', arguments)", arguments=arguments)
    assert error["code"] == "invalid_args"
    assert error["data"]["path"] == path


@pytest.mark.parametrize(
    "name",
    [
        "../stockade.toml",
        "notes/../outside/key",
        "/etc/passwd",
        "{folder}/notes/todo",
        "notes/link",
        "notes/private/diary",
        "notes/private/nothing",
        "notes",
        "",
        "outside/key",
    ],
)
def test_no_path_leaves_its_scope(notes, name) -> None:
    """Neither by dots, nor from the root, nor by a link, nor where a deny rule is; all in the same words."""
    error = notes.puppet("reader").do("call('notes.read', {'name': name})", name=name.format(folder=notes.folder))
    reference = notes.puppet("reader").do("call('notes.read', {'name': 'outside/nothing'})")
    assert error == reference
    assert error["code"] == "not_allowed"


def test_a_path_within_its_scope_is_read_and_one_that_is_missing_is_not_found(notes) -> None:
    """The refusals above are not for want of a file."""
    raw = notes.puppet("reader")
    assert raw.do("call('notes.read', {'name': 'notes/todo'})") == "buy milk"
    assert raw.do("call('notes.read', {'name': 'notes/missing'})")["code"] == "not_found"


def test_an_error_of_the_application_is_passed_on_as_it_is(notes) -> None:
    """Its code has a dot, so that it is none of the protocol's."""
    error = notes.puppet("caller").do("call('notes.locked', {})")
    assert error == {"code": "notes.locked", "message": "somebody else writes it", "data": {"by": "you"}}
    raised = notes.puppet("editor").do("core.invoke('notes.locked')")
    assert raised == Raised("CommandError", "notes.locked: somebody else writes it", "notes.locked", {"by": "you"})


@pytest.mark.parametrize(
    ("topic", "act", "name"),
    [
        ("notes/secret|", "listen", "notes/secret"),
        ("other/changed|", "listen", "other/changed"),
        ("notes/", "listen_prefix", "notes/"),
        ("half/", "listen_prefix", "half/"),
        ("core:worker/exited|", "listen", "core:worker/exited"),
    ],
    ids=["denied", "unlisted", "prefix-not-covered", "prefix-met-by-a-deny", "core"],
)
def test_a_subscription_that_policy_does_not_allow_is_denied(notes, topic, act, name) -> None:
    """Exact ones, and prefixes of which a part is not allowed."""
    verb, answered, error = notes.puppet("hearer").do("subscribe(topic.encode())", topic=topic)
    assert (verb, answered, error["code"]) == ("denied", topic, "not_allowed")
    notes.log.wait(event="refused", worker="hearer@1", act=act, name=name, code="not_allowed")


def test_subscriptions_above_their_limit_are_busy_until_one_is_given_up(notes) -> None:
    """What a worker can make the core remember is bounded."""
    raw = notes.puppet("hearer")
    for topic in ("notes/a|", "notes/b|", "far/"):
        assert raw.do("subscribe(topic.encode())", topic=topic) == ["listening", topic]
    verb, topic, error = raw.do("subscribe(b'notes/c|')")
    assert (verb, topic, error["code"]) == ("denied", "notes/c|", "busy")
    raw.do("events.unsubscribe(b'notes/a|')")
    assert raw.do("subscribe(b'notes/d|')") == ["listening", "notes/d|"]


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("notes/changed", None, "not_allowed"),
        ("core:worker/exited", None, "not_allowed"),
        ("editor/opened", {"to": "nobody"}, "not_found"),
    ],
    ids=["unlisted", "reserved", "to-nobody"],
)
def test_an_emit_that_is_refused_is_counted_logged_and_ignored(notes, name, options, code) -> None:
    """It has no answer, and does no harm to the worker."""
    raw = notes.puppet("hearer")
    raw.do("emit(name, None, options=options)", name=name, options=options)
    notes.log.wait(event="refused", worker="hearer@1", act="emit", name=name, code=code)
    assert raw.do("call('notes.what_ran', {})") == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("core.invoke('other.secret')", "NotAllowed"),
        ("core.invoke('notes.purge')", "NotAllowed"),
        ("core.invoke('notes.nothing')", "NotFound"),
        ("core.invoke('notes.read', name=5)", "InvalidArgs"),
        ("core.invoke('notes.read', name='../stockade.toml')", "NotAllowed"),
        ("core.listen('notes/secret', print)", "NotAllowed"),
        ("core.listen('notes/', print)", "NotAllowed"),
        ("core.emit('notes/changed')", "NotAllowed"),
        ("core.emit('core:worker/exited')", "NotAllowed"),
        ("core.emit('no name')", "ValueError"),
        ("core.invoke('notes.read', name=2**64)", "EncodeError"),
    ],
)
def test_the_stub_raises_an_error_of_its_own_class(notes, code, kind) -> None:
    """Whether it has refused of itself or the core has."""
    raised = notes.puppet("editor").do(code)
    assert isinstance(raised, Raised)
    assert raised.kind == kind


def test_each_refusal_is_counted_by_the_core(applications) -> None:
    """The counts stand in the log when the link is closed, by act and code."""
    made = applications()
    made.configure(
        worker("raw", "raw_puppet.py", capabilities=["little"], limits={"calls": 2, "topics": 1}),
        worker("idle", capabilities=[]),
        capability(
            "little",
            commands=["wait", "read"],
            events={"listen": ["a/**"], "emit": ["a/*"]},
            scopes={"read": ["notes/**"]},
        ),
        commands="""
import asyncio
from stockade import Caller, command

@command("wait")
async def wait() -> None:
    await asyncio.Event().wait()

@command("read")
def read(caller: Caller, name: str) -> str:
    return caller.scope.open(name).read()
""",
    )
    made.start()
    raw = made.puppet("raw")
    answers = raw.do("""
greet()
for number in range(3):
    call("nothing", {})
call("read", {"name": "../x"}), call("read", {"name": 5})
subscribe(b"b|"), subscribe(b"a/x|"), subscribe(b"a/y|")
emit("b", None, 1), emit("core:x", None, 2), emit("a/x", None, 3, {"to": "nobody"}), emit("a/x", None, 4)
first = last_id
say(["call", first + 1, "wait", {}], ["call", first + 2, "wait", {}], ["call", first + 3, "wait", {}])
hear("error")
""")
    assert answers[2]["code"] == "busy"
    assert raw.do("say(['bye', {'emitted': 4}]); hear('bye')") == ["bye", {"emitted": 4}]
    raw.begin("os._exit(0)")
    counted = made.closed("raw@1")
    assert counted["refusals"] == {
        "call busy": 1,
        "call invalid_args": 1,
        "call not_allowed": 4,
        "emit not_allowed": 2,
        "emit not_found": 1,
        "listen busy": 1,
        "listen not_allowed": 1,
    }
    assert (counted["calls"], counted["in_flight"], counted["emits"]) == (8, 0, 4)
