"""Every row of the table of faults (docs/protocol.md, section 6), over real sockets.

Each fault is committed by a generation of its own of a worker that uses pyzmq alone. Meanwhile a worker with our stub
goes on as if nothing had happened, and hears of each end.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from applications.application import Application, capability, worker
from applications.puppets import Puppet

COMMANDS = """
import asyncio
from stockade import command

@command("add", inline=True)
def add(a: int, b: int) -> int:
    return a + b

@command("wait")
async def wait() -> None:
    await asyncio.Event().wait()
"""

#: The largest message of these workers, in bytes.
MESSAGE = 100_000
LABELS = ("rogue-1", "rogue-2", "rogue-3")


@pytest.fixture(scope="module")
def system(shared_applications) -> Application:
    """A bystander that hears of all that ends, and rogues."""
    made = shared_applications()
    limits = {"message": MESSAGE, "calls": 2, "topics": 2}
    # The kill comes half a second after a breach. Most rogues end when they hear of theirs, to save that time.
    made.configure(
        worker("bystander", capabilities=["hear", "rogue"]),
        *(
            worker(label, "raw_puppet.py", capabilities=["rogue"], limits=limits, grace={"stop": 0.1, "stdin": 0.1})
            for label in LABELS
        ),
        capability("hear", events={"listen": ["core:worker/exited", "a/**"]}),
        capability("rogue", commands=["add", "wait"], events={"listen": ["a/**"], "emit": ["a/*"]}),
        commands=COMMANDS,
    )
    made.start()
    made.puppet("bystander").do("core.listen('core:worker/exited', lambda event: heard.append(event.payload))")
    return made


@pytest.fixture(scope="module")
def lives() -> Iterator[tuple[str, int]]:
    """Which generation is the next to be spent."""
    return ((label, generation) for generation in itertools.count(1) for label in LABELS)


@pytest.fixture
def rogue(system, lives) -> Puppet:
    """A generation that may be spent. Not greeted yet."""
    return system.puppet(*next(lives))


@pytest.fixture
def survived(system, rogue) -> Iterator[None]:
    """The worker and its conversation go on after the test; the generation is spent all the same."""
    yield
    assert rogue.do("call('add', {'a': 1, 'b': 2})") == 3
    rogue.begin("os._exit(9)")


@pytest.fixture
def ends(system, rogue) -> Callable[[str], None]:
    """A check that the rogue has been ended for a breach of this code, and that nobody else has noticed."""

    def check(code: str) -> None:
        record = system.log.wait(event="breach", worker=rogue.name)
        assert record["code"] == code
        rogue.begin("os._exit(9)")
        bystander = system.puppet("bystander")
        payload = bystander.do(
            """
def mine(payload):
    return (payload["worker"], payload["generation"]) == (label, generation)
while not any(map(mine, heard)):
    core.poll(None)
