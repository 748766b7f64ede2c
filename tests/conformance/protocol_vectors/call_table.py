"""Scripts of calls beyond a value in and a value out: cancels, deadlines, and calls of the core to the worker.

docs/protocol.md, sections 5 and 6. Knows no codec.
"""

from __future__ import annotations

from protocol_vectors.steps import BYE, GREETING, Script, either, goes_on, hears, refusal, says

__all__ = ["CALLS"]

HANG = '["call", 1, "hang", {}]'
#: The worker exports a command, and the core calls it.
ASKED = [
    *GREETING,
    says('["ready", {"exports": {"editor.ask": {}}}]'),
    hears('["call", 1, "editor.ask", {"value": 1}, {"caller": "core"}]'),
]
SLOW = [
    *GREETING,
    says('["ready", {"exports": {"editor.slow": {"concurrency": 2, "idempotent": true}}}]'),
    hears('["call", 1, "editor.slow", {}, {"caller": "core"}]', '["cancel", 1]'),
]

_CANCELS: list[Script] = [
    (
        "cancel-in-flight",
        "The work is stopped, and the call answered so.",
        False,
        [*GREETING, says(HANG), says('["cancel", 1]'), hears(refusal(1, "cancelled")), *goes_on()],
        None,
    ),
    (
        "cancel-at-once",
        "Behind its call in the same batch.",
        False,
        [*GREETING, says(HANG, '["cancel", 1]'), hears(refusal(1, "cancelled")), *goes_on()],
        None,
    ),
    (
        "cancel-crosses-the-answer",
        "Exactly one answer, whichever.",
        False,
        [
            *GREETING,
            says('["call", 1, "echo", {}]', '["cancel", 1]'),
            hears(either('["result", 1, null]', refusal(1, "cancelled"))),
            *goes_on(),
        ],
        None,
    ),
    (
        "cancel-answered",
        "Of a call that has its answer: ignored.",
        False,
        [*GREETING, says('["call", 1, "echo", {}]'), hears('["result", 1, null]'), says('["cancel", 1]'), *goes_on()],
        None,
    ),
    (
        "cancel-refused",
        "An error is an answer too.",
        False,
        [
            *GREETING,
            says('["call", 1, "ghost", {}]'),
            hears(refusal(1, "not_found")),
            says('["cancel", 1]'),
            *goes_on(),
        ],
        None,
    ),
    (
        "cancel-twice",
        "The second is ignored, before the answer and after it.",
        False,
        [*GREETING, says(HANG, '["cancel", 1]', '["cancel", 1]'), hears(refusal(1, "cancelled")), *goes_on()],
        None,
    ),
    (
        "cancel-one-of-two",
        "The other goes on.",
        False,
        [
            *GREETING,
            says('["call", 1, "hang", {}]', '["call", 2, "hang", {}]', '["cancel", 2]'),
            hears(refusal(2, "cancelled")),
            says('["bye", {"emitted": 0}]'),
            hears(refusal(1, "cancelled"), '["bye", {"emitted": 0}]'),
        ],
        None,
    ),
    (
        "cancel-makes-room",
        "Its answer frees the call's place.",
        False,
        [
            *GREETING,
            says(*(f'["call", {number}, "hang", {{}}]' for number in range(1, 5))),
            says('["cancel", 3]'),
            hears(refusal(3, "cancelled")),
            says('["call", 5, "echo", {"value": 5}]'),
            hears('["result", 5, 5]'),
        ],
        None,
    ),
    (
        "cancel-id-as-float",
        "A float is the integer.",
        False,
        [*GREETING, says(HANG, '["cancel", 1.0]'), hears(refusal(1, "cancelled"))],
        None,
    ),
    (
        "cancel-id-in-a-gap",
        "An id below the last one counts as used: ignored.",
        False,
        [*GREETING, says('["call", 5, "hang", {}]', '["cancel", 3]'), *goes_on()],
        None,
    ),
    ("cancel-never-made", "A breach.", False, [*GREETING, says('["cancel", 1]')], "unknown_call"),
    ("cancel-ahead", "Of the call that comes next.", False, [*GREETING, says('["cancel", 1]', HANG)], "unknown_call"),
    ("cancel-before-hello", "Hello comes first.", False, [says('["cancel", 1]')], "out_of_turn"),
    (
        "cancel-after-bye",
        "Bye comes last.",
        False,
        [*GREETING, says(HANG), says('["bye", {"emitted": 0}]'), says('["cancel", 1]')],
        "out_of_turn",
    ),
]

_DEADLINES: list[Script] = [
    (
        f"deadline-{name}",
        about,
        False,
        [
            *GREETING,
            says(f'["call", 1, "hang", {{}}, {{"deadline": {deadline}}}]'),
            hears(refusal(1, "deadline_exceeded")),
            says('["cancel", 1]'),
            *goes_on(),
        ],
        None,
    )
    for name, deadline, about in (
        ("passes", "50", "The call is answered when it is over; a cancel that has crossed is ignored."),
        ("zero", "0", "It is over already."),
        ("float", "50.0", "A float is the integer."),
    )
]
_DEADLINES += [
    (
        f"deadline-{name}",
        about,
        False,
        [
            *GREETING,
            says(f'["call", 1, "echo", {{"value": 1}}, {{"deadline": {deadline}}}]'),
            hears('["result", 1, 1]'),
        ],
        None,
    )
    for name, deadline, about in (
        ("kept", "60000", "It is not over before the answer."),
        ("null", "null", "None at all."),
        ("largest", "9007199254740991", "As good as none."),
    )
]

