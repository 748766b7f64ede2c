"""From a stockade.toml to a `Configuration`, or to every fault in it at once.

Reads that one file and looks for the programs it names; starts and imports nothing. Knows no key: each part of the
work has its module.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import attrs

from stockade import limits
from stockade.config.document import Document, Node, parse
from stockade.config.environment import worker_environment
from stockade.config.programs import missing
from stockade.config.references import faults_between, tables
from stockade.config.specs import CORES, Configuration
from stockade.config.structure import structure
from stockade.config.wording import quoted
from stockade.errors import ConfigurationError, Fault

__all__ = ["MINIMAL", "Survey", "load", "load_text", "survey", "survey_text"]

#: What to write first, for who has no stockade.toml yet.
MINIMAL = """\
[app]
name = "hello"

[[worker]]
label = "editor"
run = ["python", "editor.py"]
"""

_FIRST = 'write one (docs/configuration.md begins with an example), or see one run: "stockade demo"'


@attrs.frozen
class Survey:
    """All that can be said of a file without importing the application.

    `configuration` is good for use only if there are no `faults`; `document` is what could be read, for who has more
    to check in it.
    """

    file: str
    folder: str
    document: Document
    configuration: Configuration
    faults: tuple[Fault, ...]


def load(path: str | os.PathLike[str]) -> Configuration:
    """The configuration in the file `path`; raises ConfigurationError with every fault, the operator's to mend.

    Programs are looked for on the PATH that the worker would have from the environment of this process.
    """
    return _faultless(survey(path))


def load_text(
    text: str, file: str, folder: str | os.PathLike[str], environment: Mapping[str, str] | None = None
) -> Configuration:
    """The configuration in `text`, as if it were read from `file` in `folder`; raises ConfigurationError."""
    return _faultless(survey_text(text, file, folder, environment))


def _faultless(survey: Survey) -> Configuration:
    if survey.faults:
        raise ConfigurationError(survey.faults)
    return survey.configuration


def survey(path: str | os.PathLike[str], *, programs: bool = True) -> Survey:
    """What is to be said of the file `path`, which never raises; with `programs`, also of those that it names."""
    file = os.fspath(path)
    read = _read(file)
    if isinstance(read, Fault):
        nothing = Document(Node(1, {}), (read,))
        return Survey(file, _folder_of(file), nothing, structure(nothing, file, "")[0], (read,))
    return survey_text(read, file, _folder_of(file), programs=programs)


def survey_text(
    text: str,
    file: str,
    folder: str | os.PathLike[str],
    environment: Mapping[str, str] | None = None,
    *,
    programs: bool = True,
) -> Survey:
    """What is to be said of `text`, as if it were read from `file` in `folder`."""
    folder = os.path.abspath(folder)
    environment = os.environ if environment is None else environment
    document = parse(text, file)
    configuration, faults = structure(document, file, folder)
    configuration = _with_counted_cores(configuration)
    faults += document.faults
    faults += faults_between(document, file)
    faults += _missing_folders(document, file, folder)
    if programs:
        faults += _missing_programs(document, file, folder, environment)
    return Survey(file, folder, document, configuration, tuple(sorted(faults, key=lambda fault: fault.line)))


def _with_counted_cores(configuration: Configuration) -> Configuration:
    workers = (
        attrs.evolve(each, replicas=_cores()) if each.replicas == CORES else each for each in configuration.workers
    )
    return attrs.evolve(configuration, workers=tuple(workers))


def _cores() -> int:
    """How many processor cores this process may use, and so what it will start."""
    if not hasattr(os, "sched_getaffinity"):
        return 1  # not Linux: a file may be checked here, and `stockade run` says that it needs it
    return min(len(os.sched_getaffinity(0)), limits.REPLICAS)


def _folder_of(file: str) -> str:
    return os.path.dirname(os.path.abspath(file))


def _read(file: str) -> str | Fault:
    """The text of a file, or the one fault that keeps it from being read."""
    try:
        if os.path.isdir(file):
            return Fault(file, 0, "this is a folder", "write the path of a stockade.toml in it")
        if os.path.exists(file) and not os.path.isfile(file):
            return Fault(file, 0, "this is no file but a device or pipe", "write the path of a stockade.toml")
        with open(file, "rb") as opened:
            data = opened.read()
    except FileNotFoundError:
        return Fault(file, 0, "there is no such file", _FIRST)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Fault(file, 0, f"this file cannot be read ({reason})", "write the path of one that you may read")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Fault(file, line, "this is not UTF-8, the one encoding of TOML", "save the file as UTF-8")


def _missing_folders(document: Document, file: str, folder: str) -> Iterator[Fault]:
    for capability in tables(document.root, "capability"):
        node = capability.members.get("folder")
        if node is None or not isinstance(node.value, str) or "\0" in node.value:
            continue
        if not os.path.isdir(os.path.join(folder, node.value)):
            instead = "write the path of a folder, relative to the one of this file, or make it"
            yield Fault(file, node.line, f"there is no folder {quoted(node.value)}", instead)


def _missing_programs(document: Document, file: str, folder: str, environment: Mapping[str, str]) -> Iterator[Fault]:
    commands = _commands(document)
    for worker in tables(document.root, "worker"):
        run = worker.members.get("run")
        words = run.elements if run else []
        if not all(isinstance(word.value, str) and "\0" not in word.value for word in words):
            continue
        given = worker_environment(environment, _inherited(worker), _set(worker))
        path = given.get("PATH", os.defpath)
        named = [word.value for word in words]
        for lost in missing(named, folder, path, modules="PYTHONPATH" not in given, commands=commands):
            yield Fault(file, words[lost.word].line, lost.problem.wrong, lost.problem.instead)


def _commands(document: Document) -> list[str]:
    app = document.root.members.get("app")
    node = app.members.get("commands") if app else None
    return [module.value for module in node.elements if isinstance(module.value, str)] if node else []


def _inherited(worker: Node) -> list[str]:
    node = worker.members.get("inherit")
    return [name.value for name in node.elements if isinstance(name.value, str)] if node else []


def _set(worker: Node) -> dict[str, str]:
    node = worker.members.get("environment")
    members = node.members if node else {}
    return {name: member.value for name, member in members.items() if isinstance(member.value, str)}
