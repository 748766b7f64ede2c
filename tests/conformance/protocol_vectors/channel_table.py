"""Scripts of channels and raw frames (docs/protocol.md, sections 5 and 6). Knows no codec."""

from __future__ import annotations

from protocol_vectors.steps import GREETING, Script, Step, either, frames, goes_on, hears, is_granted, refusal, says

__all__ = ["CHANNELS"]


def _counts(to: int, credit: int) -> Step:
    """The worker has the core count, on channel 1."""
    offer = f'{{"yield": {{"id": 1, "to": "caller", "credit": {credit}}}}}'
    return says(f'["call", 1, "count", {{"to": {to}}}, {{"channels": {offer}}}]')


def _offers(command: str, argument: str, number: int = 1, to: str = "callee", call: int = 1) -> str:
    offer = f'{{"{argument}": {{"id": {number}, "to": "{to}"}}}}'
    return f'["call", {call}, "{command}", {{}}, {{"channels": {offer}}}]'


TOTALS = [*GREETING, says(_offers("total", "numbers"))]
#: A command that is not there: the call is answered, its channels have ended with it.
REFUSED = [*GREETING, says(_offers("ghost", "numbers")), hears(refusal(1, "not_found"))]

_STREAMS: list[Script] = [
    (
        "stream",
        "What a command yields, then the end, then the result.",
        False,
        [
            *GREETING,
            _counts(3, 8),
            hears(*(f'["item", 1, {n}]' for n in range(3)), '["end", 1]', '["result", 1, null]'),
        ],
        None,
    ),
    (
        "stream-of-nothing",
        "An end needs no credit.",
        False,
        [*GREETING, _counts(0, 0), hears('["end", 1]', '["result", 1, null]')],
        None,
    ),
    (
        "stream-waits-for-credit",
        "The sender sends no more than it was granted.",
        False,
        [
            *GREETING,
            _counts(4, 1),
            hears('["item", 1, 0]'),
            *goes_on(),
            says('["credit", 1, 2]'),
            hears('["item", 1, 1]', '["item", 1, 2]'),
            *goes_on(),
            says('["credit", 1, 1.0]'),
            hears('["item", 1, 3]', '["end", 1]', '["result", 1, null]'),
        ],
        None,
    ),
    (
        "stream-dropped",
        "The receiver wants no more: the generator is closed, the result null.",
        False,
        [
            *GREETING,
            _counts(100, 1),
            hears('["item", 1, 0]'),
            says('["drop", 1]'),
            hears('["result", 1, null]'),
            *goes_on(),
        ],
        None,
    ),
    (
        "stream-dropped-with-credit",
        "What comes behind the drop is for a channel that has ended: ignored.",
        False,
        [
            *GREETING,
            _counts(100, 1),
            hears('["item", 1, 0]'),
            says('["drop", 1]', '["credit", 1, 5]', '["drop", 1]'),
            hears('["result", 1, null]'),
            *goes_on(),
        ],
        None,
    ),
    (
        "stream-cancelled",
        "The error ends the channel, which needs no end of its own.",
        False,
        [
            *GREETING,
            _counts(100, 1),
            hears('["item", 1, 0]'),
            says('["cancel", 1]'),
            hears(refusal(1, "cancelled")),
            says('["credit", 1, 5]', '["drop", 1]'),
            *goes_on(),
        ],
        None,
    ),
    (
        "stream-fails",
        "The error that answers the call ends the stream too, behind what was sent.",
        False,
        [
            *GREETING,
            says('["call", 1, "broken", {}, {"channels": {"yield": {"id": 1, "to": "caller", "credit": 8}}}]'),
            hears('["item", 1, 0]', refusal(1, "scene.broken")),
            says('["credit", 1, 8]', '["drop", 1]'),
            *goes_on(),
        ],
        None,
    ),
    (
        "stream-past-its-deadline",
        "The error ends the channel.",
        False,
        [
            *GREETING,
            says(
                '["call", 1, "count", {"to": 100}, {"deadline": 1000, '
                '"channels": {"yield": {"id": 1, "to": "caller", "credit": 1}}}]'
            ),
            hears('["item", 1, 0]', refusal(1, "deadline_exceeded")),
            says('["credit", 1, 5]'),
            *goes_on(),
        ],
        None,
    ),
    (
        "stream-drop-crosses-end",
        "Of a channel that has ended: ignored.",
        False,
        [*GREETING, _counts(0, 0), hears('["end", 1]', '["result", 1, null]'), says('["drop", 1]'), *goes_on()],
        None,
    ),
    (
        "stream-not-asked-for",
        "A command that yields is called without a channel for it.",
        False,
        [*GREETING, says('["call", 1, "count", {"to": 1}]'), hears(refusal(1, "invalid_args"))],
        None,
    ),
    (
        "stream-of-what-yields-nothing",
        "A command that yields nothing is called with a channel for it.",
        False,
        [*GREETING, says(_offers("echo", "yield", to="caller")), hears(refusal(1, "invalid_args"))],
        None,
    ),
    (
        "stream-at-bye",
        "Bye ends the channels; the call is answered, one second later at most.",
        False,
        [
            *GREETING,
            _counts(100, 1),
            hears('["item", 1, 0]'),
            says('["bye", {"emitted": 0}]'),
            hears(either(*(refusal(1, code) for code in ("cancelled", "unavailable")), '["result", 1, null]')),
            hears('["bye", {"emitted": 0}]'),
        ],
        None,
    ),
]

