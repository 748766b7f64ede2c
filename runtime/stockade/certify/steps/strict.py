"""What is no CBOR of the strict profile: a worker must refuse it, say so on standard error, and exit with status 70.

Each step is a start of its own, for no worker survives one. Each stands for a class of the vectors `refuse`
(docs/vectors.json), and the bytes are those of the vector that it names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import cbor2

from stockade.certify import endings
from stockade.certify.life import Life
from stockade.certify.step import Steps

__all__ = ["ALL", "FRAMES", "VALUES"]

strict = Steps("strict", "4")
ALL = (strict,)

#: Of each class: the vector, what it is, and its bytes, which stand where the result of a call should.
VALUES = {
    "tag": ("refuse-tag-0", "a tag", "c074323031332d30332d32315432303a30343a30305a"),
    "tag-of-a-number": ("refuse-tag-2", "a large integer, which is a tag", "c249010000000000000000"),
    "tag-of-itself": ("refuse-tag-55799", "the tag that says that CBOR follows", "d9d9f700"),
    "indefinite-text": ("refuse-indefinite-text", "text of indefinite length", "7f657374726561646d696e67ff"),
    "indefinite-array": ("refuse-indefinite-array", "an array of indefinite length", "9f0102ff"),
    "indefinite-map": ("refuse-indefinite-map", "a map of indefinite length", "bf616101ff"),
    "break": ("refuse-break-alone", "a break where a value should be", "ff"),
    "undefined": ("refuse-undefined", "undefined", "f7"),
    "simple": ("refuse-simple-16", "an unassigned simple value", "f0"),
    "reserved": ("refuse-reserved-int-28", "a head that is reserved", "1c000000000000000000"),
    "duplicate-key": ("refuse-duplicate-key", "a map with a key twice", "a2616101616102"),
    "key-integer": ("refuse-key-int", "a map with an integer for a key", "a10102"),
    "key-bytes": ("refuse-key-bytes", "a map with bytes for a key", "a1416102"),
    "int-too-large": ("refuse-int-2-63", "the integer 2^63", "1b8000000000000000"),
    "int-too-small": ("refuse-int-under-least", "the integer -2^63 - 1", "3b8000000000000000"),
    "utf-8": ("refuse-utf-8-overlong-2", "text that is no UTF-8", "62c080"),
    "utf-8-surrogate": ("refuse-utf-8-surrogate-high", "text with half of a surrogate pair", "63eda080"),
    "length": ("refuse-length-array-2-31", "an array of 2^31 items that are not there", "9a7fffffff00"),
}
#: The same as whole frames.
FRAMES = {
    "empty": ("refuse-empty", "an empty frame", ""),
    "trailing": ("refuse-trailing-after-array", "bytes behind the item", "8101f6"),
    "cut": ("refuse-cut-09", "a frame that is cut off", "81846463616c6c1901"),
}


def _value(hexadecimal: str) -> Callable[[Life], Awaitable[None]]:
    async def play(life: Life) -> None:
        await life.begin()
        call = await life.invoked("certify.strict")
        _, number, _ = life.result(call, None)
        life.send(b"\x81\x83" + cbor2.dumps("result") + cbor2.dumps(number) + bytes.fromhex(hexadecimal))
        await endings.breaks(life)

    return play


def _frame(hexadecimal: str) -> Callable[[Life], Awaitable[None]]:
    async def play(life: Life) -> None:
        await life.begin()
        life.send(bytes.fromhex(hexadecimal))
        await endings.breaks(life)

    return play


for name, (_, what, digits) in VALUES.items():
    strict.add(name, f"Refuse {what} in a result.", _value(digits))
for name, (_, what, digits) in FRAMES.items():
    strict.add(name, f"Refuse {what}.", _frame(digits))
# 29 levels, in a message, in a batch, and one more around them: 33 in all, the outermost counted.
strict.add("depth", "Refuse what is deeper than 32.", _value("81" * 30 + "80"))
