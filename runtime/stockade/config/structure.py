"""A document as the classes of `specs`, without coercion, and every fault on the way.

Knows no file system and no key by name: the keys, types and rules are those of `keys`. What one table says about
another is not its business either, but that of `references`.
"""

from __future__ import annotations

import shlex
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, get_args, get_origin

import attrs

from stockade.config.document import Document, Node
from stockade.config.grammar import Kind, problem
from stockade.config.keys import Key, keys_of
from stockade.config.specs import Configuration, Place, Rule, Rules
from stockade.config.wording import listed, nearest, quoted, shown
from stockade.errors import Fault

__all__ = ["structure"]

#: What to write for a key of each type.
_WANTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    Rules: "a list of patterns, or { allow = [...], deny = [...] }",
    tuple[str, ...]: "a list of texts",
    dict[str, str]: 'a table of texts, { NAME = "value" }',
    dict[str, Rules]: 'a table of commands, { "notes.read" = ["notes/**"] }',
    dict[str, Any]: "a table",
}


def structure(document: Document, file: str, folder: str) -> tuple[Configuration, list[Fault]]:
    """The configuration that `document` says, and the faults in it, unsorted.

    With any fault the configuration has gaps (None for what is required) and is good for nothing.
    """
    structurer = _Structurer(file, document.whole)
    configuration: Configuration = structurer.table(Configuration, document.root, "", file=file, folder=folder)
    return configuration, structurer.faults


