"""`stockade check`: every fault of a stockade.toml and of the modules it names, all at once.

Prints nothing: the command line prints `lines` or `as_json`. Knows how the parts fit together, the faults themselves
are found by `config.load`, in the file, and by `cli.importing`, in the modules.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import attrs

from stockade import limits
from stockade.cli.importing import Imported, import_modules
from stockade.config.document import Node
from stockade.config.exports import exported, meet
from stockade.config.grammar import Kind, problem
from stockade.config.load import Survey, survey
from stockade.config.programs import nearest_module
from stockade.config.references import tables
from stockade.config.wording import nearest, quoted
from stockade.core.policy.patterns import Pattern
from stockade.errors import Fault

__all__ = ["Checked", "as_json", "check", "check_file", "lines"]


@attrs.frozen
class Checked:
    """What a check has come to: `faults` in the order of the file, and how much of everything there is."""

    file: str
    faults: tuple[Fault, ...]
    workers: int
    commands: int
    capabilities: int


def check_file(path: str | os.PathLike[str], limit: float = limits.IMPORT) -> list[Fault]:
    """Every fault that can be known without starting; an empty list says that `stockade run` may try."""
    return list(check(path, limit).faults)


def check(path: str | os.PathLike[str], limit: float = limits.IMPORT) -> Checked:
    """Check the file `path`; its command modules may take `limit` seconds each to import, in a child process."""
    surveyed = survey(path)
    root = surveyed.document.root
    modules = _modules(root)
    imported = import_modules([str(node.value) for node in modules], surveyed.folder, limit)
    faults = [*surveyed.faults, *_of_modules(imported, modules, surveyed)]
    if surveyed.document.whole and not imported.unimported:  # else what is missed may stand in what could not be read
        faults += _of_exports(root, imported, surveyed.file)
        faults += _of_capabilities(root, imported, surveyed.file)
    return Checked(
        file=surveyed.file,
        faults=tuple(sorted(faults, key=lambda fault: (fault.file != surveyed.file, fault.file, fault.line))),
        workers=len(tables(root, "worker")),
        commands=len(imported.commands),
        capabilities=len(tables(root, "capability")),
    )


def lines(checked: Checked) -> list[str]:
    """What to print: a line for each fault, or one that says that there is none."""
    if checked.faults:
        return [str(fault) for fault in checked.faults]
    counts = ((checked.workers, "worker"), (checked.commands, "command"), (checked.capabilities, "capability"))
    return [f"{', '.join(_counted(*count) for count in counts)}: no faults"]


def as_json(checked: Checked) -> str:
    """The same for programs: one JSON object, with the fields of `Checked`, and of `Fault` for each fault."""
    return json.dumps(attrs.asdict(checked), ensure_ascii=False)


def _counted(number: int, name: str) -> str:
    if number == 1:
        return f"1 {name}"
    return f"{number} {name[:-1]}ies" if name.endswith("y") else f"{number} {name}s"


# -- modules ----------------------------------------------------------------------------------------------------


def _modules(root: Node) -> list[Node]:
    """The modules under ``commands`` of ``[app]`` whose names are good enough to import."""
    commands = root.members["app"].members.get("commands") if "app" in root.members else None
    elements = commands.elements if commands else []
    return [node for node in elements if isinstance(node.value, str) and problem(Kind.MODULE, node.value) is None]


def _of_modules(imported: Imported, modules: list[Node], surveyed: Survey) -> Iterator[Fault]:
    """The faults of modules, at their own place or at that of their name in the file."""
    base = os.path.dirname(surveyed.file)  # as the user, who has named its stockade.toml, would name the modules
    for node in modules:
        fault = imported.unimported.get(node.value)
        if fault is not None and fault.file == node.value:
            near = nearest_module(node.value, surveyed.folder)
            instead = f"write {quoted(near)}" if near and near != node.value else fault.instead
            yield attrs.evolve(fault, file=surveyed.file, line=node.line, instead=instead)
        elif fault is not None:
            yield attrs.evolve(fault, file=os.path.join(base, fault.file))
    for fault in imported.faults:
        yield attrs.evolve(fault, file=os.path.join(base, fault.file))


# -- exports ----------------------------------------------------------------------------------------------------


def _of_exports(root: Node, imported: Imported, file: str) -> Iterator[Fault]:
    """Patterns that let a worker export what is a command of the core's, and declared commands that no worker may."""
    base, allowed = os.path.dirname(file), _exports(root)
    for name, (where, line) in imported.exported.items():
        if not any(meet(name, pattern) for pattern in allowed):
            wrong = f"{quoted(name)} is declared as exported, and no worker may export it"
            yield Fault(os.path.join(base, where), line, wrong, 'write it into "exports" of the worker that answers it')
    for worker in tables(root, "worker"):
        for node in exported(worker):
            pattern = Pattern.compile(node.value, ".")
            for command in filter(pattern.matches, imported.commands):
                meets = f" meets {quoted(command)}, which" if command != node.value else ""
                wrong = f"{quoted(node.value)}{meets} is a command of the core's"
                yield Fault(file, node.line, wrong, "write patterns of names that the core has not")
                break  # one is enough to see which pattern is too wide


