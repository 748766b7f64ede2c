"""`stockade bindings` and `stockade schema`: what they write, for whom, and what they say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_what_is_fresh_is_fresh_and_what_is_stale_is_said(shop: Path, stockade: Run) -> None:
    """--check is 0 for what was just written, and 1 with what to do where it is missing or another."""
    asked = ("bindings", "--language", "python", "--worker", "editor", "-o", "api.py")
    missing = stockade(*asked, "--check")
    assert (missing.returncode, (shop / "api.py").exists()) == (1, False)
    assert missing.stderr == (
        "stockade bindings: api.py is missing; write it with: "
        "stockade bindings --language python --worker editor -o api.py\n"
    )
    assert stockade(*asked).returncode == 0
    text = (shop / "api.py").read_text()
    assert "# Make it anew with: stockade bindings --language python --worker editor -o FILE" in text
    fresh = stockade(*asked, "--check")
    assert (fresh.returncode, fresh.stdout, fresh.stderr) == (0, "", "")
    module = shop / "shop.py"
    module.write_text(module.read_text().replace("count: int = 1", "count: float = 1"))
    stale = stockade(*asked, "--check")
    assert stale.returncode == 1
    assert "api.py is stale" in stale.stderr
    assert (shop / "api.py").read_text() == text
    assert (shop / "api.py").stat().st_mode & 0o777 == 0o644


def test_a_dash_prints_what_a_file_would_have(shop: Path, stockade: Run) -> None:
    """The same text, twice over."""
    printed = stockade("bindings", "--language", "python", "-o", "-")
    stockade("bindings", "--language", "python", "-o", "api.py")
    assert printed.stdout == (shop / "api.py").read_text()


def test_a_worker_sees_what_it_may_use(shop: Path, stockade: Run) -> None:
    """Of commands, events and exports; and no type that it has no use for."""
    whole = stockade("schema", "json").stdout
    editor = json.loads(stockade("schema", "json", "--worker", "editor").stdout)["$defs"]
    assert set(json.loads(whole)["$defs"]) - set(editor) == {"shop.clear arguments", "shop.clear result"}
    text = stockade("bindings", "--language", "python", "--worker", "editor", "-o", "-").stdout
    assert [
        name in text for name in ("on_shop_changed", "emit_shop_changed", "emit_editor_opened", "on_editor_opened")
    ] == [
        True,
        False,
        True,
        False,
    ]
    nothing = json.loads(stockade("schema", "json", "--worker", "thumbs").stdout)
    assert nothing["$defs"] == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bindings", "--language", "python", "-o", "-", "--check"), "--check needs a file to look at, not -"),
        (("bindings", "--language", "python", "-o", "no/api.py"), "no/api.py cannot be written: No such file"),
        (("bindings", "--language", "cobol", "-o", "-"), "'cobol' is not"),
        (("bindings", "--language", "python", "-o", "-", "--worker", "edtor"), 'no worker "edtor"; write editor'),
        (
            ("bindings", "--language", "python", "-o", "-", "--package", "x"),
            "python has no --package; leave it out, or",
        ),
        (("schema", "config", "--worker", "editor"), "stockade schema config has no --worker; leave it out, or write"),
        (("schema", "cddl", "--path"), "stockade schema cddl has no --path"),
    ],
)
def test_wrong_use_is_said(stockade: Run, arguments: tuple[str, ...], said: str) -> None:
    """In one line, with exit code 2."""
    made = stockade(*arguments)
    assert (made.returncode, made.stdout) == (2, "")
    assert said in made.stderr
    assert made.stderr.count("\n") == 1


def test_an_application_with_a_fault_has_no_bindings(shop: Path, stockade: Run) -> None:
    """The fault is said as `stockade check` says it; so are names that cannot be told apart."""
    module = shop / "shop.py"
    whole = module.read_text()
    module.write_text(whole.replace("name: str, count: int = 1", "name: complex, count: int = 1"))
    faulty = stockade("bindings", "--language", "python", "-o", "-")
    assert (faulty.returncode, faulty.stdout) == (2, "")
    assert "complex cannot cross the wire" in faulty.stderr
    module.write_text(whole + '\n\n@command("shop_buy")\ndef other() -> None: ...\n')
    collided = stockade("bindings", "--language", "python", "-o", "-")
    assert collided.returncode == 2
    assert "command shop.buy and command shop_buy would both be shop_buy" in collided.stderr


def test_the_schemas_can_be_had(shop: Path, stockade: Run) -> None:
    """That of stockade.toml as ever; the application's as JSON Schema, which judges values, and as CDDL."""
    assert stockade("schema").stdout == stockade("schema", "config").stdout
    assert json.loads(stockade("schema").stdout)["title"] == "stockade.toml"
    schema = json.loads(stockade("schema", "json").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    buys = jsonschema.Draft202012Validator({**schema, "$ref": "#/$defs/ItemInput"})
    buys.validate({"name": "cup", "price": "1.50", "color": "light blue"})
    for wrong in ({"name": "cup"}, {"name": 7, "price": "1"}, {"name": "cup", "price": "1", "colour": "red"}):
        with pytest.raises(jsonschema.ValidationError):
            buys.validate(wrong)
    assert schema["$defs"]["shop.buy arguments"]["required"] == ["name"]
    cddl = stockade("schema", "cddl").stdout
    assert "shop-buy-arguments = {\n  name: tstr,\n  ? count: int64,\n  ? note: tstr / null,\n}" in cddl
    assert "shop-rows-item = Item\n" in cddl
    assert "bare-call-arguments = {* tstr => any}\n" in cddl
