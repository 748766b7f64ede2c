"""Scripts of what a worker says and the core answers (docs/protocol.md, sections 3 and 5 to 10). Knows no codec."""

from __future__ import annotations

from typing import Any

from protocol_vectors.call_table import CALLS
from protocol_vectors.channel_table import CHANNELS
from protocol_vectors.steps import (
    BYE,
    GREETING,
    HELLO,
    LEAVING,
    Script,
    binds,
    closes,
    emits,
    frames,
    gets,
    hears,
    refusal,
    says,
    subscribes,
    zeros,
)

__all__ = ["CONVERSATIONS", "SCENE"]

#: What the core of every script is.
SCENE: dict[str, Any] = {
    "about": "The worker editor@1 of every conversation, what it may do, and what the commands of its core do.",
    "worker": "editor",
    "generation": 1,
    "limits": {"calls": 4, "topics": 4, "message": 65536, "event": 65536, "channels": 4},
    "grants": {
        "commands": {"allow": ["*"], "deny": ["secret"]},
        "listen": {"allow": ["notes/**", "editor/**"], "deny": ["notes/secret/**"]},
        "emit": {"allow": ["editor/**"], "deny": []},
    },
    "commands": {
        "size": "takes `data`, bytes, and returns how many they are",
        "blob": "takes `size` and returns so many zero bytes",
        "count": "yields the integers from 0 that are below `to`",
        "broken": "yields 0 and then raises an error with the code scene.broken",
        "total": "receives integers on the channel `numbers` and returns their sum; an end with an error is its own",
        "weigh": "receives bytes on the channel `parts` and returns how many they are in all",
        "later": "returns null at once; then it sends 0, 1 and 2 on the channel `numbers`, and ends it",
        "hold": "returns null at once; it keeps the channel `numbers`, and neither sends nor receives on it",
        "echo": "takes `value`, any value, null if it is missing, and returns it",
        "hang": "returns when it is cancelled, and not before",
        "fail": "raises an exception that is no CommandError",
        "ghost": "is allowed, and does not exist",
        "secret": "exists, and is not allowed",
    },
    "exports": {
        "editor.*": "is what the worker may export",
        "editor.ask": "is called once by the core itself, with `value` 1, when the worker that exports it is ready",
        "editor.slow": "is called so too, with a deadline so short that it passes; then the core cancels the call",
    },
}

_TURNS: list[Script] = [
    ("greeting", "Hello, ready, bye.", False, [*GREETING, says('["ready"]'), *BYE], None),
    ("never-ready", "A worker may call and leave without ever being ready.", False, [*GREETING, *BYE], None),
    ("ready-before-hello", "Hello comes first.", False, [says('["ready"]')], "out_of_turn"),
    ("call-before-hello", "Hello comes first.", False, [says('["call", 1, "echo", {}]')], "out_of_turn"),
    ("ping-before-hello", "Hello comes first.", False, [says('["ping", 1]')], "out_of_turn"),
    ("pong-before-hello", "Hello comes first.", False, [says('["pong", 1]')], "out_of_turn"),
    ("bye-before-hello", "Hello comes first.", False, [says('["bye", {"emitted": 0}]')], "out_of_turn"),
    ("result-before-hello", "Hello comes first.", False, [says('["result", 1, null]')], "out_of_turn"),
    ("hello-not-alone", "Hello is alone in its batch.", False, [says(HELLO, '["ready"]')], "out_of_turn"),
    ("hello-not-first", "Hello comes first.", False, [says('["ready"]', HELLO)], "out_of_turn"),
    ("hello-twice-at-once", "Hello comes once.", False, [says(HELLO, HELLO)], "out_of_turn"),
    ("hello-twice", "Hello comes once.", False, [*GREETING, says(HELLO)], "out_of_turn"),
    ("hello-after-ready", "Hello comes once.", False, [*GREETING, says('["ready"]', HELLO)], "out_of_turn"),
    ("ready-twice", "Ready comes once.", False, [*GREETING, says('["ready"]'), says('["ready"]')], "out_of_turn"),
    ("ready-twice-at-once", "Ready comes once.", False, [*GREETING, says('["ready"]', '["ready"]')], "out_of_turn"),
    ("call-after-bye", "Bye comes last.", False, [*LEAVING, says('["call", 2, "echo", {}]')], "out_of_turn"),
    ("ping-after-bye", "Bye comes last.", False, [*LEAVING, says('["ping", 1]')], "out_of_turn"),
    ("bye-twice", "Bye comes last.", False, [*LEAVING, says('["bye", {"emitted": 0}]')], "out_of_turn"),
    (
        "call-behind-bye",
        "Bye comes last in its batch too.",
        False,
        [*GREETING, says('["bye", {"emitted": 0}]', '["call", 1, "echo", {}]')],
        "out_of_turn",
    ),
    (
        "batch-in-order",
        "What stands before a breach in its batch is handled, what stands behind it is not.",
        False,
        [*GREETING, says('["ping", 1]', '["frobnicate"]', '["ping", 2]'), hears('["pong", 1]')],
        "unknown_verb",
    ),
]

