"""The CDDL of an application is judged by a judge that knows CDDL and nothing of ours, as docs/protocol.cddl is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cbor2
import pytest

from stockade.bindings import cddl
from stockade.bindings.comments import Origin
from stockade.bindings.model import Basic, Choice, Command, Field, Map, Model, Named, Parameter, Plain, Record, Tuple
from stockade.bindings.naming import Collision

#: Where `.ci/run` builds it; tests/conformance/check_cddl.py says how.
BUILT = Path.home() / ".cache" / "stockade-ci" / "cddl-judge" / "debug" / "cddl-judge"

ITEM = {"name": "cup", "price": "1.50", "color": "light blue", "tags": ["a"]}
CASES: list[tuple[str, Any, bool]] = [
    ("shop-buy-arguments", {"name": "cup"}, True),
    ("shop-buy-arguments", {"name": "cup", "count": 2, "note": None}, True),
    ("shop-buy-arguments", {"name": 7}, False),
    ("shop-buy-arguments", {"name": "cup", "size": 2}, False),
    ("shop-buy-arguments", {"count": 2}, False),
    ("shop-buy-result", ITEM, True),
    ("shop-buy-result", {**ITEM, "color": "green"}, False),
    ("shop-buy-result", {"name": "cup", "price": "1.50"}, False),
    ("ItemInput", {"name": "cup", "price": "1.50"}, True),
    ("shop-box-result", {"items": [ITEM], "boxes": [{"items": [], "boxes": []}]}, True),
    ("shop-box-result", {"items": [ITEM], "boxes": [{"items": [7], "boxes": []}]}, False),
    ("shop-load-back-item", None, True),
    ("shop-clear-result", None, True),
    ("shop-clear-result", 1, False),
    ("thumbs-all-item", b"", True),
    ("thumbs-all-item", "", False),
    ("Person", {"name": "eve", "age": None}, True),
    ("Level", 2, True),
    ("Level", 3, False),
]


def test_the_judge_takes_what_the_hints_take(shop_model: Model, tmp_path: Path) -> None:
    """Values that fit are accepted and others refused, of arguments, results, items and payloads."""
    program = os.environ.get("STOCKADE_CDDL_JUDGE") or shutil.which("cddl-judge") or (BUILT if BUILT.exists() else None)
    if program is None:
        pytest.skip("the application's CDDL is NOT judged: there is no cddl-judge")
    text = cddl.render(shop_model, Origin("shop", "stockade schema cddl"))
    grammar = tmp_path / "shop.cddl"
    grammar.write_text(text.replace(str(-(2**63)), str(-(2**63) + 1)), encoding="utf-8")  # which it cannot read
    lines = "".join(f"{rule} {cbor2.dumps(value).hex()}\n" for rule, value, _ in CASES)
    done = subprocess.run(
        [str(program), str(grammar)], input=lines, capture_output=True, text=True, timeout=50, check=True
    )
    assert [verdict == "yes" for verdict in done.stdout.splitlines()] == [right for _, _, right in CASES], done.stdout


def test_every_rule_that_is_used_is_there(shop_model: Model) -> None:
    """What is not of CDDL's own prelude is defined, and once."""
    text = re.sub(r'"[^"\n]*"|;.*', "", cddl.render(shop_model, Origin("shop", "x")))
    defined = re.findall(r"^([\w-]+) =", text, re.MULTILINE)
    assert len(defined) == len(set(defined))
    used = set(re.findall(r"(?<![\w-])[A-Za-z][\w-]*(?![\w-]*:)", text))
    assert used - set(defined) <= {"tstr", "bstr", "bool", "null", "any", "float"}


def test_keys_that_are_no_names_are_quoted() -> None:
    """And rules keep apart what the dashes would make one."""
    record = Record(
        "any", "", (Field("content-type", Tuple((Plain(Basic.TEXT),)), True), Field("a b", Map(Choice((True,))), False))
    )
    text = cddl.render(Model((Command("a", answer=Named("any")),), (), (record,)), Origin("shop", "x"))
    assert 'any_ = {\n  ? content-type: [tstr],\n  "a b": {* tstr => true},\n}' in text
    parameters = (Parameter("x", Plain(Basic.TEXT), False),)
    with pytest.raises(Collision, match=r"a\.b and a_b would both be a-b-arguments"):
        cddl.render(Model((Command("a.b"), Command("a_b", "", parameters))), Origin("shop", "x"))
