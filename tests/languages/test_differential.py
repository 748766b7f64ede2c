"""The codecs of all languages against each other: what one writes, every other reads alike.

Ten thousand values from one seed. Each worker reads them in forms of every width, as this test writes them, and writes
them in its own; then each reads what every other has written. Forms that two of them share are read once.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from typing import Any

import pytest
from scripted import EchoWorker

from stockade.core.wire.codec import decode

SEED, COUNT, AT_ONCE = 20261123, 10_000, 500
_EDGES = [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**63 - 1]
_FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 1e300, 5e-324, 65504.0, 3.4028234663852886e38, math.inf, -math.inf, math.nan]


def scalar(rng: random.Random) -> Any:
    kind = rng.randrange(8)
    if kind < 2:
        return rng.choice(_EDGES) if rng.random() < 0.3 else rng.getrandbits(rng.randrange(1, 64))
    if kind == 2:
        return -1 - rng.getrandbits(rng.randrange(1, 64))
    if kind == 3:
        return rng.choice(_FLOATS) if rng.random() < 0.5 else rng.uniform(-1e6, 1e6)
    if kind == 4:
        return rng.choice([None, True, False])
    if kind == 5:
        return rng.randbytes(rng.choice([0, 1, 23, 24, 60, 300]))
    return text(rng)


def text(rng: random.Random) -> str:
    alphabet = rng.choice(["abc", "aé", "日本語", "\x00\x7f\u0080\u07ff\u0800\uffff", "a😀\U0010ffff"])
    return "".join(rng.choices(alphabet, k=rng.choice([0, 1, 5, 23, 24, 80])))


def value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth >= 4 or kind < 0.6:
        return scalar(rng)
    size = rng.choice([0, 1, 2, 5, 24])
    if kind < 0.8:
        return [value(rng, depth + 1) for _ in range(size)]
    return {text(rng): value(rng, depth + 1) for _ in range(size)}


def _head(rng: random.Random, kind: int, number: int) -> bytes:
    """The head in any width that holds the number."""
    least = 0 if number < 24 else 1 if number < 2**8 else 2 if number < 2**16 else 4 if number < 2**32 else 8
    width = rng.choice([each for each in (0, 1, 2, 4, 8) if each >= least])
    if not width:
        return bytes([kind << 5 | number])
    return bytes([kind << 5 | 24 + width.bit_length() - 1]) + number.to_bytes(width, "big")


def _float(rng: random.Random, number: float) -> bytes:
    forms = []
    for first, form in ((0xF9, ">e"), (0xFA, ">f"), (0xFB, ">d")):
        try:
            data = struct.pack(form, number)
        except OverflowError:
            continue
        if math.isnan(number) or struct.unpack(form, data)[0] == number:
            forms.append(bytes([first]) + data)
    return rng.choice(forms)


def write(rng: random.Random, what: Any) -> bytes:
    """The value in CBOR, each head and float in any width that it may have."""
    if what is None or isinstance(what, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[what]
    if isinstance(what, int):
        return _head(rng, 0, what) if what >= 0 else _head(rng, 1, -1 - what)
    if isinstance(what, float):
        return _float(rng, what)
    if isinstance(what, bytes):
        return _head(rng, 2, len(what)) + what
    if isinstance(what, str):
        return _head(rng, 3, len(what.encode())) + what.encode()
    if isinstance(what, list):
        return _head(rng, 4, len(what)) + b"".join(write(rng, each) for each in what)
    pairs = (write(rng, part) for pair in what.items() for part in pair)
    return _head(rng, 5, len(what)) + b"".join(pairs)


def alike(one: Any, other: Any, *, floats: bool) -> bool:
    """Whether they are the same value; without `floats` 1.0 is 1: the worker's language has one kind of number."""
    if isinstance(one, float) or isinstance(other, float):
        numbers = (float, int) if not floats else (float,)
        if (
            not isinstance(one, numbers)
            or not isinstance(other, numbers)
            or isinstance(one, bool)
            or isinstance(other, bool)
        ):
            return False
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return one == other and (not floats or math.copysign(1, one) == math.copysign(1, other))
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(alike(a, b, floats=floats) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(each, other[key], floats=floats) for key, each in one.items())
    return bool(one == other)


def through(face: Any, sent: dict[tuple[int, bytes], Any], each: Callable[[int, bytes], None]) -> None:
    """Have the worker of a face read these forms; `each` gets what it writes. Fails where it is another value."""
    with EchoWorker(face.certify) as worker:
        floats = "floats" in worker.offers
        forms = list(sent)
        for begin in range(0, len(forms), AT_ONCE):
            chunk = forms[begin : begin + AT_ONCE]
            for (number, form), written in zip(chunk, worker.echo([form for _, form in chunk]), strict=True):
                wanted = sent[number, form]
                assert alike(decode(written), wanted, floats=floats), (face.key, number, form.hex(), written.hex())
                each(number, written)


@pytest.mark.timeout(900)
def test_what_one_writes_every_other_reads_alike(faces: list[Any]) -> None:
    """Each of ten thousand values, in each form that any of the languages gives it."""
    rng = random.Random(SEED)
    values = [value(rng) for _ in range(COUNT)]
    forms = [write(rng, each) for each in values]
    written: dict[str, set[tuple[int, bytes]]] = {}
    for face in faces:
        mine = written[face.key] = set()
        sent = {(number, form): values[number] for number, form in enumerate(forms)}
        through(face, sent, lambda number, form, mine=mine: mine.add((number, form)))
    for face in faces:
        others = set().union(*(each for key, each in written.items() if key != face.key))
        # What a language without floats has made an integer is one to all others, too.
        through(face, {(number, form): decode(form) for number, form in sorted(others)}, lambda number, form: None)