@attrs.define
class _Structurer:
    """Remembers the faults found. Each method turns a node into a value, or notes a fault and returns None."""

    file: str
    whole: bool
    faults: list[Fault] = attrs.field(factory=list)

    def _fault(self, node: Node, wrong: str, instead: str) -> None:
        self.faults.append(Fault(self.file, node.line, wrong, instead))

    # -- tables -------------------------------------------------------------------------------------------------------

    def table(self, kind: type[Any], node: Node, title: str, **given: Any) -> Any:
        """The table `node`, which people know as `title`, as the class `kind`."""
        keys = keys_of(kind)
        meant = self._unknown(keys, node, title)
        for name, key in keys.items():
            if name in node.members:
                given[key.attribute] = self._value(key, node.members[name], title)
            elif key.required:
                given[key.attribute] = None
                if name not in meant:
                    self._missing(key, node, title)
        if "place" in attrs.fields_dict(kind):
            given["place"] = Place(self.file, node.line)
        # A faulty key is None and reads as its default: its fault is noted, and it must not cause others.
        needed = {key.attribute for key in keys.values() if key.required}
        return kind(**{name: value for name, value in given.items() if value is not None or name in needed})

    def _unknown(self, keys: dict[str, Key], node: Node, title: str) -> set[str]:
        """Note each name that is no key; returns the keys that may have been meant, so that they are not missed too."""
        meant = {name: nearest(name, keys) for name in node.members if name not in keys}
        for name, near in meant.items():
            member = node.members[name]
            if title:
                instead = quoted(near) if near else f"{'one of ' if len(keys) > 1 else ''}{listed(keys)}"
                self._fault(member, f"{title} has no key {quoted(name)}", f"write {instead}")
            else:
                self._fault(member, *_unknown_at_top(name, member, keys, near))
        return {near for near in meant.values() if near}

    def _missing(self, key: Key, node: Node, title: str) -> None:
        if not self.whole:
            return  # it may stand in what could not be read
        if title:
            self._fault(node, f'{title} has no "{key.name}"', f"add {key.name} = {_written(key.example)}")
        else:
            wrong = "this file is empty" if not node.members else f"there is no [{key.name}]"
            self._fault(node, wrong, f'add [{key.name}] with name = "notes"')

    def _tables(self, key: Key, node: Node) -> tuple[Any, ...] | None:
        kind = get_args(key.hint)[0]
        if not isinstance(node.value, list) or not all(isinstance(item.value, dict) for item in node.elements):
            # The most likely slip: [worker] with one pair of brackets.
            self._fault(node, f'"{key.name}" is {shown(node.value)}', f"write [[{key.name}]] above each of its tables")
            return None
        return tuple(self.table(kind, item, f"[[{key.name}]]") for item in node.elements)

    # -- values -------------------------------------------------------------------------------------------------------

    def _value(self, key: Key, node: Node, title: str) -> Any:
        """The value of one key, by the type of its field."""
        hint, value = key.hint, node.value
        if hint in (bool, int, float, str):
            return self._scalar(key, node, title)
        if hint == tuple[str, ...]:
            return self._texts(key, node, title)
        if get_origin(hint) is tuple:
            return self._tables(key, node)
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return self._choice(key, node, title)
        if hint is Rules:
            return self._rules(key, node, f'"{key.name}" in {title}')
        if not isinstance(value, dict):
            self._misfit(key, node, title)
            return None
        if hint == dict[str, str]:
            return self._variables(key, node)
        if hint == dict[str, Rules]:
            return self._scopes(key, node, title)
        if hint == dict[str, Any]:
            return _settings(node.plain())
        return self.table(hint, node, f"{key.name} of {title}" if title else f"[{key.name}]")

    def _misfit(self, key: Key, node: Node, title: str) -> None:
        better = _better(key.hint, node.value)
        wanted = better if better and _is_within(key, better) else _wanted(key)
        if isinstance(node.value, list) and not title:
            wanted = f"[{key.name}], once, with one pair of brackets"
        name = f'"{key.name}" in {title}' if title else f'"{key.name}"'
        self._fault(node, f"{name} is {shown(node.value)}", f"write {wanted}")

    def _scalar(self, key: Key, node: Node, title: str) -> Any:
        value = node.value
        if key.words and isinstance(value, str) and value in key.words:
            return key.words[value]
        if key.hint is float and type(value) is int:
            value = float(value) if abs(value) <= 2**53 else float("inf")  # beyond every range, and beyond float()
        if type(value) is not key.hint:  # exactly: true is no 1
            self._misfit(key, node, title)
            return None
        if key.range is not None and not key.range[0] <= value <= key.range[1]:  # nan is not, either
            wrong = f'"{key.name}" in {title} is {node.value}, which is out of range'
            self._fault(node, wrong, f"write {_wanted(key)}")
            return None
        if key.grammar is not None and not self._fits(key.grammar, value, node):
            return None
        return value

    def _fits(self, grammar: Kind, text: str, node: Node) -> bool:
        found = problem(grammar, text)
        if found is not None:
            self._fault(node, found.wrong, found.instead)
        return found is None

    def _choice(self, key: Key, node: Node, title: str) -> StrEnum | None:
        choices = [str(choice) for choice in key.hint]
        if isinstance(node.value, str) and node.value in choices:
            choice: StrEnum = key.hint(node.value)
            return choice
        near = nearest(node.value, choices) if isinstance(node.value, str) else None
        wanted = quoted(near) if near else listed(map(quoted, choices))
        self._fault(node, f'"{key.name}" in {title} is {shown(node.value)}', f"write {wanted}")
        return None

    def _texts(self, key: Key, node: Node, title: str) -> tuple[str, ...] | None:
        if not isinstance(node.value, list):
            self._misfit(key, node, title)
            return None
        if key.some and not node.value:
            self._fault(node, f'"{key.name}" in {title} is empty', f"write {_written(key.example)}")
            return None
        return self._all_texts(key.grammar, node, f'"{key.name}" in {title}')

    def _all_texts(self, grammar: Kind | None, node: Node, name: str) -> tuple[str, ...]:
        for element in node.elements:
            if not isinstance(element.value, str):
                wanted = _better(str, element.value) or _WANTED[str]
                self._fault(element, f"{name} holds {shown(element.value)}", f"write {wanted}")
            elif grammar is not None:
                self._fits(grammar, element.value, element)
        return tuple(element.value for element in node.elements if isinstance(element.value, str))

    def _variables(self, key: Key, node: Node) -> dict[str, str]:
        for name, member in node.members.items():
            self._fits(key.grammar or Kind.VARIABLE, name, member)
            if not isinstance(member.value, str):
                wanted = _better(str, member.value) or _WANTED[str]
                self._fault(member, f"{quoted(name)} in {key.name} is {shown(member.value)}", f"write {wanted}")
            else:
                self._fits(Kind.ARGUMENT, member.value, member)
        return {name: member.value for name, member in node.members.items()}

    # -- capabilities -------------------------------------------------------------------------------------------------

    def _rules(self, key: Key, node: Node, name: str) -> Rules | None:
        """A list of patterns, which are allowed, or a table of them."""
        if isinstance(node.value, list):
            return Rules(allow=self._patterns(key, node, name))
        if not isinstance(node.value, dict):
            wanted = _better(Rules, node.value) or _WANTED[Rules]
            self._fault(node, f"{name} is {shown(node.value)}", f"write {wanted}")
            return None
        keys = keys_of(Rules)
        self._unknown(keys, node, name)
        sides = {side: member for side, member in node.members.items() if side in keys}
        for side, member in sides.items():
            if not isinstance(member.value, list):
                wanted = _better(tuple[str, ...], member.value) or "a list of patterns"
                self._fault(member, f'"{side}" of {name} is {shown(member.value)}', f"write {wanted}")
        return Rules(**{side: self._patterns(key, member, f'"{side}" of {name}') for side, member in sides.items()})

    def _patterns(self, key: Key, node: Node, name: str) -> tuple[Rule, ...]:
        self._all_texts(key.grammar, node, name)
        texts = (element for element in node.elements if isinstance(element.value, str))
        return tuple(Rule(element.value, Place(self.file, element.line)) for element in texts)

    def _scopes(self, key: Key, node: Node, title: str) -> dict[str, Rules]:
        scopes = {}
        for command, member in node.members.items():
            inner = next((below for below in member.members if below not in keys_of(Rules)), None)
            if inner is not None and isinstance(member.members[inner].value, dict | list):
                # scopes.notes.read without quotes: to TOML that is a table "notes" with a key "read".
                wrong = f"scopes in {title} has {quoted(inner)} inside {quoted(command)}, where a command is one key"
                self._fault(member.members[inner], wrong, f"write it in quotes, scopes.{quoted(f'{command}.{inner}')}")
            elif self._fits(Kind.COMMAND, command, member):
                rules = self._rules(key, member, f"the scope of {quoted(command)}")
                scopes[command] = rules if rules is not None else Rules()
        return scopes


