"""Writes docs/vectors.json from the tables: ``python tests/conformance/protocol_vectors/write.py``.

Knows neither codec. A test compares what it writes with the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from protocol_vectors import codec_table, conversation_table, message_table
from protocol_vectors.diagnostic import Item, compile_item

__all__ = ["FILE", "text", "vectors"]

FILE = Path(__file__).resolve().parents[3] / "docs" / "vectors.json"

_NOTATION = {
    '{"$int": "9007199254740992"}': "an integer that a double cannot hold exactly, in decimal digits",
    '{"$float": "1.0"}': "a float; every float is written so, NaN, Infinity and -Infinity too",
    '{"$bytes": "00ff"}': "bytes, in hexadecimal digits",
    '{"$map": [[key, value], ...]}': "a map with a key that begins with $",
    '{"$either": [...]}': "in what a core sends: one of these messages; a script does not say which",
    "anything else": "itself: null, booleans, integers, text, arrays, and objects for maps",
    "diagnostic": "the same item in the diagnostic notation of RFC 8949, section 8, with its encoding indicators",
    "cddl": "false: docs/protocol.cddl cannot tell that this is to be refused",
    "messages a core sends": "a map that stands for one that the core sends matches any that has at least its keys",
}

Vector = dict[str, Any]


def vectors() -> dict[str, Any]:
    """All that vectors.json holds."""
    read = [*codec_table.WRITTEN, *codec_table.READ]
    return {
        "protocol": 1,
        "notation": _NOTATION,
        "decode": [_value(f"decode-{name}", form, expected) for name, form, expected in read],
        "encode": [_value(f"encode-{name}", form, expected) for name, form, expected in codec_table.WRITTEN],
        "refuse": [_refused(*row) for row in codec_table.REFUSED],
        "messages": [*_messages(), *_raw_messages()],
        "events": list(_events()),
        "emits": list(_emits()),
        "subscriptions": list(_subscriptions()),
        "patterns": list(_patterns()),
        "scene": conversation_table.SCENE,
        "conversation": [_conversation(*script) for script in conversation_table.CONVERSATIONS],
    }


def _value(name: str, form: str, expected: str | None) -> Vector:
    item = compile_item(form)
    if expected is not None and item.cbor.hex() != expected:
        raise ValueError(f"{name}: {form} is {expected} by hand and {item.cbor.hex()} by program")
    return {"name": name, "diagnostic": form, "hex": item.cbor.hex(), "value": item.value}


def _bytes_of(form: str | bytes) -> tuple[bytes, Vector]:
    """The bytes of a table's entry, and the key that shows its notation if it has one."""
    if isinstance(form, bytes):
        return form, {}
    return compile_item(form).cbor, {"diagnostic": form}


def _refused(name: str, about: str, form: str | bytes, cddl: bool) -> Vector:
    cbor, shown = _bytes_of(form)
    return {"name": f"refuse-{name}", "about": about, **shown, "hex": cbor.hex(), "code": "bad_frame"} | _blind(cddl)


def _blind(cddl: bool) -> Vector:
    return {} if cddl else {"cddl": False}


def _messages() -> Iterator[Vector]:
    for side, rows in (("worker", message_table.FROM_WORKER), ("core", message_table.FROM_CORE)):
        for name, form in rows:
            yield {"name": name, "from": side, "valid": True, **_item(compile_item(form), form)}
    for name, given, outcome, cddl in message_table.BAD_FROM_WORKER:
        cbor, shown = _bytes_of(given)
        end = {"answered": "bad_message"} if outcome == "answered" else {"ends": outcome}
        yield {"name": name, "from": "worker", "valid": False, **shown, "hex": cbor.hex(), **end} | _blind(cddl)
    for name, given, cddl in message_table.BAD_FROM_CORE:
        cbor, shown = _bytes_of(given)
        yield {"name": name, "from": "core", "valid": False, **shown, "hex": cbor.hex()} | _blind(cddl)


def _raw_messages() -> Iterator[Vector]:
    """Messages with raw frames behind the first."""
    for name, form, frames, outcome in message_table.RAW_FROM_WORKER:
        end = {} if outcome is None else {"answered": "bad_message"} if outcome == "answered" else {"ends": outcome}
        shown = {"name": name, "from": "worker", "valid": outcome is None, **_item(compile_item(form), form)}
        # What the grammar can tell of a raw call, it can tell without raw frames too.
        yield {**shown, "frames": frames, **end} | _blind(outcome is None)
    for name, form, frames, valid in message_table.RAW_FROM_CORE:
        shown = {"name": name, "from": "core", "valid": valid, **_item(compile_item(form), form)}
        yield {**shown, "frames": frames} | _blind(valid)


def _item(item: Item, form: str) -> Vector:
    return {"diagnostic": form, "hex": item.cbor.hex(), "value": item.value}


def _frame(topic: str | bytes, body: str | bytes) -> Vector:
    """An event or emit: the topic where it is text, the body in its notation, the hex of the whole frame and body."""
    cbor, shown = _bytes_of(body)
    raw = topic if isinstance(topic, bytes) else topic.encode()
    named = {} if isinstance(topic, bytes) else {"topic": topic}
    return {**named, **shown, "hex": (raw + cbor).hex(), "body": cbor.hex()}


def _events() -> Iterator[Vector]:
    for name, topic, body in message_table.EVENTS:
        yield {"name": name, "valid": True, **_frame(topic, body), "value": compile_item(body).value}
    for name, topic, given, cddl in message_table.BAD_EVENTS:
        yield {"name": name, "valid": False, **_frame(topic, given)} | _blind(cddl)


def _emits() -> Iterator[Vector]:
    for name, topic, body, to in message_table.EMITS:
        traced = {"trace": message_table.TRACE} if name == "emit-trace" else {}
        value = compile_item(body).value
        yield {"name": name, "valid": True, **_frame(topic, body), "value": value, "to": to, **traced}
    for name, given, content, cddl in message_table.BAD_EMITS:
        yield {"name": name, "valid": False, **_frame(given, content), "ends": "bad_event"} | _blind(cddl)


def _subscriptions() -> Iterator[Vector]:
    for name, frame, asks in message_table.SUBSCRIPTIONS:
        outcome = {"valid": True, **asks} if asks else {"valid": False, "ends": "bad_subscription"}
        yield {"name": name, "hex": frame.hex(), **outcome}


def _patterns() -> Iterator[Vector]:
    for name, allow, deny, separator, asked, allowed in message_table.PATTERNS:
        yield {
            "name": name, "allow": allow, "deny": deny, "separator": separator, "asked": asked, "allowed": allowed
        }  # fmt: skip
    for name, allow, deny, prefix, allowed in message_table.PREFIXES:
        yield {"name": name, "allow": allow, "deny": deny, "separator": "/", "prefix": prefix, "allowed": allowed}


def _conversation(name: str, about: str, live: bool, steps: list[Any], ends: str | list[str] | None) -> Vector:
    return {"name": name, "about": about, "live": live, "steps": steps, "ends": ends}


def text() -> str:
    """The file: one vector a line, so that a change shows as one line."""
    parts = []
    for key, section in vectors().items():
        if isinstance(section, list):
            lines = ",\n".join("    " + json.dumps(vector, ensure_ascii=True) for vector in section)
            parts.append(f'  "{key}": [\n{lines}\n  ]')
        else:
            shown = json.dumps(section, indent=2).replace("\n", "\n  ")
            parts.append(f'  "{key}": {shown}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="ascii")