def _exports(root: Node) -> list[str]:
    return [str(node.value) for worker in tables(root, "worker") for node in exported(worker)]


# -- capabilities -----------------------------------------------------------------------------------------------


def _of_capabilities(root: Node, imported: Imported, file: str) -> Iterator[Fault]:
    """What the capabilities say of commands that are not there, or are not so."""
    exports = _exports(root)
    for capability in tables(root, "capability"):
        for node in _patterns(capability.members.get("commands")):
            if not any(meet(node.value, each) for each in exports):
                yield from _unmatched(node, imported.commands, file)
        scopes = capability.members.get("scopes")
        for command, node in (scopes.members if scopes else {}).items():
            if problem(Kind.COMMAND, command) is None and node.members.keys() <= {"allow", "deny"}:
                yield from _scopeless(command, node, imported.commands, exports, file)


def _patterns(rules: Node | None) -> list[Node]:
    """The good patterns of a list, or of the lists in ``{ allow, deny }``."""
    if rules is None:
        return []
    lists = [rules, *(rules.members[side] for side in ("allow", "deny") if side in rules.members)]
    elements = [element for each in lists for element in each.elements if isinstance(element.value, str)]
    return [element for element in elements if problem(Kind.COMMANDS, element.value) is None]


def _unmatched(node: Node, commands: dict[str, bool], file: str) -> Iterator[Fault]:
    pattern = Pattern.compile(node.value, ".")
    if not any(map(pattern.matches, commands)):
        wrong = (
            f"{quoted(node.value)} is no command" if "*" not in node.value else f"{quoted(node.value)} fits no command"
        )
        yield Fault(file, node.line, wrong, _instead(node.value, commands))


def _instead(word: str, commands: dict[str, bool]) -> str:
    if not commands:
        return 'add the module that has it to "commands" in [app]'
    packages = {name[: at + 1] for name in commands for at, letter in enumerate(name) if letter == "."}
    stars = {f"{package}{star}" for package in packages for star in ("*", "**")} if "*" in word else set()
    near = nearest(word, [*commands, *sorted(stars)])
    return f"write {quoted(near)}" if near else 'write one that there is, or add its module to "commands" in [app]'


def _scopeless(command: str, node: Node, commands: dict[str, bool], exports: list[str], file: str) -> Iterator[Fault]:
    takes_scope = commands.get(command)
    if takes_scope is None and any(meet(command, each) for each in exports):
        wrong = f"there is a scope for {quoted(command)}, which a worker exports"
        yield Fault(file, node.line, wrong, "remove it: paths are scoped for the core's own commands")
    elif takes_scope is None:
        yield Fault(
            file, node.line, f"there is a scope for {quoted(command)}, which is no command", _instead(command, commands)
        )
    elif not takes_scope:
        wrong = f"there is a scope for {quoted(command)}, which takes none"
        yield Fault(file, node.line, wrong, "remove it, or give the command a parameter caller: Caller")