def _unknown_at_top(name: str, member: Node, keys: dict[str, Key], near: str | None) -> tuple[str, str]:
    """What to say of a name that the top of the file does not have."""
    if isinstance(member.value, dict | list):
        wanted = near and _header(keys[near])
        return f"there is no table {quoted(name)}", f"write {wanted or listed(map(_header, keys.values()))}"
    homes = [_header(key) for key in keys.values() if name in keys_of(_kind_of(key))]
    if homes:
        return f"{quoted(name)} stands above every table", f"write it below {listed(homes)}"
    return f"{quoted(name)} stands above every table, and none has such a key", "remove it"


def _kind_of(key: Key) -> type[Any]:
    kind: type[Any] = get_args(key.hint)[0] if get_origin(key.hint) is tuple else key.hint
    return kind


def _header(key: Key) -> str:
    return f"[[{key.name}]]" if get_origin(key.hint) is tuple else f"[{key.name}]"


def _wanted(key: Key) -> str:
    """What a key wants to have, with the range of a number."""
    wanted = _WANTED.get(key.hint) or f"a table with {listed(keys_of(key.hint))}"
    if key.range is not None:
        least, most = (f"{bound:,}".replace(",", "_") for bound in key.range)
        wanted += f" from {least} to {most}"
    return listed([wanted, *map(quoted, key.words)])


def _is_within(key: Key, number: str) -> bool:
    """Whether what the user may have meant is in the key's range, if it has one."""
    return key.range is None or key.range[0] <= float(number) <= key.range[1]


def _written(value: Any) -> str:
    """A text or a list of texts as TOML has it."""
    return quoted(value) if isinstance(value, str) else f"[{', '.join(map(quoted, value))}]"


def _better(hint: Any, value: Any) -> str | None:
    """What the user may have meant by a `value` of the wrong type, in the right one; None where that is not plain."""
    if hint is str and isinstance(value, bool | int | float):
        return quoted(str(value).lower())
    if hint in (Rules, tuple[str, ...]) and isinstance(value, str):
        return _written(_words(value))
    if hint is bool and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower()
    if hint in (int, float) and isinstance(value, str) and value.strip().isdecimal() and value.isascii():
        return value.strip()
    if hint is int and isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text) or [text]
    except ValueError:  # an open quote
        return text.split()


def _settings(value: Any) -> Any:
    """The application's settings as they reach it: as values that JSON has, so times as ISO 8601 text."""
    if isinstance(value, dict):
        return {key: _settings(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_settings(element) for element in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else value
