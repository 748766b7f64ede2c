"""Values: each kind and width there and back, as what the worker is told and as what it says."""

from __future__ import annotations

import math
import struct
from typing import Any

from stockade.certify.life import Life
from stockade.certify.step import Steps
from stockade.certify.widths import wide

__all__ = ["ALL"]

values = Steps("values", "4", walk="values")
ALL = (values,)

_LEAST, _MOST = -(2**63), 2**63 - 1
INTEGERS = [
    0, 1, 23, 24, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**53 + 1, _MOST,
    -1, -24, -25, -256, -257, -65536, -65537, -(2**31), -(2**32), -(2**32) - 1, -(2**53), -(2**53) - 1, _LEAST,
]  # fmt: skip
FLOATS = [0.5, -4.1, 1.1, 1e300, 5e-324, math.inf, -math.inf, math.nan]
TEXTS = ["", "a", "ü水𐅑", "\x00", "\\\"'\n\t", "x" * 23, "x" * 24, "x" * 255, "x" * 256, "ä" * 10_000, "\ufeffa", "é"]
BYTES = [b"", b"\x00", b"\xff\x80", bytes(range(256)), bytes(10_000)]
KEYS = ["", "a", "ü", "1", "__proto__", "constructor", "toString", "length", "x" * 300]


async def _there_and_back(life: Life, sent: list[Any]) -> None:
    life.task("echo", values=sent)
    await life.reports({"values": sent})


@values.step("integers")
async def integers(life: Life) -> None:
    """Take and send every integer of 64 bits as itself."""
    await _there_and_back(life, INTEGERS)


@values.step("floats")
async def floats(life: Life) -> None:
    """Take and send floats, infinities and NaN among them."""
    await _there_and_back(life, FLOATS)


@values.step("whole-floats", "floats")
async def whole_floats(life: Life) -> None:
    """Tell the float 1.0 from the integer 1, and -0.0 from 0.0, in both directions."""
    await _there_and_back(life, [1.0, 1, -0.0, 0.0, 0, 2.0**53, 2**53, 1e18, -3.0, -3])


@values.step("text")
async def text(life: Life) -> None:
    """Take and send text of any length, empty, with any character of Unicode."""
    await _there_and_back(life, TEXTS)


@values.step("bytes")
async def blobs(life: Life) -> None:
    """Take and send bytes as bytes."""
    await _there_and_back(life, BYTES)


@values.step("simple")
async def simple(life: Life) -> None:
    """Take and send false, true and null, each as itself."""
    await _there_and_back(life, [False, True, None, 0, 1, "", b"", [], {}])


@values.step("arrays")
async def arrays(life: Life) -> None:
    """Take and send arrays, empty, long, and within each other."""
    await _there_and_back(life, [[], [[]], [1, [2, [3, []]]], [None] * 300, list(range(70_000))])


@values.step("maps")
async def maps(life: Life) -> None:
    """Take and send maps with any text for a key."""
    await _there_and_back(life, [{}, {key: key for key in KEYS}, {f"k{n}": n for n in range(300)}, {"a": {"b": {}}}])


@values.step("deepest")
async def deepest(life: Life) -> None:
    """Take and send what is 32 deep with the batch, the message and the map around it."""
    deep: list[Any] = []
    for _ in range(26):  # 27, in a list, a report, arguments, a message and a batch
        deep = [deep]
    await _there_and_back(life, [deep])


@values.step("wide-forms")
async def wide_forms(life: Life) -> None:
    """Take heads of any width: all integers and lengths of a message in eight bytes, floats in 16, 32 and 64 bits."""
    sent = [0, -1, 24, "a", b"a", [], {"a": []}, [1, {"b": [2]}]]
    life.send(wide([life.task_message("echo", values=sent)]))
    await life.reports({"values": sent})
    for width, head in (("e", b"\xf9"), ("f", b"\xfa"), ("d", b"\xfb")):
        task = wide([life.task_message("echo", values=["float"])])
        life.send(task.replace(wide("float"), head + struct.pack(f">{width}", -1.5)))
        await life.reports({"values": [-1.5]})


@values.step("arguments", section="5")
async def arguments(life: Life) -> None:
    """Send the arguments of a call as they are, each under its name, null among them; and no argument at all."""
    call = await life.invoked("certify.arguments", {"a": 1, "b": [None, {"c": "ü"}], "none": None, "yes": True})
    life.answer(call, None)
    await life.reports({"value": None})
    call = await life.invoked("certify.arguments")
    life.answer(call, {"": [b"\x00"]})
    await life.reports({"value": {"": [b"\x00"]}})