_VERSIONS: list[Script] = [
    (
        f"version-{name}",
        "A version that the core does not speak is refused with those that it does.",
        False,
        [
            says(f'["hello", {{"protocol": {version}, "stub": "test/0"}}]'),
            hears('["refused", {"code": "unavailable", "data": {"protocols": [1]}}]'),
        ],
        "version",
    )
    for name, version in (("0", "0"), ("2", "2"), ("float", "2.0"), ("largest", "9007199254740991"))
]

_PINGS: list[Script] = [
    ("ping-is-answered", "By a pong.", False, [*GREETING, says('["ping", 7]'), hears('["pong", 7]')], None),
    (
        "ping-in-order",
        "Each ping has its pong.",
        False,
        [*GREETING, says('["ping", 7]', '["ping", 7]', '["ping", 0]'), hears(*('["pong", 7]',) * 2, '["pong", 0]')],
        None,
    ),
    ("ping-as-float", "A float is the integer.", False, [*GREETING, says('["ping", 7.0]'), hears('["pong", 7]')], None),
    (
        "ping-after-ready",
        "Ready changes nothing about pings.",
        False,
        [*GREETING, says('["ready"]'), says('["ping", 9007199254740991]'), hears('["pong", 9007199254740991]')],
        None,
    ),
    (
        "pong-unasked",
        "It is counted and ignored.",
        False,
        [*GREETING, says('["pong", 1]', '["ping", 2]'), hears('["pong", 2]')],
        None,
    ),
]

