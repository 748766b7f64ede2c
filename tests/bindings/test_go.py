"""Bindings for Go: gofmt and vet have nothing to say of them, and calls by them reach a real core."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from corners import CORNERS
from rounds import run_shop
from toolchains import STUBS, needs, succeeds

from stockade.bindings import go
from stockade.bindings.comments import Origin
from stockade.bindings.model import Basic, Command, Field, Model, Named, Nullable, Parameter, Plain, Record
from stockade.bindings.naming import Collision

HERE = Path(__file__).parent
STUB = STUBS / "go"
ORIGIN = Origin("shop", "stockade bindings --language go -o FILE")
TEXT = Plain(Basic.TEXT)

Run = Callable[..., "subprocess.CompletedProcess[str]"]


GO_MOD = """\
module editor

go 1.24.0

require github.com/stockade-runtime/frontend-go v0.1.0

replace github.com/stockade-runtime/frontend-go => {stub}
"""


@pytest.mark.timeout(1000)
def test_calls_come_back_typed(shop: Path, stockade: Run) -> None:
    """What is compiled runs: every type there and back, streams, channels, events, exported commands."""
    needs("Go", shutil.which("go"), shutil.which("gofmt"), (STUB / "go.mod").exists())
    (shop / "api").mkdir()
    made = stockade("bindings", "--language", "go", "--package", "api", "-o", "api/api.go")
    assert (made.returncode, made.stderr) == (0, "")
    (shop / "go.mod").write_text(GO_MOD.format(stub=STUB))
    shutil.copy(STUB / "go.sum", shop)
    shutil.copy(HERE / "shop_editor.go", shop / "main.go")
    assert succeeds(["gofmt", "-l", "api"], shop) == ""
    succeeds(["go", "vet", "-mod=mod", "./..."], shop)
    succeeds(["go", "build", "-mod=mod", "-o", "compiled", "."], shop)
    assert run_shop(shop, ["./compiled"], [sys.executable, str(HERE / "shop_thumbs.py")]) == [
        "true",
        "cup 3.00 true",
        "true",
        "2 0",
        "item 1 item 2 item 3 2 10",
        "cat at 8",
        "map[x:1]",
        "cup 3.00 of core",
        "done",
    ]


def test_names_are_those_of_go() -> None:
    """Initialisms in capitals; what may be left out is a pointer; keys stay what they are."""
    record = Record("url_path", "", (Field("user-id", Nullable(TEXT), True),))
    command = Command("http.get", "", (Parameter("type", TEXT, False),), answer=Named("url_path"))
    text = go.render(Model((command,), (), (record,)), ORIGIN)
    assert 'type URLPath struct {\n\tUserID **string `cbor:"user-id,omitempty"`\n}' in text
    assert "type HTTPGetArgs struct {\n\tType string\n}" in text
    assert "func HTTPGet(ctx context.Context, core *stockade.Core, args HTTPGetArgs, options" in text
    assert "package shop\n" in text
    assert "package other\n" in go.render(Model(), ORIGIN, "other")


def test_what_becomes_one_name_is_refused() -> None:
    """A class and a function are in one package."""
    with pytest.raises(Collision, match=r"class NotesRead and command notes\.read would both be NotesRead in the Go"):
        go.render(Model((Command("notes.read"),), (), (Record("NotesRead", "", ()),)), ORIGIN)


@pytest.mark.timeout(1000)
def test_what_is_odd_compiles(tmp_path: Path) -> None:
    """What is empty, deep or mixed, and names that Go has for itself."""
    needs("Go", shutil.which("go"), shutil.which("gofmt"), (STUB / "go.mod").exists())
    (tmp_path / "corners.go").write_text(go.render(CORNERS, ORIGIN, "main") + "\nfunc main() {}\n")
    (tmp_path / "go.mod").write_text(GO_MOD.format(stub=STUB))
    shutil.copy(STUB / "go.sum", tmp_path)
    assert succeeds(["gofmt", "-l", "."], tmp_path) == ""
    succeeds(["go", "vet", "-mod=mod", "./..."], tmp_path)
