"""Bindings for Java: the compiler takes them without a warning, and calls by them reach a real core."""

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

from stockade.bindings import java
from stockade.bindings.comments import Origin
from stockade.bindings.model import Basic, Command, Field, Model, Named, Parameter, Plain, Record
from stockade.bindings.naming import Collision

HERE = Path(__file__).parent
STUB = STUBS / "java"
CLASSES = STUB / "target" / "classes"
BUILT = CLASSES / "io" / "github" / "stockaderuntime" / "frontend" / "Core.class"
ORIGIN = Origin("shop", "stockade bindings --language java -o FILE")
TEXT = Plain(Basic.TEXT)

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.timeout(300)
def test_calls_come_back_typed(shop: Path, stockade: Run) -> None:
    """What is compiled runs: every type there and back, streams, channels, events, exported commands."""
    needs("Java", shutil.which("javac"), BUILT.exists(), (STUB / "target" / "lib").is_dir())
    made = stockade("bindings", "--language", "java", "-o", "Api.java")
    assert (made.returncode, made.stderr) == (0, "")
    shutil.copy(HERE / "ShopEditor.java", shop)
    command = ["javac", "-Xlint:all", "-Werror", "-cp", str(CLASSES), "-d", "compiled", "Api.java", "ShopEditor.java"]
    succeeds(command, shop)
    program = ["java", "-cp", f"compiled:{CLASSES}:{STUB / 'target' / 'lib'}/*", "ShopEditor"]
    assert run_shop(shop, program, [sys.executable, str(HERE / "shop_thumbs.py")]) == [
        "true",
        "cup 3.00 true",
        "shop.count",
        "3 0",
        "item 1,item 2,item 3",
        "2 10",
        "cat at 8",
        "{x=1}",
        "cup 3.00 of core",
        "done",
    ]


def test_names_are_those_of_java() -> None:
    """Words of the language, and functions of every object, have a line behind them; keys stay what they are."""
    record = Record("List", "", (Field("user-id", TEXT, True), Field("hashCode", TEXT, False)))
    command = Command("switch", "", (Parameter("class", TEXT, False),), answer=Named("List"))
    text = java.render(Model((command,), (), (record,)), ORIGIN, "notes.api", "Api")
    assert "package notes.api;" in text
    assert "public final class Api {" in text
    assert "public record List_(String userId, String hashCode_) implements Wire {" in text
    assert 'fields.get("user-id")' in text
    assert "public static List_ switch_(Invoker core, String class_) {" in text
    assert 'arguments.put("class", Wire.of(class_));' in text


def test_what_becomes_one_name_is_refused() -> None:
    """In camel case."""
    with pytest.raises(Collision, match=r"command a\.b and command a_b would both be aB in the Java class"):
        java.render(Model((Command("a.b"), Command("a_b"))), ORIGIN)


@pytest.mark.timeout(300)
def test_what_is_odd_compiles(tmp_path: Path) -> None:
    """What is empty, deep or mixed, and names that Java has for itself."""
    needs("Java", shutil.which("javac"), BUILT.exists())
    (tmp_path / "Api.java").write_text(java.render(CORNERS, ORIGIN, "", "Api"))
    succeeds(["javac", "-Xlint:all", "-Werror", "-cp", str(CLASSES), "-d", "compiled", "Api.java"], tmp_path)