_CALLS: list[Script] = [
    (
        "call-answered",
        "One result for a call.",
        False,
        [*GREETING, says('["call", 1, "echo", {"value": "a"}]'), hears('["result", 1, "a"]')],
        None,
    ),
    (
        "call-null",
        "Null is a value.",
        False,
        [*GREETING, says('["call", 1, "echo", {"value": null}]'), hears('["result", 1, null]')],
        None,
    ),
    (
        "call-id-as-float",
        "An id written as a float is the same id.",
        False,
        [*GREETING, says('["call", 4294967296.0_3, "echo", {"value": 1}]'), hears('["result", 4294967296, 1]')],
        None,
    ),
    (
        "ids-with-gaps",
        "Ids rise, with or without gaps, within a batch and between.",
        False,
        [
            *GREETING,
            says('["call", 0, "echo", {"value": 0}]', '["call", 7, "echo", {"value": 1}]'),
            hears('["result", 0, 0]', '["result", 7, 1]'),
            says('["call", 8, "echo", {"value": 2}]'),
            hears('["result", 8, 2]'),
        ],
        None,
    ),
    (
        "id-again",
        "Each id is above the one before.",
        False,
        [*GREETING, says('["call", 1, "hang", {}]'), says('["call", 1, "echo", {}]')],
        "id_not_rising",
    ),
    (
        "id-again-when-answered",
        "An answer does not free an id.",
        False,
        [*GREETING, says('["call", 1, "echo", {}]'), hears('["result", 1, null]'), says('["call", 1, "echo", {}]')],
        "id_not_rising",
    ),
    (
        "id-again-as-float",
        "1.0 is 1.",
        False,
        [*GREETING, says('["call", 1, "hang", {}]', '["call", 1.0, "echo", {}]')],
        "id_not_rising",
    ),
    (
        "id-falls",
        "Each id is above the one before.",
        False,
        [*GREETING, says('["call", 5, "hang", {}]', '["call", 4, "echo", {}]')],
        "id_not_rising",
    ),
    (
        "id-of-a-refused-call",
        "A call that was refused has used its id up.",
        False,
        [*GREETING, says('["call", 1, 2, {}]'), hears(refusal(1, "bad_message")), says('["call", 1, "echo", {}]')],
        "id_not_rising",
    ),
    (
        "id-not-rising-and-malformed",
        "The id is looked at first.",
        False,
        [*GREETING, says('["call", 5, "hang", {}]', '["call", 4, 2, {}]')],
        "id_not_rising",
    ),
    (
        "answer-to-no-call",
        "Nothing was asked of the worker.",
        False,
        [*GREETING, says('["result", 1, null]')],
        "unknown_answer",
    ),
    (
        "answer-to-its-own-call",
        "Its own calls are not the worker's to answer.",
        False,
        [*GREETING, says('["call", 1, "hang", {}]'), says('["result", 1, null]')],
        "unknown_answer",
    ),
    (
        "busy",
        "The limit bounds the calls in flight; a call above it is answered, and the others go on.",
        False,
        [
            *GREETING,
            says(*(f'["call", {number}, "hang", {{}}]' for number in range(1, 5))),
            says('["call", 5, "echo", {}]'),
            hears(refusal(5, "busy")),
            says('["ping", 1]'),
            hears('["pong", 1]'),
        ],
        None,
    ),
    (
        "busy-no-more",
        "An answered call makes room for another.",
        False,
        [
            *GREETING,
            says(*(f'["call", {number}, "echo", {{"value": {number}}}]' for number in range(1, 5))),
            hears(*(f'["result", {number}, {number}]' for number in range(1, 5))),
            says('["call", 5, "echo", {"value": 5}]'),
            hears('["result", 5, 5]'),
        ],
        None,
    ),
    (
        "call-not-allowed",
        "What policy refuses is answered, and nothing else happens.",
        False,
        [*GREETING, says('["call", 1, "secret", {}]'), hears(refusal(1, "not_allowed")), *BYE],
        None,
    ),
    (
        "call-not-known",
        "What does not exist, and is not allowed, is answered like what exists.",
        False,
        [*GREETING, says('["call", 1, "nothing.like.it", {}]'), hears(refusal(1, "not_allowed"))],
        None,
    ),
    (
        "call-not-found",
        "What is allowed and does not exist.",
        False,
        [*GREETING, says('["call", 1, "ghost", {}]'), hears(refusal(1, "not_found"))],
        None,
    ),
    (
        "call-fails",
        "The exception stays in the core's log; the answer refers to it.",
        False,
        [*GREETING, says('["call", 1, "fail", {}]'), hears(refusal(1, "failed"))],
        None,
    ),
    (
        "call-arguments-do-not-fit",
        "An argument that the command has not.",
        False,
        [*GREETING, says('["call", 1, "echo", {"volume": 1}]'), hears(refusal(1, "invalid_args"))],
        None,
    ),
]

_LEAVING: list[Script] = [
    (
        "bye-waits-for-calls",
        "What runs on is cancelled and answered so, then bye is answered.",
        False,
        [
            *GREETING,
            says('["call", 1, "hang", {}]'),
            says('["bye", {"emitted": 0}]'),
            hears(refusal(1, "cancelled"), '["bye", {"emitted": 0}]'),
        ],
        None,
    ),
    (
        "bye-behind-calls",
        "The calls before it in its batch are handled.",
        False,
        [
            *GREETING,
            says('["call", 1, "echo", {"value": 1}]', '["bye", {"emitted": 0}]'),
            hears('["result", 1, 1]', '["bye", {"emitted": 0}]'),
        ],
        None,
    ),
    (
        "bye-waits-for-emits",
        "The count of bye is that of the worker's emits; the core answers with that of those it has handled.",
        True,
        [
            *GREETING,
            says('["ready"]'),
            emits("editor/opened|", "[1, null]"),
            emits("editor/closed|", "[2, null]"),
            says('["bye", {"emitted": 2}]'),
            hears('["bye", {"emitted": 2}]'),
        ],
        None,
    ),
    (
        "bye-counts-what-came",
        "Emits that never come are waited for, one second at most.",
        True,
        [
            *GREETING,
            emits("editor/opened|", "[1, null]"),
            says('["bye", {"emitted": 5}]'),
            hears('["bye", {"emitted": 1}]'),
        ],
        None,
    ),
]

