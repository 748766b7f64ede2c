"""What a call's options are read as."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.core.wire.happenings import MISSING, CallOptions, Offer
from stockade.core.wire.options import read_options, read_trace

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_options_that_are_not_known_are_none() -> None:
    """So a call with such ones costs no more than one without."""
    assert read_options({"later": 1}) == (None, {}, None)
    assert read_options({}) == (None, {}, None)


def test_a_missing_deadline_is_not_null() -> None:
    """Null is asked for on purpose."""
    options, _, _ = read_options({"idempotent": True})
    assert options is not None
    assert options.deadline is MISSING
    assert read_options({"deadline": None})[0] == CallOptions(None)
    assert read_options({"deadline": 5.0})[0] == CallOptions(5)


def test_the_first_fault_is_told_and_the_rest_is_read() -> None:
    """The ids of a call that is refused are used up."""
    options, raw, fault = read_options(
        {"deadline": "x", "raw": {"a": 1, "b": "c"}, "channels": {"d": {"id": 5, "to": "callee"}, "e": {}}}
    )
    assert options is not None
    assert options.channels == (Offer("d", 5, "callee", 0),)
    assert raw == {"a": 1}
    assert fault is not None
    assert "deadline" in fault


@pytest.mark.parametrize(
    ("value", "well_formed"),
    [
        (TRACE, True), ("01" + TRACE[2:] + "-more", True), ("cc" + TRACE[2:], True), (TRACE + "-more", False),
        ("ff" + TRACE[2:], False), (TRACE.upper(), False), (TRACE[:-1], False), (TRACE + "\n", False),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", False), (f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01", False),
        ("01" + TRACE[2:] + "-" + "x" * 500, False), (TRACE.encode(), False), (None, False), ("", False),
    ],
)  # fmt: skip
def test_a_trace_is_read_if_it_is_well_formed(value: Any, well_formed: bool) -> None:
    """W3C Trace Context, level 1: what is not is ignored, and so is what is long."""
    assert read_trace(value) == (value if well_formed else None)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**54) | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "to", "credit", "a", "!"]), inner, max_size=3)
    ),
    max_leaves=6,
)
names = st.sampled_from(["deadline", "parent", "channels", "raw", "trace", "idempotent", "later", "!later"])


@given(values | st.dictionaries(names, values))
def test_anything_is_read_or_a_fault(given: Any) -> None:
    """No option makes the reader raise, and what has no fault has the types that it promises."""
    options, raw, fault = read_options(given)
    if fault is None and options is not None:
        assert options.deadline is None or options.deadline is MISSING or type(options.deadline) is int
        assert all(offer.credit >= 0 and offer.to in ("callee", "caller") for offer in options.channels)
    assert all(type(index) is int for index in raw.values())
