"""Bindings for Rust: the compiler takes them without a warning, and calls by them reach a real core."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from corners import CORNERS
from rounds import run_shop
from toolchains import STUBS, needs, succeeds

from stockade.bindings import rust
from stockade.bindings.comments import Origin
from stockade.bindings.model import Basic, Command, Field, Model, Named, Nullable, Parameter, Plain, Record
from stockade.bindings.naming import Collision

HERE = Path(__file__).parent
STUB = STUBS / "rust"
ORIGIN = Origin("shop", "stockade bindings --language rust -o FILE")
TEXT = Plain(Basic.TEXT)

Run = Callable[..., "subprocess.CompletedProcess[str]"]


CARGO = """\
[package]
name = "editor"
version = "0.1.0"
edition = "2024"

[dependencies]
serde = {{ version = "1.0", features = ["derive"] }}
stockade-frontend = {{ path = "{stub}" }}
"""


@pytest.mark.timeout(1000)
def test_calls_come_back_typed(shop: Path, stockade: Run) -> None:
    """What is compiled runs: every type there and back, streams, channels, events, exported commands."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", STUB / "target"))
    needs("Rust", shutil.which("cargo"), (STUB / "Cargo.toml").exists(), target.is_dir())
    (shop / "src").mkdir()
    made = stockade("bindings", "--language", "rust", "-o", "src/api.rs")
    assert (made.returncode, made.stderr) == (0, "")
    (shop / "Cargo.toml").write_text(CARGO.format(stub=STUB))
    shutil.copy(STUB / "Cargo.lock", shop)
    shutil.copy(HERE / "shop_editor.rs", shop / "src" / "main.rs")
    succeeds(["cargo", "build", "--target-dir", str(target)], shop, RUSTFLAGS="")
    shutil.copy(target / "debug" / "editor", shop / "compiled")
    assert run_shop(shop, ["./compiled"], [sys.executable, str(HERE / "shop_thumbs.py")]) == [
        "true",
        "cup 3.00 true",
        "true",
        "3 0",
        "true",
        "item 1 item 2 item 3 2 10",
        'cat at 8 Map({"x": Int(1)})',
        "cup 3.00 of core",
        "done",
    ]


def test_names_are_those_of_rust() -> None:
    """Words of the language are raw, or have a line behind them; a record within itself is boxed."""
    fields = (Field("type", TEXT, False), Field("next", Nullable(Named("Vec")), True), Field("userId", TEXT, False))
    command = Command("match.self", "", (Parameter("move", TEXT, False),), answer=Named("Vec"))
    text = rust.render(Model((command,), (), (Record("Vec", "", fields),)), ORIGIN)
    assert "pub struct Vec_ {" in text
    assert "pub r#type: String," in text
    assert "pub next: Option<Option<std::boxed::Box<Vec_>>>," in text
    assert '#[serde(rename = "userId")]' in text
    assert "pub fn match_self(core: &impl Calls, r#move: &str) -> Result<Vec_> {" in text
    assert '.with("move", r#move)' in text


def test_what_becomes_one_name_is_refused() -> None:
    """In snake case, fields too."""
    record = Record("Note", "", (Field("userId", TEXT, False), Field("user_id", TEXT, False)))
    with pytest.raises(Collision, match="userId and user_id would both be user_id in the struct Note"):
        rust.render(Model((Command("a", answer=Named("Note")),), (), (record,)), ORIGIN)


@pytest.mark.timeout(1000)
def test_what_is_odd_compiles(tmp_path: Path) -> None:
    """What is empty, deep or mixed, and names that Rust has for itself."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", STUB / "target"))
    needs("Rust", shutil.which("cargo"), (STUB / "Cargo.toml").exists(), target.is_dir())
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.rs").write_text("#![deny(warnings)]\npub mod api;\n")
    (tmp_path / "src" / "api.rs").write_text(rust.render(CORNERS, ORIGIN))
    (tmp_path / "Cargo.toml").write_text(CARGO.format(stub=STUB))
    shutil.copy(STUB / "Cargo.lock", tmp_path)
    succeeds(["cargo", "check", "--target-dir", str(target)], tmp_path, RUSTFLAGS="")
