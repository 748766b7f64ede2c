"""The two codecs against each other: what one writes the other reads alike, and what one refuses both refuse."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from protocol_vectors.notation import same
from protocol_vectors.reader import sections

from stockade.core.wire import codec
from stockade_frontend import wire

#: The same examples on every run, however slow the machine is.
steady = settings(derandomize=True, deadline=None)

REFUSED = object()
FRAMES = [bytes.fromhex(vector["hex"]) for section in sections().values() for vector in section if "hex" in vector]
SHORT_FRAMES = [frame for frame in FRAMES if len(frame) < 500]

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text()
    | st.binary(max_size=300)
    | st.sampled_from([0, 23, 24, 255, 256, 2**16, 2**32, 2**53, -1, -24, -25, 2**63 - 1, -(2**63)])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=30), inner, max_size=30)
)

heads = st.integers(0, 255).map(lambda byte: bytes([byte]))
#: Bytes that look like CBOR: heads of every kind, short arguments, text, and pieces of frames that are right.
pieces = (
    heads
    | st.binary(max_size=9)
    | st.text(max_size=3).map(lambda text: bytes([0x60 | len(text.encode()[:23])]) + text.encode()[:23])
    | st.sampled_from([b"\x80", b"\xa0", b"\x81", b"\xa1\x61a", b"\xf6", b"\xf9\x7e\x00", b"\x9f", b"\xbf", b"\xff"])
)
noise = st.lists(pieces, max_size=40).map(b"".join)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A frame of the vectors with a few bytes changed, taken out or put in."""
    frame = bytearray(draw(st.sampled_from(SHORT_FRAMES)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(frame)))
        frame[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(frame)


def read_by_core(data: bytes) -> Any:
    try:
        return codec.decode(data)
    except codec.WireError:
        return REFUSED


def read_by_stub(data: bytes) -> Any:
    try:
        return wire.decode(data)
    except wire.DecodeError:
        return REFUSED


def read_alike(data: bytes) -> None:
    core, stub = read_by_core(data), read_by_stub(data)
    assert (core is REFUSED) is (stub is REFUSED), f"core {core!r:.200}, stub {stub!r:.200}"
    assert core is REFUSED or same(core, stub)


@settings(steady)
@given(values)
def test_core_reads_what_the_stub_writes(value: Any) -> None:
    """A value that the stub sends is the value that the core gets."""
    assert same(codec.decode(wire.encode(value)), value)


@settings(steady)
@given(values)
def test_stub_reads_what_the_core_writes(value: Any) -> None:
    """A value that the core sends is the value that the stub gets."""
    assert same(wire.decode(codec.encode(value)), value)


@settings(steady)
@given(values)
def test_both_write_the_same_bytes(value: Any) -> None:
    """So whatever one is measured or fuzzed with holds for the other."""
    assert codec.encode(value) == wire.encode(value)


@settings(steady, max_examples=500)
@given(st.binary(max_size=64))
def test_any_bytes_are_taken_or_refused_alike(data: bytes) -> None:
    """Bytes without any order."""
    read_alike(data)


@settings(steady, max_examples=1000)
@given(noise)
@example(b"\x81" * 33)
@example(b"\x81" * 32 + b"\x80")
@example(b"\x81" * 31 + b"\x80")
def test_bytes_like_cbor_are_taken_or_refused_alike(data: bytes) -> None:
    """Bytes that get deep into a decoder."""
    read_alike(data)


@settings(steady, max_examples=1000)
@given(mutated())
def test_damaged_frames_are_taken_or_refused_alike(data: bytes) -> None:
    """Frames that were right, or wrong in one way, with a few bytes changed."""
    read_alike(data)


@settings(steady, max_examples=300)
@given(values, st.integers(0, 400))
def test_cut_values_are_refused_by_both(value: Any, cut: int) -> None:
    """No beginning of an item is an item."""
    whole = codec.encode(value)
    part = whole[: cut % len(whole)]
    assert read_by_core(part) is REFUSED
    assert read_by_stub(part) is REFUSED
