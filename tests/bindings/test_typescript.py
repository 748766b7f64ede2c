"""Bindings for TypeScript: the compiler takes them at its strictest, and calls by them reach a real core."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from corners import CORNERS
from rounds import run_shop
from toolchains import STUBS, needs, succeeds

from stockade.bindings import typescript
from stockade.bindings.comments import Origin
from stockade.bindings.model import Basic, Choice, Command, Field, Model, Named, Parameter, Plain, Record
from stockade.bindings.naming import Collision

HERE = Path(__file__).parent
STUB = STUBS / "javascript"
TSC = STUB / "node_modules" / ".bin" / "tsc"
ORIGIN = Origin("shop", "stockade bindings --language typescript -o FILE")
TEXT = Plain(Basic.TEXT)

Run = Callable[..., "subprocess.CompletedProcess[str]"]

COMPILER = {
    "target": "es2022",
    "module": "nodenext",
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "noUnusedLocals": True,
    "verbatimModuleSyntax": True,
    "types": ["node"],
    "skipLibCheck": True,
}


@pytest.fixture
def project(shop: Path, stockade: Run) -> Path:
    """The shop as a TypeScript project, with its bindings."""
    needs("TypeScript", shutil.which("node"), TSC.exists(), (STUB / "dist" / "index.d.ts").exists())
    modules = shop / "node_modules"
    modules.mkdir()
    (modules / "stockade-frontend").symlink_to(STUB)
    (modules / "@types").symlink_to(STUB / "node_modules" / "@types")
    (shop / "package.json").write_text('{"type": "module"}')
    (shop / "tsconfig.json").write_text(json.dumps({"compilerOptions": COMPILER, "include": ["*.ts"]}))
    made = stockade("bindings", "--language", "typescript", "-o", "api.ts")
    assert (made.returncode, made.stderr) == (0, "")
    return shop


@pytest.mark.timeout(300)
def test_calls_come_back_typed(project: Path) -> None:
    """What is compiled runs: every type there and back, streams, channels, events, exported commands."""
    shutil.copy(HERE / "shop_editor.ts", project)
    succeeds([str(TSC), "-p", "."], project)
    said = run_shop(project, ["node", "shop_editor.js"], [sys.executable, str(HERE / "shop_thumbs.py")])
    assert said == [
        "cup 3.00 true plain",
        "shop.count",
        "lid,cup,ada 1",
        "false",
        "item 1,item 2,item 3",
        "[ 'sent', undefined ] 10",
        "cat at 8 { anyName: 1 }",
        "1",
        "cup 3.00 of core",
        "done",
    ]


@pytest.mark.timeout(300)
def test_the_compiler_refuses_what_the_hints_do(project: Path) -> None:
    """An argument of another type, a missing one, one too many, and a choice that there is not."""
    wrong = ["{ name: 7 }", "{}", '{ name: "cup", size: 1 }']
    calls = [f"export const p{at} = api.shopBuy(core, {args});" for at, args in enumerate(wrong)]
    calls.append('export const color: api.Color = "green";')
    (project / "wrong.ts").write_text(
        'import type { Core } from "stockade-frontend";\nimport * as api from "./api.js";\ndeclare const core: Core;\n'
        + "\n".join(calls)
    )
    made = subprocess.run(
        [str(TSC), "-p", ".", "--noEmit"], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )
    assert [line.partition("(")[2].partition(",")[0] for line in made.stdout.splitlines() if "error" in line] == [
        "4",
        "5",
        "6",
        "7",
    ]


def test_words_of_typescript_are_escaped() -> None:
    """Functions are; properties keep the name that crosses the wire, in quotes where they must."""
    record = Record("Promise", "", (Field("content-type", TEXT, True), Field("new", Choice((1, True)), False)))
    command = Command("delete", "", (Parameter("class", TEXT, False),), answer=Named("Promise"))
    text = typescript.render(Model((command,), (), (record,)), ORIGIN)
    assert 'export interface Promise_ {\n  "content-type"?: string;\n  new: 1 | true;\n}' in text
    assert (
        "export function delete_(core: Core, args: { class: string }, options?: CallOptions): Promise<Promise_> {"
        in text
    )


def test_what_becomes_one_name_is_refused() -> None:
    """Cases make more names one than Python's do."""
    with pytest.raises(Collision, match=r"command a\.readAll and command a\.read_all would both be aReadAll"):
        typescript.render(Model((Command("a.readAll"), Command("a.read_all"))), ORIGIN)


@pytest.mark.timeout(300)
def test_what_is_odd_compiles(project: Path) -> None:
    """What is empty, deep or mixed, and names that TypeScript has for itself."""
    (project / "corners.ts").write_text(typescript.render(CORNERS, ORIGIN))
    succeeds([str(TSC), "-p", ".", "--noEmit"], project)