next(filter(mine, heard))
""",
            label=rogue.label,
            generation=rogue.generation,
        )
        assert payload["breach"] == code
        assert payload["reason"].startswith(f"{code}: ")
        assert payload["restart_in"] == 0
        assert payload["code"] == 9
        assert bystander.do("core.invoke('add', a=20, b=22)") == 42
        assert bystander.generation == 1

    return check


#: A greeted worker's sentence, and the code that it is ended with.
SENTENCES = {
    # a frame that is not CBOR of the profile, or no array of 1 to 1024 messages; more than one frame
    "no CBOR": ("commands.send(b'\\xff\\xfe')", "bad_frame"),
    "empty frame": ("commands.send(b'')", "bad_frame"),
    "a map": ("commands.send(cbor2.dumps({'call': 1}))", "bad_frame"),
    "empty batch": ("say()", "bad_frame"),
    "1025 messages": ("say(*[['pong', 1]] * 1025)", "bad_frame"),
    "trailing bytes": ("commands.send(cbor2.dumps([['pong', 1]]) + b'\\x00')", "bad_frame"),
    "a tag": ("say(['call', 1, 'add', {'a': cbor2.CBORTag(4, [1, 2]), 'b': 1}])", "bad_frame"),
    "a key that is no text": ("say(['call', 1, 'add', {1: 2}])", "bad_frame"),
    "two frames": ("commands.send_multipart([cbor2.dumps([['pong', 1]])] * 2)", "bad_frame"),
    # a message that is no array with a text first; one whose elements are missing or of the wrong type
    "no message": ("say('ping')", "bad_message"),
    "no verb": ("say([1, 2])", "bad_message"),
    "a call without an id": ("say(['call'])", "bad_message"),
    "an id that is text": ("say(['call', '1', 'add', {}])", "bad_message"),
    "an id out of range": ("say(['call', 2 ** 53, 'add', {}])", "bad_message"),
    "a ping of text": ("say(['ping', 'one'])", "bad_message"),
    "a bye without its count": ("say(['bye', {}])", "bad_message"),
    "several raw frames for one": ("commands.send_multipart([cbor2.dumps([['pong', 1]])] + [b'x'] * 2)", "bad_frame"),
    "raw frames that nothing refers to": (
        "commands.send_multipart([cbor2.dumps([['call', 1, 'add', {}, {'raw': {'a': 1}}]]), b'x', b'y'])",
        "bad_frame",
    ),
    "more raw frames than may be": (
        """