_CHANNELS: list[Script] = [
    (
        "channel-to-the-core",
        "The receiver grants; items, then the end.",
        False,
        [
            *TOTALS,
            is_granted(1, 1),
            says('["item", 1, 1]'),
            is_granted(1, 2),
            says('["item", 1.0, 2]'),
            is_granted(1, 3),
            says('["item", 1, 3]', '["end", 1]'),
            hears('["result", 1, 6]'),
        ],
        None,
    ),
    (
        "channel-ends-with-an-error",
        "The receiver has it.",
        False,
        [*TOTALS, says('["end", 1, {"code": "scene.lost", "message": ""}]'), hears(refusal(1, "scene.lost"))],
        None,
    ),
    (
        "channel-of-raw-items",
        "Items may be raw, and so may some of them.",
        False,
        [
            *GREETING,
            says(_offers("weigh", "parts")),
            is_granted(1, 2),
            says('["item", 1, null, {"raw": 2}]', '["item", 1, null, {"raw": 1}]', raw=("00", "0102")),
            is_granted(1, 3),
            says("[\"item\", 1, h'030405']", '["end", 1]'),
            hears('["result", 1, 6]'),
        ],
        None,
    ),
    (
        "channel-outlives-its-call",
        "A result leaves the channel open.",
        False,
        [
            *GREETING,
            says(_offers("later", "numbers", to="caller")),
            hears('["result", 1, null]'),
            says('["credit", 1, 8]'),
            hears('["item", 1, 0]', '["item", 1, 1]', '["item", 1, 2]', '["end", 1]'),
        ],
        None,
    ),
    (
        "channel-over-credit",
        "Far more items than a core grants to a command that receives none.",
        False,
        [
            *GREETING,
            says(_offers("hold", "numbers")),
            hears('["result", 1, null]'),
            says(*('["item", 1, 0]',) * 256),
        ],
        "no_credit",
    ),
    (
        "channel-credit-above-all-numbers",
        "The sum of credits is a number of the protocol too.",
        False,
        [
            *GREETING,
            says(_offers("hold", "numbers", to="caller")),
            hears('["result", 1, null]'),
            says('["credit", 1, 9007199254740991]'),
            *goes_on(),
            says('["credit", 1, 1]'),
        ],
        "no_credit",
    ),
    (
        "channel-item-after-end",
        "Ignored.",
        False,
        [*TOTALS, says('["end", 1]', '["item", 1, 5]', '["end", 1]'), hears('["result", 1, 0]'), *goes_on()],
        None,
    ),
    (
        "channel-of-a-refused-call",
        "The error has ended it: what was on its way is ignored.",
        False,
        [*REFUSED, says('["item", 1, 5]', '["end", 1]'), *goes_on()],
        None,
    ),
    (
        "channel-of-a-call-refused-at-once",
        "The end stands in the call's own batch.",
        False,
        [*GREETING, says(_offers("ghost", "numbers"), '["end", 1]'), hears(refusal(1, "not_found")), *goes_on()],
        None,
    ),
    (
        "channel-of-a-malformed-call",
        "Its ids are used up.",
        False,
        [
            *GREETING,
            says('["call", 1, 5, {}, {"channels": {"a": {"id": 1, "to": "callee"}}}]'),
            hears(refusal(1, "bad_message")),
            says('["end", 1]'),
            *goes_on(),
            says(_offers("echo", "a", call=2)),
        ],
        "id_not_rising",
    ),
    ("channel-never-opened", "A breach.", False, [*TOTALS, says('["item", 3, 5]')], "unknown_channel"),
    ("channel-end-never-opened", "A breach.", False, [*GREETING, says('["end", 1]')], "unknown_channel"),
    ("channel-credit-never-opened", "A breach.", False, [*GREETING, says('["credit", 1, 1]')], "unknown_channel"),
    ("channel-drop-never-opened", "A breach.", False, [*TOTALS, says('["drop", 2]')], "unknown_channel"),
    (
        "channel-id-in-a-gap",
        "An id below the last one counts as used: ignored.",
        False,
        [*GREETING, says(_offers("total", "numbers", 7)), says('["end", 3]'), *goes_on()],
        None,
    ),
    (
        "channel-item-from-its-receiver",
        "A channel is one-way.",
        False,
        [*GREETING, _counts(5, 0), says('["item", 1, 5]')],
        "unknown_channel",
    ),
    (
        "channel-end-from-its-receiver",
        "A channel is one-way.",
        False,
        [*GREETING, _counts(5, 0), says('["end", 1]')],
        "unknown_channel",
    ),
    (
        "channel-credit-from-its-sender",
        "A channel is one-way.",
        False,
        [*TOTALS, says('["credit", 1, 5]')],
        "unknown_channel",
    ),
    ("channel-drop-from-its-sender", "A channel is one-way.", False, [*TOTALS, says('["drop", 1]')], "unknown_channel"),
    (
        "channel-id-again",
        "Each id is above those of the calls before.",
        False,
        [*TOTALS, says(_offers("total", "numbers", call=2))],
        "id_not_rising",
    ),
    (
        "channel-id-again-when-ended",
        "An end does not free an id.",
        False,
        [*REFUSED, says(_offers("total", "numbers", call=2))],
        "id_not_rising",
    ),
    (
        "channel-id-falls",
        "Each id is above those of the calls before.",
        False,
        [*GREETING, says(_offers("total", "numbers", 3)), says(_offers("total", "numbers", 1, call=2))],
        "id_not_rising",
    ),
    (
        "channel-ids-within-a-call",
        "Within one call they come in any order.",
        False,
        [
            *GREETING,
            says(
                '["call", 1, "ghost", {}, {"channels": '
                '{"a": {"id": 9, "to": "callee"}, "b": {"id": 3, "to": "caller"}}}]'
            ),
            hears(refusal(1, "not_found")),
            says(_offers("ghost", "a", 11, call=2)),
            hears(refusal(2, "not_found")),
        ],
        None,
    ),
    (
        "channels-above-the-limit",
        "The call is answered, and what is open goes on.",
        False,
        [
            *TOTALS,
            says(
                '["call", 2, "ghost", {}, {"channels": {'
                + ", ".join(f'"a{n}": {{"id": {n}, "to": "callee"}}' for n in (3, 5, 7, 9))
                + "}}]"
            ),
            hears(refusal(2, "busy")),
            says('["end", 1]'),
            hears('["result", 1, 0]'),
        ],
        None,
    ),
    (
        "channels-up-to-the-limit",
        "An end makes room for another.",
        False,
        [
            *GREETING,
            says(
                '["call", 1, "ghost", {}, {"channels": {'
                + ", ".join(f'"a{n}": {{"id": {n}, "to": "callee"}}' for n in (1, 3, 5, 7))
                + "}}]"
            ),
            hears(refusal(1, "not_found")),
            says(_offers("total", "numbers", 9, call=2), '["end", 9]'),
            hears('["result", 2, 0]'),
        ],
        None,
    ),
    ("item-before-hello", "Hello comes first.", False, [says('["item", 1, 5]')], "out_of_turn"),
    (
        "item-after-bye",
        "Bye comes last.",
        False,
        [*TOTALS, is_granted(1, 1), says('["bye", {"emitted": 0}]', '["item", 1, 5]')],
        "out_of_turn",
    ),
]

