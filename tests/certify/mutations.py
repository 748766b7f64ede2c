"""The faults of `mutant`, one for each step of the walk. Knows no socket: frames and messages in, others out.

Most are at work in the step's own tasks alone (`step` in a task says which that is); those that are `always` show where
nothing but their step looks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import cbor2

__all__ = ["Mutation", "mutations"]

Message = list[Any]
Batch = list[Message]

GONE = {"code": "cancelled", "message": ""}


@dataclass(frozen=True)
class Mutation:
    """One fault. Each of its parts gets the worker first; `heard` and `said` are of the commands socket."""

    step: str
    always: bool = False
    #: The frames of a message that has come, to those that are handled; none: nothing is.
    heard: Callable[[Any, list[bytes]], list[bytes]] | None = None
    #: The frames of a message that is to be sent, to the messages that are.
    said: Callable[[Any, list[bytes]], list[list[bytes]]] | None = None
    event: Callable[[Any, bytes], bytes | None] | None = None
    emit: Callable[[Any, tuple[bytes, bytes]], tuple[bytes, bytes]] | None = None
    #: What the worker is given, to what it takes itself for.
    place: Callable[[Any], Any] | None = None
    #: Why it ends, and the exit status that this has, to the one that it exits with.
    status: Callable[[Any, Any, int], int] | None = None
    hasty: bool | None = None  # it waits for no subscription of the core's
    lax: bool | None = None  # it knows no grants
    deaf: bool | None = None  # it does not look at its lifeline
    keeps_listening: bool | None = None  # it never unsubscribes
    impatient: float | None = None  # seconds that it waits for a core that has connected to its emits alone


_ALL: list[Mutation] = []


@cache
def mutations() -> dict[str, Mutation]:
    """All of them, by the step that each fails."""
    return {mutation.step: mutation for mutation in _ALL}


def fault(step: str, **parts: Any) -> None:
    _ALL.append(Mutation(step, **parts))


# -- parts ------------------------------------------------------------------------------------------------------------


def read(frame: bytes) -> Batch:
    """The messages of a frame that comes; none if there is one that is none, or the frame is no batch."""
    try:
        batch = cbor2.loads(frame)
    except Exception:
        return []
    fitting = isinstance(batch, list) and all(isinstance(each, list) and len(each) > 1 for each in batch)
    return batch if fitting else []


def crash(status: int = 3) -> Any:
    os._exit(status)


def hears(change: Callable[[Message], Message | None]) -> dict[str, Any]:
    """Each message that comes is another, or (None) does not come."""

    def heard(worker: Any, frames: list[bytes]) -> list[bytes]:
        batch = read(frames[0])
        changed = [new for message in batch if (new := change(message)) is not None]
        if changed == read(frames[0]):
            return frames  # as they came, with every width and every tag
        return [cbor2.dumps(changed), *frames[1:]] if changed else []

    return {"heard": heard}


def cannot_bear(unknown: Callable[[Message], bool]) -> dict[str, Any]:
    """It crashes over a message of this kind."""
    return hears(lambda message: crash() if unknown(message) else message)


def says(change: Callable[[Message], Message | list[Message] | None]) -> dict[str, Any]:
    """Each message that goes is another, or several, or (None) none."""

    def said(worker: Any, frames: list[bytes]) -> list[list[bytes]]:
        sent: Batch = []
        for message in cbor2.loads(frames[0]):
            new = change(message)
            if new is not None:
                sent += new if new and isinstance(new[0], list) else [new]
        return [[cbor2.dumps(sent), *frames[1:]]] if sent else []

    return {"said": said}


def reports(change: Callable[[Any], Any]) -> dict[str, Any]:
    """What it reports is something else."""

    def changed(message: Message) -> Message:
        if message[0] == "call" and "report" in message[3]:
            message[3]["report"] = change(message[3]["report"])
        return message

    return says(changed)


def loses(name: str) -> dict[str, Any]:
    """Its report lacks this."""
    return reports(lambda report: {key: value for key, value in report.items() if key != name})


def answers(change: Callable[[Message], Message | list[Message]]) -> dict[str, Any]:
    """Its answers are others; not that of `echo.enough`, which ends the step."""
    return says(
        lambda message: change(message) if message[0] in ("result", "error") and message[2] is not None else message
    )


def wrong_code(code: str = "internal") -> dict[str, Any]:
    """The errors that it answers have another code."""
    return answers(lambda message: [*message[:2], message[2] | {"code": code}] if message[0] == "error" else message)


def succeeds() -> dict[str, Any]:
    """It gives results where it should give errors."""
    return answers(lambda message: ["result", message[1], 1] if message[0] == "error" else message)


def hears_code(change: Callable[[str], str]) -> dict[str, Any]:
    """Errors that come have another code for it."""

    def changed(message: Message) -> Message:
        if message[0] == "error":
            message[2]["code"] = change(message[2]["code"])
        return message

    return hears(changed)


def calls(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The options of its calls are others."""

    def changed(message: Message) -> Message:
        if message[0] == "call" and len(message) > 4:
            change(message[4])
        return message

    return says(changed)


