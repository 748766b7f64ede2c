"""What moves a puppet: code comes from the test, runs beside the worker's link, and its outcome goes back."""

from __future__ import annotations

import ast
import marshal
import os
import types
from multiprocessing.connection import Client, Connection
from typing import Any


def connect_to_test() -> Connection:
    """Report to the test, as this generation."""
    test = Client(os.environ["PUPPETS"], family="AF_UNIX")
    test.send((os.environ["STOCKADE_WORKER"], int(os.environ["STOCKADE_GENERATION"]), os.getpid()))
    return test


def prepare(code: str, names: dict[str, Any]) -> types.FunctionType:
    """A function that runs `code` in `names` and returns the value of its last expression.

    A coroutine function, if there is an ``await`` in it.
    """
    tree = ast.parse(code)
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        tree.body[-1] = ast.copy_location(ast.Assign([ast.Name("_value", ast.Store())], last.value), last)
        ast.fix_missing_locations(tree)
    names["_value"] = None
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return types.FunctionType(compile(tree, "<test>", "exec", flags=flags), names)


def answer(test: Connection, value: Any) -> None:
    """Say what came of it; what only this process knows goes as its repr."""
    test.send((False, _plain(value)))


def answer_raised(test: Connection, error: BaseException) -> None:
    """Say what it has raised."""
    data = _plain(getattr(error, "data", None))
    test.send((True, (type(error).__name__, str(error), getattr(error, "code", None), data)))


def _plain(value: Any) -> Any:
    try:
        marshal.dumps(value)  # takes the builtin types alone
    except ValueError:
        return repr(value)
    return value
