"""Bindings for Python: typed strictly, and calls by them reach a real core and come back typed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from corners import CORNERS
from rounds import run_shop

from stockade.bindings import python
from stockade.bindings.comments import Origin
from stockade.bindings.model import Basic, Command, Event, Field, Model, Named, Parameter, Plain, Record
from stockade.bindings.naming import Collision

HERE = Path(__file__).parent
PATIENCE = 100.0
ORIGIN = Origin("shop", "stockade bindings --language python -o FILE")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def bind(stockade: Run, *options: str) -> None:
    """Write the bindings of the shop beside its workers."""
    made = stockade("bindings", "--language", "python", "-o", "api.py", *options)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")


def judged_by_mypy(folder: Path, *files: str) -> str:
    """What mypy, at its strictest, says of them."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(folder / ".mypy"), *files]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    ).stdout.strip()


@pytest.mark.timeout(150)
def test_calls_come_back_typed(shop: Path, stockade: Run) -> None:
    """Every type there and back, streams, channels, events both ways, errors, and commands that a worker exports."""
    bind(stockade)
    said = run_shop(
        shop,
        [sys.executable, str(HERE / "shop_editor.py")],
        [sys.executable, str(HERE / "shop_thumbs.py")],
        PYTHONPATH=str(shop),
    )
    assert said == [
        "True",
        "cup 3.00 True ['plain']",
        "shop.count {'count': 0}",
        "['lid', 'cup', 'ada'] [] True",
        "True True",
        "['item 1', 'item 2', 'item 3']",
        "0",
        "a 2024-05-01",
        "['sent', None] 10",
        "cat at 8 [b'a'] dog at 8",
        "{'any_name': 1}",
        "closed None True core",
        "done",
    ]


@pytest.mark.timeout(150)
def test_calls_come_back_typed_with_asyncio(shop: Path, stockade: Run) -> None:
    """The same by coroutines, tasks and asynchronous iteration."""
    bind(stockade, "--asyncio")
    editor = [sys.executable, str(HERE / "shop_aio_editor.py")]
    said = run_shop(shop, editor, [sys.executable, str(HERE / "shop_thumbs.py")], PYTHONPATH=str(shop))
    assert said == [
        "['cup', 'lid']",
        "['item 1', 'item 2', 'item 3']",
        "['sent', None] 1",
        "cup of core",
        "done",
    ]


@pytest.mark.timeout(350)
@pytest.mark.parametrize(
    ("options", "program"),
    [((), "shop_editor.py"), (("--asyncio",), "shop_aio_editor.py")],
    ids=["blocking", "asyncio"],
)
def test_mypy_finds_nothing_at_its_strictest(shop: Path, stockade: Run, options: tuple[str, ...], program: str) -> None:
    """In the bindings, in a program that uses them; and it does find a wrong argument."""
    pytest.importorskip("mypy", reason="mypy is not installed: bindings for Python are NOT type-checked")
    bind(stockade, *options)
    shutil.copy(HERE / program, shop / "program.py")
    assert judged_by_mypy(shop, "api.py", "program.py") == "Success: no issues found in 2 source files"
    (shop / "wrong.py").write_text("import api\n\ndef f(core: api.Core) -> None:\n    api.shop_buy(core, name=7)\n")
    assert 'incompatible type "int"; expected "str"' in judged_by_mypy(shop, "wrong.py")


TEXT = Plain(Basic.TEXT)


def test_words_of_python_are_escaped_and_cross_as_they_are() -> None:
    """Names of commands, fields and arguments that Python, or the module, has for itself."""
    record = Record("Any", "", (Field("from", TEXT, False), Field("content-type", TEXT, True)))
    parameters = (Parameter("core", TEXT, False), Parameter("it", Named("Any"), True))
    command = Command("import", "", parameters, answer=Named("Any"))
    text = python.render(Model((command,), (), (record,)), ORIGIN)
    names: dict[str, Any] = {}
    exec(compile(text, "api.py", "exec"), names)

    class Core:
        def invoke(self, name: str, **arguments: Any) -> Any:
            return arguments.get("it", {"from": name, "content-type": arguments["core"]})

    answered = names["import_"](Core(), core_="x")
    assert (answered.from_, answered.content_type) == ("import", "x")
    assert names["import_"](Core(), core_="x", it=answered) == answered