def limited(name: str, value: Any) -> dict[str, Any]:
    """It takes a low limit for a high one, or (None) for none."""

    def changed(message: Message) -> Message:
        if message[0] == "welcome":
            limits = message[1]["limits"]
            if value is None:
                limits.pop(name, None)
            elif limits.get("deadline") == 60_000:
                limits[name] = value
        return message

    return {**hears(changed), "always": True}


def ends_with(status: int, why: str) -> dict[str, Any]:
    """It exits with this status when it ends for this reason."""
    return {"status": lambda worker, end, before: status if type(end).__name__ == why else before}


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with each of its parts changed."""
    if isinstance(value, list):
        return change([mapped(item, change) for item in value])
    if isinstance(value, dict):
        return change({key: mapped(item, change) for key, item in value.items()})
    return change(value)


def confuses(change: Callable[[Any], Any]) -> dict[str, Any]:
    """It cannot tell some values from others."""
    return reports(lambda report: {"values": [mapped(value, change) for value in report["values"]]})


# -- connecting -------------------------------------------------------------------------------------------------------


def babbles(worker: Any, frames: list[bytes]) -> list[list[bytes]]:
    batch = cbor2.loads(frames[0])
    return [frames, [cbor2.dumps([["pong", 77]])]] if batch[0][0] == "hello" else [frames]


def boasts(message: Message) -> Message:
    if message[0] == "ready":
        message[1]["exports"]["echo.value"]["concurrency"] = 2
    return message


def tells_all(place: Any) -> Any:
    print(place.secret.decode(), flush=True)
    return place


fault("connect/first-task", always=True, **says(lambda message: None if message[0] == "ready" else message))
fault("connect/hello", always=True, said=babbles)
fault("connect/ready", always=True, **says(boasts))
fault("connect/replica", place=lambda place: place._replace(label=place.label.partition(".")[0]))
fault("connect/late-core", always=True, impatient=1.0)
fault(
    "connect/welcome-further",
    always=True,
    **cannot_bear(lambda message: message[0] == "welcome" and "later" in message[1]),
)
fault("connect/environment", place=tells_all)
fault("connect/refused", always=True, **ends_with(0, "Refused"))
fault("connect/by-hand", always=True, **ends_with(1, "StartedByHand"))

# -- values -----------------------------------------------------------------------------------------------------------


def as_double(value: Any) -> Any:
    return int(float(value)) if type(value) is int and abs(value) < 2**62 else value


def refuses_wide_heads(worker: Any, frames: list[bytes]) -> list[bytes]:
    return crash() if frames[0][:1] == b"\x9b" else frames


def drops_nulls(message: Message) -> Message:
    if message[0] == "call" and message[2] == "certify.arguments":
        message[3] = {name: value for name, value in message[3].items() if value is not None}
    return message


fault("values/integers", **confuses(as_double))
fault("values/floats", **confuses(lambda value: 0.0 if value == 5e-324 else value))
fault("values/whole-floats", **confuses(lambda value: int(value) if type(value) is float else value))
fault("values/text", **confuses(lambda value: value.removeprefix("\ufeff") if type(value) is str else value))
fault("values/bytes", **confuses(lambda value: list(value) if type(value) is bytes else value))
fault("values/simple", **confuses(lambda value: 0 if value is False else value))
fault("values/arrays", **confuses(lambda value: None if value == [] else value))
fault(
    "values/maps",
    **confuses(
        lambda value: {k: v for k, v in value.items() if k != "__proto__"} if isinstance(value, dict) else value
    ),
)
fault("values/deepest", **reports(lambda report: {"values": [[[]]]}))
fault("values/wide-forms", heard=refuses_wide_heads)
fault("values/arguments", **says(drops_nulls))

# -- calls ------------------------------------------------------------------------------------------------------------


def null_is_empty(message: Message) -> Message:
    if message[0] == "result" and message[2] is None:
        message[2] = ""
    return message


def without_data(message: Message) -> Message:
    return [*message[:2], {**message[2], "data": None}] if message[0] == "error" else message


def last_outcome_is_lost(report: Any) -> Any:
    return {"outcomes": [*report["outcomes"][:-1], {"value": None}]}


def swaps(first: int, second: int) -> Callable[[Message], Message]:
    numbers = {first: second, second: first}
    return lambda message: ["pong", numbers.get(message[1], message[1])] if message[0] == "pong" else message


fault("calls/result", **hears(null_is_empty))
fault(
    "calls/large-result",
    **hears(
        lambda message: (
            [*message[:2], message[2][:65536]] if message[0] == "result" and isinstance(message[2], str) else message
        )
    ),
)
fault("calls/unknown-options", **cannot_bear(lambda message: len(message) > 3 and "later" in message[3]))
fault("calls/unknown-keys", **cannot_bear(lambda message: message[0] == "error" and "later" in message[2]))
fault("calls/float-ids", **cannot_bear(lambda message: type(message[1]) is float))
fault("calls/together", **reports(lambda report: {"outcomes": report["outcomes"][::-1]}))
fault(
    "calls/errors-between",
    **reports(lambda report: {"outcomes": [{"value": each.get("value")} for each in report["outcomes"]]}),
)
for size in (1, 2, 64, 1024):
    fault(f"calls/batches-of-{size}", **reports(last_outcome_is_lost))
fault("calls/in-order", **says(swaps(2001, 2002)))
fault("calls/idempotent", **calls(lambda options: options.pop("idempotent", None)))
fault("calls/trace", **calls(lambda options: options.pop("trace", None)))
fault("calls/grants", lax=True)
for code in (
    "not_allowed", "not_found", "invalid_args", "failed", "cancelled", "deadline_exceeded", "busy", "unavailable",
    "too_large", "bad_message", "internal",
):  # fmt: skip
    fault(f"errors/{code}", **hears_code(lambda code: "certify.error"))
fault("errors/application", **hears_code(lambda code: "failed"))
fault("errors/unknown-code", **hears_code(lambda code: "internal" if "." not in code else code))
fault(
    "errors/data",
    **hears(lambda message: [*message[:2], {**message[2], "data": None}] if message[0] == "error" else message),
)
fault(
    "errors/null-data",
    **cannot_bear(lambda message: message[0] == "error" and message[2].get("data", "") is None),
)

# -- limits -----------------------------------------------------------------------------------------------------------


def forgets_to_wait_for_ever(message: Message) -> Message:
    return message[:4] if message[0] == "call" and message[2] == "certify.next" else message


fault("limits/calls", **limited("calls", 1024))
fault("limits/batch", **limited("batch", 1024))
fault("limits/message", **limited("message", 1024 * 1024))
fault("limits/event", **limited("event", 65536))
fault("limits/no-deadline", always=True, **says(forgets_to_wait_for_ever))
fault("limits/rate", **limited("rate", None))
fault("busy/again", **hears_code(lambda code: "failed"))
fault(
    "busy/no-wait",
    **hears(
        lambda message: (
            [*message[:2], message[2] | {"wait": True}]
            if message[0] == "result" and isinstance(message[2], dict)
            else message
        )
    ),
)
fault("busy/until-its-time", **hears(lambda message: ["result", message[1], 1] if message[0] == "error" else message))

# -- cancelled --------------------------------------------------------------------------------------------------------

no_cancel = says(lambda message: None if message[0] == "cancel" else message)
too_late = cannot_bear(lambda message: message[0] == "result" and message[2] == "too late")
fault("cancel/answered", **no_cancel)
fault("cancel/result-crosses", **too_late)
fault("cancel/error-crosses", **cannot_bear(lambda message: message[0] == "error"))
fault("cancel/too-late", **loses("value"))
fault("cancel/once", **says(lambda message: [message, message] if message[0] == "cancel" else message))
fault("timeout/deadline", **calls(lambda options: options.pop("deadline", None)))
fault("timeout/exceeded", **no_cancel)
fault("timeout/answer-crosses", **too_late)
fault("timeout/of-the-core", **hears_code(lambda code: "failed"))

# -- streams and channels ---------------------------------------------------------------------------------------------


def doubled_credit(options: dict[str, Any]) -> None:
    for channel in options.get("channels", {}).values():
        channel["credit"] *= 2


def sends_what_is_dropped(worker: Any, frames: list[bytes]) -> list[bytes]:
    for message in read(frames[0]):
        if message[0] == "drop":
            worker.session.outbox.put(cbor2.dumps(["item", message[1], "more"]))
    return frames


twice = says(lambda message: [message, message] if message[0] == "item" else message)
no_drop = says(lambda message: None if message[0] == "drop" else message)
fault("stream/whole", **says(lambda message: None if message[0] == "credit" else message))
fault("stream/empty", **reports(lambda report: {"items": [None]}))
fault("stream/ends-with-error", **loses("error"))
fault("stream/error-ends-it", **reports(lambda report: report | {"items": []}))
fault("stream/refused", **loses("error"))
fault("stream/dropped", **no_drop)
fault("stream/drop-crosses-end", **cannot_bear(lambda message: message[0] == "end"))
fault("stream/unknown-options", **cannot_bear(lambda message: message[0] == "item" and len(message) > 3))
fault("stream/float-ids", **cannot_bear(lambda message: message[0] == "item" and type(message[1]) is float))
fault("send/credit", **twice)
fault(
    "send/nothing",
    **says(lambda message: [*message[:2], {"code": "failed", "message": ""}] if message[0] == "end" else message),
)
fault(
    "send/fail",
    **says(lambda message: [*message[:2], message[2] | {"code": "failed"}] if message[0] == "end" else message),
)
fault("send/leave", **reports(lambda report: report | {"sent": 0}))
fault("send/dropped", heard=sends_what_is_dropped)
fault("send/call-fails", **reports(lambda report: report | {"sent": 10}))
fault("send/credit-crosses-end", **cannot_bear(lambda message: message[0] == "drop"))
fault("receive/credit", **calls(doubled_credit))
fault("receive/ends-with-error", **loses("ended"))
fault("receive/outlives-its-call", **reports(lambda report: report | {"items": []}))
fault("receive/dropped", **cannot_bear(lambda message: message[0] == "item" and "late" in str(message[2])))
fault("receive/call-fails", **loses("ended"))

# -- raw frames -------------------------------------------------------------------------------------------------------


def in_its_place(worker: Any, frames: list[bytes]) -> list[list[bytes]]:
    batch = cbor2.loads(frames[0])
    for message in batch:
        if message[0] == "call" and len(message) > 4:
            for name, index in message[4].pop("raw", {}).items():
                message[3][name] = frames[index]
    return [[cbor2.dumps(batch)]]


def shortened(worker: Any, frames: list[bytes]) -> list[list[bytes]]:
    return [[frames[0], *(frame[:-1] for frame in frames[1:])]]


fault("raw/result", **reports(lambda report: {"value": report["value"] or None}))
fault("raw/float-index", **cannot_bear(lambda message: len(message) > 3 and type(message[3].get("raw")) is float))
fault("raw/several", **reports(lambda report: {"outcomes": report["outcomes"][::-1]}))
fault("raw/all-63", **reports(last_outcome_is_lost))
fault(
    "raw/bytes",
    **says(lambda message: [*message[:3], {"data": b""}] if message[0] == "call" and "data" in message[3] else message),
)
fault("raw/argument", said=in_its_place)
fault("raw/items", **reports(lambda report: {"items": [each for each in report["items"] if each]}))
fault("raw/items-sent", said=shortened)
fault("raw/export", said=shortened)

# -- events -----------------------------------------------------------------------------------------------------------


def kept(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> dict[str, Any]:
    """The events that it reports are others."""
    return reports(lambda report: report | {"events": change(report["events"])} if "events" in report else report)


def event_of(frame: bytes) -> list[Any]:
    event: list[Any] = cbor2.loads(frame.partition(b"|")[2])
    return event


def never_any(worker: Any, frame: bytes) -> None:
    return None


never_missed = reports(lambda report: report | {"missed": 0} if "missed" in report else report)
fault("events/exact", **kept(lambda events: [each | {"payload": None} for each in events]))
fault("events/prefix", **kept(lambda events: [each | {"name": "certify/prefix"} for each in events]))
fault("events/source", **kept(lambda events: [each | {"source": "core"} for each in events]))
fault("events/of-the-core", **reports(lambda report: {"error": {"code": "not_allowed", "message": ""}}))
fault("events/values", **kept(lambda events: [each | {"payload": as_float(each["payload"])} for each in events]))
fault("events/in-order", **kept(lambda events: events[::-1]))
fault("events/before-listening", event=never_any)
fault("events/during-a-call", event=never_any)
fault("events/further", event=lambda worker, frame: crash() if type(event_of(frame)[0]) is float else frame)
fault("events/denied", **reports(lambda report: {}))
fault("events/grants", lax=True)
fault("events/unlisten", keeps_listening=True)
fault(
    "events/once",
    **kept(lambda events: [events[0], {**events[0], "payload": 2}, *events[1:]] if len(events) > 1 else events),
)
fault("events/gap", **never_missed)
fault("events/missed", **never_missed)


def as_float(value: Any) -> Any:
    return float(value) if type(value) is int else value


# -- emits ------------------------------------------------------------------------------------------------------------


def emits(change: Callable[[str, Any, Any], tuple[str, Any, Any]]) -> dict[str, Any]:
    """What it emits is something else: the name, the payload, the options."""

    def changed(worker: Any, prepared: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        before, behind = prepared
        name, _, head = before.partition(b"|")
        _, payload, *options = cbor2.loads(head + b"\x01" + behind)
        new, payload, options = change(name.decode(), payload, options)
        return f"{new}|".encode() + bytes((0x82 + len(options),)), b"".join(map(cbor2.dumps, [payload, *options]))

    return {"emit": changed}


fault("emits/to-all", **emits(lambda name, payload, options: (name, str(payload), options)))
fault("emits/to-one", **emits(lambda name, payload, options: (name, payload, [])))
fault("emits/names", **emits(lambda name, payload, options: (name[:64], payload, options)))
fault("emits/grants", lax=True)


def into_the_void(worker: Any, prepared: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    return prepared if worker.takes_emits or worker.step != "emits/late-subscription" else (b"", b"")


fault("emits/late-subscription", always=True, hasty=True, emit=into_the_void)

# -- exports ----------------------------------------------------------------------------------------------------------

nothing = answers(lambda message: ["result", message[1], None] if message[0] == "result" else message)
both = says(lambda message: [message, message] if message[0] in ("result", "error") else message)
fault("exports/value", **nothing)
fault("exports/many", **answers(lambda message: [*message[:2], 0] if message[2] == 99 else message))
fault("exports/without-options", **cannot_bear(lambda message: message[0] == "call" and len(message) == 4))
fault("exports/unknown-options", **cannot_bear(lambda message: message[0] == "call" and "later" in message[4]))
fault("exports/insisting-option", **succeeds())
fault("exports/float-numbers", **cannot_bear(lambda message: message[0] == "call" and type(message[1]) is float))
fault("exports/marked-argument", **succeeds())
fault("exports/error", **answers(without_data))
for step in (
    "exports/crash", "exports/unknown-command", "exports/wrong-arguments", "exports/cancelled",
    "nested/cancelled-with-it", "nested/deadline-over", "yields/cancelled", "yields/deadline", "yields/not-asked-for",
    "yields/receives-error", "yields/receives-cancelled",
):  # fmt: skip
    fault(step, **wrong_code())
fault("exports/cancelled-at-once", **both)


def answers_a_late_cancel(worker: Any, frames: list[bytes]) -> list[bytes]:
    for message in read(frames[0]):
        if message[0] == "cancel":
            worker.session.outbox.put(cbor2.dumps(["error", message[1], GONE]))
    return frames


def hears_option(name: str, value: Any) -> dict[str, Any]:
    return hears(
        lambda message: (
            [*message[:4], message[4] | {name: value}] if message[0] == "call" and name in message[4] else message
        )
    )


fault("exports/cancel-crosses", heard=answers_a_late_cancel)
fault("exports/deadline", **hears_option("deadline", 50))
fault("exports/deadline-zero", **succeeds())
fault("exports/deadline-null", **hears_option("deadline", 0))
fault("exports/calls", **nothing)
fault("exports/emits", **emits(lambda name, payload, options: (name, None, options)))
fault("nested/parent", **calls(lambda options: options.pop("parent", None)))
fault("nested/time-left", **calls(lambda options: "parent" in options and options.update(deadline=None)))

# -- streams and channels of exports ----------------------------------------------------------------------------------


def unasked_item(message: Message) -> Message | list[Message]:
    return [["item", message[1], 0], message] if message[0] == "end" else message


fault("yields/whole", **says(lambda message: [*message[:2], 5] if message[0] == "result" else message))
fault("yields/nothing", **says(unasked_item))
fault("yields/credit", **twice)
fault(
    "yields/dropped",
    **says(
        lambda message: (
            ["error", message[1], {"code": "cancelled", "message": ""}] if message[0] == "result" else message
        )
    ),
)
fault("yields/fails", **says(lambda message: message[:2] if message[0] == "end" else message))
fault("yields/receives", **answers(lambda message: [*message[:2], 0]))
fault("yields/sends", **twice)
fault("yields/sends-dropped", **both)

# -- being there, and the end -----------------------------------------------------------------------------------------

no_pong = says(lambda message: None if message[0] == "pong" else message)
fault("ping/in-a-call", **says(swaps(0, 1)))
fault(
    "ping/float",
    always=True,
    **cannot_bear(lambda message: message[0] == "ping" and repr(message[1]) == "1000000000000000.0"),
)
fault("ping/serving", **no_pong)
fault("ping/under-load", **says(swaps(5000, 5001)))
fault("ping/running", **no_pong)


def emitted(count: int) -> dict[str, Any]:
    return says(lambda message: ["bye", {"emitted": count}] if message[0] == "bye" else message)


def says_more(worker: Any, frames: list[bytes]) -> list[list[bytes]]:
    is_last = cbor2.loads(frames[0])[-1][0] == "bye"
    return [frames, [cbor2.dumps([["ping", 1]])]] if is_last else [frames]


fault("leaving/stop", **emitted(7))
fault("leaving/stop-at-once", **emitted(7))
fault("leaving/by-itself", said=says_more)
fault("leaving/count", **emitted(0))
fault("leaving/crossed", **cannot_bear(lambda message: message[0] == "ping"))
for place in (
    "running", "in-a-call", "in-a-stream", "without-credit", "in-a-handler", "awaiting-an-event", "unread",
):  # fmt: skip
    fault(f"lifeline/{place}", **ends_with(3, "Stopped"))


def early(worker: Any, end: Any, status: int, *, sent: bool) -> int:
    is_early = type(end).__name__ == "Stopped" and hasattr(worker, "greeted") and not worker.greeted.done
    return 3 if is_early and (not worker.unsent) is sent else status


fault("lifeline/before-welcome", always=True, status=lambda *given: early(*given, sent=True))
fault("lifeline/before-the-core", always=True, status=lambda *given: early(*given, sent=False))
fault(
    "lifeline/before-the-secret",
    always=True,
    status=lambda worker, end, status: 3 if "secret" in str(end) and status == 0 else status,
)
fault("core/says-breach", always=True, **ends_with(0, "Breached"))


def lost(worker: Any, end: Any, status: int, *, running: bool) -> int:
    return 0 if type(end).__name__ == "ConnectionLost" and bool(worker.step) is running else status


fault("core/goes", always=True, status=lambda *given: lost(*given, running=False))
fault("core/goes-in-run", always=True, status=lambda *given: lost(*given, running=True))

# -- a core that is not to be borne -----------------------------------------------------------------------------------


def bears(worker: Any, frames: list[bytes]) -> list[bytes]:
    """What comes behind a task is the result of the call that was made, whatever it is."""
    if not worker.frames_heard:
        return frames  # the task itself
    return [cbor2.dumps([["result", number, None] for number in worker.session.calls.flight])]


def bears_frame(hexadecimal: str) -> dict[str, Any]:
    frame = bytes.fromhex(hexadecimal)
    return {"always": True, "heard": lambda worker, frames: crash(0) if frames[0] == frame else frames}


for name in (
    "tag", "tag-of-a-number", "tag-of-itself", "indefinite-text", "indefinite-array", "indefinite-map", "break",
    "undefined", "simple", "reserved", "duplicate-key", "key-integer", "key-bytes", "int-too-large", "int-too-small",
    "utf-8", "utf-8-surrogate", "length", "depth",
):  # fmt: skip
    fault(f"strict/{name}", heard=bears)
for name, digits in (("empty", ""), ("trailing", "8101f6"), ("cut", "81846463616c6c1901")):
    fault(f"strict/{name}", **bears_frame(digits))
for name in (
    "no-batch", "empty-batch", "empty-message", "unknown-verb", "worker-verb", "welcome-twice", "unknown-answer",
    "second-answer", "missing-value", "error-no-code", "insisting-result", "unknown-item", "unknown-credit",
    "unknown-cancel", "ping-text", "negative-number", "fractional-number", "unknown-subscription", "raw-missing",
    "raw-zero", "raw-unasked", "raw-twice", "raw-and-value",
):  # fmt: skip
    fault(f"core-faults/{name}", heard=bears)


def early_answer(worker: Any, frames: list[bytes]) -> list[bytes]:
    is_early = not worker.greeted.done and any(message[0] == "result" for message in read(frames[0]))
    return crash(0) if is_early else frames


def another(worker: Any, frames: list[bytes]) -> list[bytes]:
    is_another = any(message[0] == "welcome" and message[1]["worker"] == "another" for message in read(frames[0]))
    return crash(0) if is_another and not worker.greeted.done else frames


def call_again(worker: Any, frames: list[bytes]) -> list[bytes]:
    is_old = any(message[0] == "call" and message[1] <= worker.last_asked for message in read(frames[0]))
    worker.last_asked = max([message[1] for message in read(frames[0]) if message[0] == "call"], default=0)
    return crash(0) if is_old else frames


fault("core-faults/early-result", always=True, heard=early_answer)
fault("core-faults/another-welcome", always=True, heard=another)
fault("core-faults/over-credit", **cannot_bear(lambda message: message[0] == "item"))
fault("core-faults/call-again", heard=call_again)
for name in ("event-tag", "event-zero", "event-short", "event-trailing"):
    fault(f"core-faults/{name}", event=lambda worker, frame: crash(0))
