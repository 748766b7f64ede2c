"""A model as JSON and back: it is read in the process that imports the application's modules, and rendered in another.

Knows nothing of what a model means.
"""

from __future__ import annotations

from typing import Any

from cattrs.preconf.json import make_converter
from cattrs.strategies import configure_tagged_union

from stockade.bindings import model

__all__ = ["carried", "received"]

_converter = make_converter()
configure_tagged_union(model.Type, _converter, tag_name="is", tag_generator=lambda cls: cls.__name__.lower())


def carried(value: model.Model) -> dict[str, Any]:
    """`value` in values of JSON."""
    return dict(_converter.unstructure(value))


def received(value: dict[str, Any]) -> model.Model:
    """What `carried` made a value of. Raises only for what it did not make."""
    return _converter.structure(value, model.Model)
