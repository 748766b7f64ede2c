"""What the tables of a document say about each other, and about nothing else.

Knows no file system and no types: it looks at what can be looked at, since `structure` says what is misshapen.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from stockade.config.document import Document, Node
from stockade.config.exports import faults_of_exports
from stockade.config.keys import keys_of
from stockade.config.specs import Backoff, CoreSpec
from stockade.config.wording import nearest, quoted
from stockade.errors import Fault

__all__ = ["faults_between", "tables"]


def faults_between(document: Document, file: str) -> Iterator[Fault]:
    """Every fault that lies between two places of `document`."""
    root = document.root
    yield from _twice(tables(root, "worker"), "label", file)
    yield from _twice(tables(root, "capability"), "name", file)
    for worker in tables(root, "worker"):
        yield from _ordered(worker.members.get("backoff"), "first", "longest", Backoff, file)
    yield from faults_of_exports(tables(root, "worker"), file)
    yield from _ordered(root.members.get("core"), "threads_per_worker", "threads", CoreSpec, file)
    if document.whole:  # what is missing may stand in what could not be read
        yield from _no_such_capability(root, file)
        yield from _two_folders(root, file)
        yield from _nothing_to_run(root, file)


def tables(root: Node, name: str) -> list[Node]:
    """The tables of an array of tables, as far as it is one; a single [table] stands for its first."""
    array = root.members.get(name)
    if array is None:
        return []
    return [item for item in [array, *array.elements] if isinstance(item.value, dict)]


def _texts(nodes: list[Node]) -> list[Node]:
    return [node for node in nodes if isinstance(node.value, str)]


def _named(tables_: list[Node], key: str) -> list[Node]:
    return _texts([table.members[key] for table in tables_ if key in table.members])


def _twice(tables_: list[Node], key: str, file: str) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for node in _named(tables_, key):
        if node.value in first:
            wrong = f"the {key} {quoted(node.value)} is taken by line {first[node.value]}"
            yield Fault(file, node.line, wrong, "write another")
        else:
            first[node.value] = node.line


def _ordered(table: Node | None, less: str, more: str, kind: type, file: str) -> Iterator[Fault]:
    """A number that may not be above another. Who sets the larger one alone is not made to set the smaller too."""
    if table is None or less not in table.members:
        return
    low = table.members[less].value
    high = table.members[more].value if more in table.members else keys_of(kind)[more].default
    bounds = keys_of(kind)[less].range or (0, 0)
    numbers = type(low) in (int, float) and type(high) in (int, float)
    if numbers and high < low <= bounds[1]:
        wrong = f'"{less}" is {low:g}, above "{more}", which is {high:g}'
        yield Fault(file, table.members[less].line, wrong, f'write at most {high:g}, or raise "{more}"')


def _no_such_capability(root: Node, file: str) -> Iterator[Fault]:
    if _misspelt(root, "capability"):
        return  # one fault, not one for each that it holds
    known = [node.value for node in _named(tables(root, "capability"), "name")]
    for worker in tables(root, "worker"):
        named = worker.members.get("capabilities")
        for node in _texts(named.elements) if named else []:
            if node.value not in known:
                near = nearest(node.value, known)
                instead = f"write {quoted(near)}" if near else f"add a [[capability]] with name = {quoted(node.value)}"
                yield Fault(file, node.line, f"there is no capability {quoted(node.value)}", instead)


def _two_folders(root: Node, file: str) -> Iterator[Fault]:
    """A worker whose capabilities give it one command's paths in two folders: which would a name be in?"""
    by_name = {node.value: table for table in tables(root, "capability") for node in _named([table], "name")}
    for worker in tables(root, "worker"):
        named = worker.members.get("capabilities")
        first: dict[str, tuple[str, str]] = {}  # command -> folder, capability
        for node in _texts(named.elements) if named else []:
            capability = by_name.get(node.value)
            folder = _folder_of(capability)
            for command in _scopes_of(capability):
                before, other = first.setdefault(command, (folder, node.value))
                if before != folder:
                    wrong = f"the paths of {quoted(command)} are in {quoted(before)} by {quoted(other)}"
                    wrong += f" and in {quoted(folder)} by {quoted(node.value)}"
                    yield Fault(file, node.line, wrong, "let the worker have one of the two")


def _scopes_of(capability: Node | None) -> list[str]:
    scopes = capability.members.get("scopes") if capability else None
    return list(scopes.members) if scopes else []


def _folder_of(capability: Node | None) -> str:
    node = capability.members.get("folder") if capability else None
    return posixpath.normpath(node.value) if node and isinstance(node.value, str) and node.value else "."


def _misspelt(root: Node, table: str) -> bool:
    """Whether a name at the top may mean `table`."""
    return any(nearest(name, [table]) for name in root.members if name != table)


def _nothing_to_run(root: Node, file: str) -> Iterator[Fault]:
    app = root.members.get("app")
    if app and "worker" not in root.members and not _misspelt(root, "worker") and "commands" not in app.members:
        yield Fault(
            file,
            app.line,
            "there is nothing to run, neither worker nor commands",
            'add a [[worker]] with label = "editor" and run = ["python", "editor.py"]',
        )