raw = {str(number): number for number in range(1, 65)}
commands.send_multipart([cbor2.dumps([['call', 1, 'add', {}, {'raw': raw}]]), *[b'x'] * 64])""",
        "bad_frame",
    ),
    # an unknown verb
    "an unknown verb": ("say(['shout', 1])", "unknown_verb"),
    # a verb that may not come now
    "hello twice": ("say(['hello', {'protocol': 1, 'stub': 'raw'}])", "out_of_turn"),
    "ready twice": ("say(['ready'], ['ready'])", "out_of_turn"),
    "a call behind bye": ("say(['bye', {'emitted': 1}], ['call', 1, 'add', {}])", "out_of_turn"),
    "the core's verb": ("say(['welcome', {}])", "out_of_turn"),
    # a call id that is not above the one before
    "an id again": ("say(['call', 5, 'add', {'a': 1, 'b': 1}]), say(['call', 5, 'add', {}])", "id_not_rising"),
    "an id that falls": ("say(['call', 5, 'add', {'a': 1, 'b': 1}], ['call', 4, 'add', {}])", "id_not_rising"),
    # an answer to a call that was never made
    "a result": ("say(['result', 1, None])", "unknown_answer"),
    "an error": ("say(['error', 1, {'code': 'failed', 'message': ''}])", "unknown_answer"),
    # a call or a channel that there never was, and what only its other end may say
    "a cancel of no call": ("say(['cancel', 1])", "unknown_call"),
    "a parent of its own": ("say(['call', 1, 'add', {}], ['call', 2, 'add', {}, {'parent': 1}])", "unknown_call"),
    "an item on no channel": ("say(['item', 1, 'x'])", "unknown_channel"),
    "a credit on no channel": ("say(['credit', 2, 1])", "unknown_channel"),
    # a subscription that is none
    "a subscription to everything": ("events.subscribe(b'')", "bad_subscription"),
    "a subscription without a bar": ("events.subscribe(b'a/x')", "bad_subscription"),
    "a subscription to two bars": ("events.subscribe(b'a/x||')", "bad_subscription"),
    # an emit that is no topic, bar and body, or whose event name is out of the grammar; more than one frame
    "an emit without a bar": ("emits.send(b'a/x' + cbor2.dumps([1, None]))", "bad_event"),
    "an emit of no name": ("emit('a x', None)", "bad_event"),
    "an emit of no CBOR": ("emits.send(b'a/x|\\xff')", "bad_event"),
    "an emit of a map": ("emits.send(b'a/x|' + cbor2.dumps({}))", "bad_event"),
    "an emit in two frames": ("emits.send_multipart([b'a/x|', cbor2.dumps([1, None])])", "bad_event"),
    # a message over the limit `message`, or an emit over the limit `event`
    "a message over the limit": ("say(['call', 1, 'add', {'a': bytes(size)}])", "too_large"),
    "an emit over the limit": ("emit('a/x', bytes(65536))", "too_large"),
}


@pytest.mark.parametrize(("sentence", "code"), SENTENCES.values(), ids=SENTENCES.keys())
def test_a_breach_ends_the_worker_and_nobody_else(rogue, ends, sentence, code) -> None:
    """It is told the code, the log has it, and so has the event that others hear."""
    rogue.do("greet()")
    told = rogue.do(f"{sentence}\nhear('breach')", size=MESSAGE)
    assert told[1]["code"] == code
    ends(code)


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("say(['call', 1, 'add', {'a': 1, 'b': 1}])", "out_of_turn"),
        ("say(['ping', 1])", "out_of_turn"),
        ("say(['bye', {'emitted': 0}])", "out_of_turn"),
        ("say(['hello', {'protocol': 1, 'stub': 'raw'}], ['ready'])", "out_of_turn"),
        ("say(['hello'])", "bad_message"),
        ("say(['hello', {'protocol': 1}])", "bad_message"),
        ("commands.send(b'GET / HTTP/1.1')", "bad_frame"),
    ],
    ids=["call", "ping", "bye", "not-alone", "no-map", "no-stub", "no-cbor"],
)
def test_before_hello_nothing_else_may_come(rogue, ends, sentence, code) -> None:
    """The first batch is a hello, alone."""
    rogue.do("bind()")
    assert rogue.do(f"{sentence}\nhear('breach')")[1]["code"] == code
    ends(code)


@pytest.mark.parametrize("version", [0, 2, 2**53 - 1])
def test_another_version_is_refused_with_those_that_are_spoken(rogue, ends, version) -> None:
    """So that a worker can say what is to be installed."""
    rogue.do("bind(); say(['hello', {'protocol': version, 'stub': 'raw'}])", version=version)
    _, error = rogue.do("hear('refused')")
    assert error["code"] == "unavailable"
    assert error["data"] == {"protocols": [1]}
    ends("version")


def test_a_message_far_over_the_limit_ends_the_worker(system, rogue, ends) -> None:
    """ZeroMQ itself cuts the connection then, and the worker is not told."""
    rogue.do("greet(); commands.send(bytes(size))", size=MESSAGE + 200_000)
    ends(system.log.wait(event="breach", worker=rogue.name, code=lambda code: code in OVER)["code"])


#: Where ZeroMQ has cut the connection the core cannot always tell why.
OVER = ("too_large", "connection_lost")


@pytest.mark.parametrize("socket", ["commands", "events", "emits"])
def test_a_socket_that_is_closed_before_the_leave_ends_the_worker(rogue, ends, socket) -> None:
    """A worker with a half of its link would miss what it is told."""
    rogue.do(f"greet(); {socket}.close()")
    ends("connection_lost")


@pytest.mark.parametrize(
    "binding",
    [
        "bind(name='bystander@1')",
        "bind(name=f'{LABEL}@{GENERATION + 1}')",
        "bind(secret=b'0' * 64)",
        "bind(plain=False)",
    ],
    ids=["another-name", "another-generation", "wrong-secret", "no-authentication"],
)
def test_who_is_not_the_expected_worker_is_not_heard(system, rogue, ends, binding) -> None:
    """Wrong name, wrong secret, no authentication at all: the generation ends and has said nothing."""
    rogue.do(binding)
    ends("authentication")
    assert system.closed(rogue.name)["batches_in"] == 0


def test_who_does_not_end_after_a_breach_is_killed(system, rogue) -> None:
    """Half a second after it was told."""
    rogue.do("greet(); say(['shout']); hear('breach')")
    ended = system.log.wait(event="worker_exited", worker=rogue.label, generation=rogue.generation)
    assert ended["code"] == -9
    assert ended["reason"].startswith("breach unknown_verb: ")


def test_what_stands_before_a_breach_in_its_batch_is_still_done(rogue, ends) -> None:
    """Messages are handled in order, up to the one that may not be."""
    rogue.do("greet(); say(['call', 1, 'add', {'a': 1, 'b': 1}], ['shout'])")
    assert rogue.do("hear('result', 'breach')") == ["result", 1, 2]
    assert rogue.do("hear('breach')")[1]["code"] == "unknown_verb"
    ends("unknown_verb")


#: What is answered, or counted and ignored: a greeted worker's sentence, and what it hears then.
ANSWERED = {
    "no command": ("say(['call', 1])", ["error", 1, "bad_message"]),
    "an empty command": ("say(['call', 1, '', {}])", ["error", 1, "bad_message"]),
    "a command of 129 characters": ("say(['call', 1, 'x' * 129, {}])", ["error", 1, "bad_message"]),
    "arguments in an array": ("say(['call', 1, 'add', [1, 2]])", ["error", 1, "bad_message"]),
    "an option that insists": ("say(['call', 1, 'add', {}, {'!x': 1}])", ["error", 1, "bad_message"]),
    "an unknown option": ("say(['call', 1, 'add', {'a': 1, 'b': 1}, {'x': 1}])", ["result", 1, 2]),
    "further elements": ("say(['call', 1, 'add', {'a': 1, 'b': 1}, {}, 'more', 1])", ["result", 1, 2]),
    "a command that is not allowed": ("say(['call', 1, 'rm', {}])", ["error", 1, "not_allowed"]),
    "arguments that do not fit": ("say(['call', 1, 'add', {'a': '1', 'b': 1}])", ["error", 1, "invalid_args"]),
    "a ping": ("say(['ping', 7])", ["pong", 7]),
    "a call above the limit": (
        "say(['call', 1, 'wait', {}], ['call', 2, 'wait', {}], ['call', 3, 'add', {'a': 1, 'b': 1}])\n",
        ["error", 3, "busy"],
    ),
    "a subscription that is not allowed": ("events.subscribe(b'b|')", ["denied", "b|", "not_allowed"]),
    "a subscription above the limit": (
        "subscribe(b'a/1|'), subscribe(b'a/2|'), events.subscribe(b'a/3|')",
        ["denied", "a/3|", "busy"],
    ),
}


@pytest.mark.parametrize(("sentence", "answer"), ANSWERED.values(), ids=ANSWERED.keys())
def test_what_is_no_breach_is_answered_and_the_conversation_goes_on(system, rogue, sentence, answer) -> None:
    """With an error of the code that the table gives it, or a result."""
    rogue.do("greet()")
    heard = rogue.do(f"{sentence}\nhear('result', 'error', 'pong', 'denied')")
    *start, last = heard
    assert [*start, last["code"] if isinstance(last, dict) else last] == answer
    assert rogue.do("say(['ping', 42]); hear('pong', 'breach')") == ["pong", 42]
    rogue.begin("os._exit(9)")
    assert not system.log.find(event="breach", worker=rogue.name)


@pytest.mark.parametrize(
    "sentence",
    [
        "say(['pong', 1])",
        "emit('b', None)",
        "emit('core:worker/exited', {'worker': 'bystander'})",
        "emit('a/x', None, options={'to': 'nobody'})",
    ],
    ids=["a-pong-to-no-ping", "an-emit-not-allowed", "an-emit-in-the-core's-name", "an-emit-to-nobody"],
)
def test_what_is_counted_and_ignored_has_no_answer(survived, rogue, sentence) -> None:
    """And does no harm to who said it."""
    rogue.do("greet()")
    rogue.do(sentence)
