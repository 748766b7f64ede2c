"""Lines cut from what a process writes, bounded in length and in number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade import limits
from stockade.supervisor.output import Rate, Stream

MARK = " [continues]"


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"on", b"e\ntw", b"o"], ["one", "two"]),
        ([b"\r\n\n"], ["", ""]),
        ([b"\xff\xfe\n"], ["\\xff\\xfe"]),
        ([b"x" * limits.LOG_LINE + b"\n"], ["x" * limits.LOG_LINE]),
        ([b"x" * limits.LOG_LINE + b"y\n"], ["x" * limits.LOG_LINE + MARK, "y"]),
        ([b"x" * limits.LOG_LINE, b"y"], ["x" * limits.LOG_LINE + MARK, "y"]),
    ],
)
def test_lines_are_cut(chunks: list[bytes], lines: list[str]) -> None:
    """However the bytes come, lines come out whole; long ones in marked pieces, what is no text escaped."""
    stream = Stream(Rate())
    found = [line for chunk in chunks for line in stream.feed(chunk, 0.0)]
    assert found + stream.finish(0.0) == lines


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_nothing_is_lost_below_the_rate(chunks: list[bytes]) -> None:
    """Joined again, the lines are what was written."""
    stream = Stream(Rate())
    lines = [line for chunk in chunks for line in stream.feed(chunk, 0.0)] + stream.finish(0.0)
    whole = b"".join(chunks).split(b"\n")
    wanted = [line.removesuffix(b"\r").decode("utf-8", "backslashreplace") for line in whole[:-1]]
    last = [whole[-1].decode("utf-8", "backslashreplace")] if whole[-1] else []
    assert lines == wanted + last


@given(st.lists(st.tuples(st.integers(1, 4000), st.floats(0, 0.7)), max_size=12))
def test_lines_over_the_rate_are_counted_exactly(bursts: list[tuple[int, float]]) -> None:
    """Shown and dropped together are what was written, and no second shows more than its share."""
    rate, now = Rate(), 0.0
    stream = Stream(rate)
    shown: list[float] = []
    for count, pause in bursts:
        shown += [now] * len(stream.feed(b"y\n" * count, now))
        now += pause
    statistics = rate.statistics()
    assert (statistics.shown, statistics.shown + statistics.dropped) == (len(shown), sum(n for n, _ in bursts))
    assert rate.lost() == statistics.dropped
    assert rate.lost() == 0
    for start in {0.0, *shown}:
        assert sum(start <= at < start + 1 for at in shown) <= 2 * limits.LOG_RATE


def test_endless_line_over_the_rate_does_not_grow() -> None:
    """What is counted is not kept: a gigabyte without a newline costs one piece."""
    stream = Stream(Rate())
    for _ in range(200):
        stream.feed(b"x" * 65536, 0.0)
    assert len(stream._rest) <= limits.LOG_LINE


def test_last_lines_are_kept_even_when_they_were_not_shown() -> None:
    """A worker that floods and then says why it dies has its last words reported."""
    stream = Stream(Rate())
    stream.feed(b"y\n" * 5000, 0.0)
    assert stream.feed(b"why\n" + b"it died\n", 0.0) == []
    assert stream.last_lines()[-2:] == ("why", "it died")
    assert len(stream.last_lines()) == limits.LAST_LINES
