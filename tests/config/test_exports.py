"""Whether two patterns of what workers export have a name in common."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.config.exports import meet
from stockade.core.policy.patterns import Pattern

#: Every name of up to six segments of which two are ever named: what no pattern names is as good as `c`.
_NAMES = [".".join(name) for length in range(1, 7) for name in product("abc", repeat=length)]
_PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "**"]), min_size=1, max_size=3).map(".".join)


@settings(deadline=None)
@given(_PATTERNS, _PATTERNS)
def test_patterns_meet_where_a_name_fits_both(one: str, other: str) -> None:
    """As the core's own patterns have it: two meet if, and only if, there is a name that both match."""
    first, second = Pattern.compile(one, "."), Pattern.compile(other, ".")
    common = any(first.matches(name) and second.matches(name) for name in _NAMES)
    assert meet(one, other) is meet(other, one) is common


@pytest.mark.parametrize("stars", ["**." * 200 + "a", "*." * 200 + "a"])
def test_many_stars_cost_little(stars: str) -> None:
    """No pattern makes a check hang."""
    assert not meet(stars, stars[:-1] + "b")