_RAW: list[Script] = [
    (
        "raw-argument",
        "Bytes in a frame of their own are bytes.",
        False,
        [
            *GREETING,
            says('["call", 1, "size", {}, {"raw": {"data": 1}}]', raw=("00ff00",)),
            hears('["result", 1, 3]'),
            says('["call", 2, "size", {}, {"raw": {"data": 1}}]', raw=("",)),
            hears('["result", 2, 0]'),
        ],
        None,
    ),
    (
        "raw-and-not-raw",
        "A callee cannot tell them apart.",
        False,
        [
            *GREETING,
            says(
                '["call", 1, "size", {"data": h\'00ff\'}]',
                '["call", 2, "size", {}, {"raw": {"data": 1}}]',
                raw=("00ff",),
            ),
            hears('["result", 1, 2]', '["result", 2, 2]'),
        ],
        None,
    ),
    (
        "raw-echoed",
        "What comes raw may go back raw, or not.",
        False,
        [
            *GREETING,
            says('["call", 1, "echo", {}, {"raw": {"value": 1}}]', raw=("00ff",)),
            hears("[\"result\", 1, h'00ff']"),
        ],
        None,
    ),
    (
        "raw-result",
        "Bytes are bytes, raw or not.",
        False,
        [*GREETING, says('["call", 1, "blob", {"size": 20000}]'), hears(f"[\"result\", 1, h'{'00' * 20000}']")],
        None,
    ),
    (
        "raw-arguments-do-not-fit",
        "They are arguments.",
        False,
        [
            *GREETING,
            says('["call", 1, "size", {}, {"raw": {"a": 1, "b": 2}}]', raw=("00", "01")),
            hears(refusal(1, "invalid_args")),
        ],
        None,
    ),
    (
        "raw-frame-unasked",
        "A frame that no message refers to.",
        False,
        [*GREETING, frames("8181657265616479", "00")],
        "bad_frame",
    ),
    (
        "raw-frames-too-large",
        "The limit is of all frames together.",
        True,
        [*GREETING, says('["call", 1, "size", {}, {"raw": {"data": 1}}]', raw=("00" * 65536,))],
        "too_large",
    ),
    (
        "raw-frames-too-many",
        "64 of them.",
        True,
        [*GREETING, frames("8181657265616479", *("00",) * 64)],
        "bad_frame",
    ),
]

CHANNELS: list[Script] = [*_STREAMS, *_CHANNELS, *_RAW]