_EXPORTS: list[Script] = [
    (
        "export-called",
        "The core calls what the worker exports; it answers.",
        False,
        [*ASKED, says('["result", 1, 2]'), *goes_on(), *BYE],
        None,
    ),
    (
        "export-fails",
        "An error is an answer.",
        False,
        [*ASKED, says('["error", 1, {"code": "scene.no", "message": "no"}]'), *goes_on()],
        None,
    ),
    ("export-nothing", "None is none.", False, [*GREETING, says('["ready", {"exports": {}}]'), *goes_on()], None),
    (
        "export-answered-twice",
        "Each call has one answer.",
        False,
        [*ASKED, says('["result", 1, 2]', '["result", 1, 2]')],
        "unknown_answer",
    ),
    (
        "export-answered-twice-otherwise",
        "An error behind a result is a second answer too.",
        False,
        [*ASKED, says('["result", 1, 2]'), says('["error", 1, {"code": "failed", "message": ""}]')],
        "unknown_answer",
    ),
    (
        "export-answered-ahead",
        "A call that the core has not made yet.",
        False,
        [*ASKED, says('["result", 2, 2]')],
        "unknown_answer",
    ),
    (
        "export-answered-malformed",
        "An error without a code.",
        False,
        [*ASKED, says('["error", 1, {}]')],
        "bad_message",
    ),
    (
        "export-answered-insisting",
        "An option of an answer that insists cannot be answered.",
        False,
        [*ASKED, says('["result", 1, 2, {"!later": 1}]')],
        "bad_message",
    ),
    (
        "export-not-allowed",
        "A command that the configuration does not let this worker export.",
        False,
        [*GREETING, says('["ready", {"exports": {"editor.ask": {}, "other.ask": {}}}]')],
        "exports",
    ),
    (
        "export-of-the-core",
        "A command that the core has.",
        False,
        [*GREETING, says('["ready", {"exports": {"echo": {}}}]')],
        "exports",
    ),
    (
        "export-cancelled",
        "The core cancels its call; it still has its answer.",
        False,
        [*SLOW, says('["error", 1, {"code": "cancelled", "message": ""}]'), *goes_on()],
        None,
    ),
    (
        "export-cancel-crosses",
        "The result has crossed the cancel, and is the answer.",
        False,
        [*SLOW, says('["result", 1, 2]'), *goes_on()],
        None,
    ),
    (
        "export-cancelled-and-answered-twice",
        "Cancelled or not, each call has one answer.",
        False,
        [*SLOW, says('["error", 1, {"code": "cancelled", "message": ""}]'), says('["result", 1, 2]')],
        "unknown_answer",
    ),
]

_PARENTS: list[Script] = [
    (
        "parent-in-flight",
        "A call that is part of one that the worker handles.",
        False,
        [
            *ASKED,
            says('["call", 7, "echo", {"value": 5}, {"parent": 1}]'),
            hears('["result", 7, 5]'),
            says('["result", 1, 5]'),
            *goes_on(),
        ],
        None,
    ),
    (
        "parent-ends-what-is-part-of-it",
        "The answer to a call ends the calls that are part of it; others go on.",
        False,
        [
            *ASKED,
            says('["call", 1, "hang", {}]', '["call", 2, "hang", {}, {"parent": 1}]'),
            says('["result", 1, 5]'),
            hears(refusal(2, "cancelled")),
            *goes_on(),
        ],
        None,
    ),
    (
        "parent-answered",
        "The answer has crossed nothing: both stand in one batch, in this order.",
        False,
        [
            *ASKED,
            says('["result", 1, 5]', '["call", 1, "hang", {}, {"parent": 1}]'),
            hears(refusal(1, "cancelled")),
            *goes_on(),
        ],
        None,
    ),
    (
        "parent-cancelled",
        "What a cancelled call asks for is cancelled at once.",
        False,
        [
            *SLOW,
            says('["call", 1, "hang", {}, {"parent": 1}]'),
            hears(refusal(1, "cancelled")),
            says('["error", 1, {"code": "cancelled", "message": ""}]'),
            *goes_on(),
        ],
        None,
    ),
    (
        "parent-never-made",
        "A breach, as an answer to it would be.",
        False,
        [*ASKED, says('["call", 1, "echo", {}, {"parent": 2}]')],
        "unknown_call",
    ),
    (
        "parent-of-its-own",
        "A call of the worker's is none that it handles.",
        False,
        [*GREETING, says(HANG), says('["call", 2, "echo", {}, {"parent": 1}]')],
        "unknown_call",
    ),
]

CALLS: list[Script] = [*_CANCELS, *_DEADLINES, *_EXPORTS, *_PARENTS]
