"""Both codecs against the vectors of values: what is to be read, written and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from protocol_vectors.notation import same, written_by
from protocol_vectors.reader import of

from stockade.core.wire import codec
from stockade_frontend import wire


@attrs.frozen
class Side:
    """One of the two codecs."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    refusal: type[Exception]


SIDES = {
    "core": Side(codec.encode, codec.decode, codec.WireError),
    "stub": Side(wire.encode, wire.decode, wire.DecodeError),
}


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Side:
    """The core's codec, then the stub's."""
    return SIDES[request.param]


@of("decode")
def test_value_is_read(side: Side, vector: dict[str, Any]) -> None:
    """The bytes are read as just this value, of just this type."""
    assert same(side.decode(bytes.fromhex(vector["hex"])), written_by(vector["value"]))


@of("encode")
def test_value_is_written_in_its_shortest_form(side: Side, vector: dict[str, Any]) -> None:
    """The value is written as just these bytes."""
    assert side.encode(written_by(vector["value"])).hex() == vector["hex"]


@of("refuse")
def test_what_the_profile_has_not_is_refused(side: Side, vector: dict[str, Any]) -> None:
    """The bytes are refused by the codec's own error, and nothing worse happens."""
    with pytest.raises(side.refusal):
        side.decode(bytes.fromhex(vector["hex"]))