_EVENTS: list[Script] = [
    (
        "listening-to-an-event",
        "A subscription is answered; what is emitted then comes, numbered from 1.",
        True,
        [
            *GREETING,
            subscribes("editor/opened|"),
            hears('["listening", "editor/opened|"]'),
            emits("editor/opened|", '[1, "a"]'),
            gets("editor/opened|", '[1, "editor", "a"]'),
        ],
        None,
    ),
    (
        "listening-to-a-prefix",
        "A prefix has all events under it.",
        True,
        [
            *GREETING,
            subscribes("editor/"),
            hears('["listening", "editor/"]'),
            emits("editor/opened|", '[1, "a"]'),
            emits("editor/file/closed|", '[2, "b"]'),
            gets("editor/opened|", '[1, "editor", "a"]'),
            gets("editor/file/closed|", '[2, "editor", "b"]'),
        ],
        None,
    ),
    (
        "listening-is-exact",
        "The bar keeps an event from matching a longer name.",
        True,
        [
            *GREETING,
            subscribes("editor/opened|"),
            hears('["listening", "editor/opened|"]'),
            emits("editor/opened-again|", '[1, "a"]'),
            emits("editor/opened|", '[2, "b"]'),
            gets("editor/opened|", '[1, "editor", "b"]'),
        ],
        None,
    ),
    (
        "denied-event",
        "A subscription that policy does not allow is answered.",
        True,
        [*GREETING, subscribes("tasks/done|"), hears('["denied", "tasks/done|", {"code": "not_allowed"}]')],
        None,
    ),
    (
        "denied-prefix",
        "A prefix that a denied pattern meets is answered.",
        True,
        [*GREETING, subscribes("notes/"), hears('["denied", "notes/", {"code": "not_allowed"}]')],
        None,
    ),
    (
        "denied-above-the-limit",
        "A subscription above the limit of topics.",
        True,
        [
            *GREETING,
            *(
                step
                for name in "abcd"
                for step in (subscribes(f"notes/{name}|"), hears(f'["listening", "notes/{name}|"]'))
            ),
            subscribes("notes/e|"),
            hears('["denied", "notes/e|", {"code": "busy"}]'),
        ],
        None,
    ),
    ("subscribes-to-everything", "The empty subscription.", True, [*GREETING, subscribes("")], "bad_subscription"),
    ("subscribes-to-no-topic", "No bar, no slash.", True, [*GREETING, subscribes("notes")], "bad_subscription"),
    (
        "emit-malformed",
        "An emit whose name is out of the grammar.",
        True,
        [*GREETING, emits("editor opened|", "[1, null]")],
        "bad_event",
    ),
    (
        "emit-not-allowed",
        "Counted and ignored: nobody hears it, and the worker goes on.",
        True,
        [*GREETING, emits("notes/changed|", "[1, null]"), says('["ping", 1]'), hears('["pong", 1]')],
        None,
    ),
    (
        "emit-in-the-name-of-the-core",
        "Counted and ignored.",
        True,
        [*GREETING, emits("core:worker/exited|", "[1, null]"), says('["ping", 1]'), hears('["pong", 1]')],
        None,
    ),
    (
        "emit-to-nobody",
        "Counted and ignored.",
        True,
        [*GREETING, emits("editor/opened|", '[1, null, {"to": "nobody"}]'), says('["ping", 1]'), hears('["pong", 1]')],
        None,
    ),
]

_SOCKETS: list[Script] = [
    (
        "two-frames-of-an-emit",
        "An emit is one frame.",
        True,
        [*GREETING, frames("656469746f722f6f70656e65647c", "8201f6", socket="emits")],
        "bad_event",
    ),
    ("batch-too-large", "One byte over the limit.", True, [*GREETING, zeros(65537)], "too_large"),
    (
        "batch-much-too-large",
        "So large that ZeroMQ cuts the connection.",
        True,
        [*GREETING, zeros(4 * 65536)],
        ["too_large", "connection_lost"],
    ),
    ("emit-too-large", "One byte over the limit.", True, [*GREETING, zeros(65537, "emits")], "too_large"),
    ("commands-closed", "A socket closed before bye.", True, [*GREETING, closes("commands")], "connection_lost"),
    ("events-closed", "A socket closed before bye.", True, [*GREETING, closes("events")], "connection_lost"),
    ("emits-closed", "A socket closed before bye.", True, [*GREETING, closes("emits")], "connection_lost"),
    ("wrong-secret", "The secret of another.", True, [binds(password="0" * 64)], "authentication"),
    ("wrong-name", "The name of another.", True, [binds(username="reporter@1")], "authentication"),
    ("wrong-generation", "The name of an earlier start.", True, [binds(username="editor@0")], "authentication"),
]

CONVERSATIONS: list[Script] = [
    *_TURNS,
    *_VERSIONS,
    *_PINGS,
    *_CALLS,
    *CALLS,
    *CHANNELS,
    *_LEAVING,
    *_EVENTS,
    *_SOCKETS,
]