def test_what_becomes_one_name_is_refused() -> None:
    """Two commands, a command and what belongs to an event, two arguments."""
    with pytest.raises(Collision, match=r"command a\.b and command a_b would both be a_b in the Python module"):
        python.render(Model((Command("a.b"), Command("a_b"))), ORIGIN)
    with pytest.raises(Collision, match="command on_a and event a would both be on_a"):
        python.render(Model((Command("on_a"),), (Event("a", "", TEXT),)), ORIGIN)


class Heard:
    """A connection that hands what is listened to to the handler, at once."""

    def __init__(self, *payloads: Any) -> None:
        self.payloads = payloads

    def listen(self, name: str, handler: Callable[[Any], Any]) -> None:
        for payload in self.payloads:
            handler(SimpleNamespace(name=name, payload=payload, source="liar"))


def test_an_event_of_another_type_than_declared_is_said_and_not_handed_on(capsys: pytest.CaptureFixture[str]) -> None:
    """A worker that lies must not end the one that listens."""
    text = python.render(Model((), (Event("a", "", Plain(Basic.DATE)),)), ORIGIN)
    names: dict[str, Any] = {}
    exec(compile(text, "api.py", "exec"), names)
    heard: list[Any] = []
    names["on_a"](Heard("2024-05-01", 7, "no date"), lambda payload, event: heard.append(payload))
    assert heard == [date(2024, 5, 1)]
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith("a of liar has another payload than declared: ") for line in said] == [True, True]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("asyncio", [False, True], ids=["blocking", "asyncio"])
def test_what_is_odd_is_typed(tmp_path: Path, asyncio: bool) -> None:
    """What is empty, deep or mixed, and names that Python has for itself."""
    pytest.importorskip("mypy", reason="mypy is not installed: bindings for Python are NOT type-checked")
    (tmp_path / "corners_api.py").write_text(python.render(CORNERS, ORIGIN, asyncio=asyncio))
    assert judged_by_mypy(tmp_path, "corners_api.py") == "Success: no issues found in 1 source file"


LEFT = {"side": "left", "content-type": "x"}
TREE = {"left": {"left": None, "right": None}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nothing", None),
        ("anything", {"a": [1, None]}),
        ("deep", {"a": [None, [[1, [TREE]]]]}),
        ("unit", []),
        ("single", ["2024-05-01"]),
        ("mixed", "a"),
        *(("many", value) for value in (1, 1.5, "x", b"x", True, [1], {"a": "b"})),
        *(("records", value) for value in (LEFT, {"side": "right"}, [TREE])),
        *(("dates", value) for value in ("2024-05-01", 7)),
        ("tags", ["2"]),
        ("mixed_tags", [1, "two"]),
        ("nested", [[b"x"], [b"x"]]),
        ("durations", [1.5]),
        ("raws", [None, b""]),
        ("empty", {}),
        *(("tree", value) for value in (None, TREE)),
    ],
)
def test_what_is_read_is_written_as_it_came(name: str, value: Any) -> None:
    """Whatever it became on the way; and of a union the member that it is."""
    names: dict[str, Any] = {}
    exec(compile(python.render(CORNERS, ORIGIN), "api.py", "exec"), names)

    class Core:
        def invoke(self, command: str, **arguments: Any) -> Any:
            return value

    read = names[f"give_{name}"](Core())
    assert names["_wire"](read) == value
    if name == "records" and type(value) is dict:
        assert type(read).__name__ == value["side"].capitalize()
