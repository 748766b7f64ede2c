"""How long the queues of a link are."""

from __future__ import annotations

import pytest

from stockade import limits
from stockade.core.ends import queue_length

MIB = 1024 * 1024


@pytest.mark.parametrize(("largest", "length"), [(16 * MIB, 4), (4 * MIB, 16), (MIB, 64), (1024, 64), (64 * MIB, 4)])
def test_a_queue_is_as_long_as_its_bytes_allow(largest: int, length: int) -> None:
    """The smaller a batch may be, the more of them may wait, within bounds."""
    assert queue_length(largest) == length


def test_a_queue_of_the_default_limit_keeps_to_its_bytes() -> None:
    """What waits in it is its budget at most."""
    assert queue_length(limits.MESSAGE) * limits.MESSAGE <= limits.QUEUE_BYTES
