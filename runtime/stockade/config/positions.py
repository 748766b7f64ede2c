"""The line of each key and element of a TOML text, from a tree-sitter tree.

Knows no values and no meaning: what a value is, `tomllib` says. Where the two parsers disagree about a text (an
older grammar, a newer TOML), a place is simply not found here, and the nearest one around it stands for it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import attrs
import tree_sitter
import tree_sitter_toml

__all__ = ["Mark", "header_of", "marks"]

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))
_KEYS = frozenset({"bare_key", "quoted_key", "dotted_key"})


@attrs.define
class Mark:
    """Where a value is written (a line from 1), and where its members are: by key, or by index in an array."""

    line: int
    members: dict[str | int, Mark] = attrs.field(factory=dict)

    def at(self, member: str | int) -> Mark:
        """The mark of a member; a mark of this line where none is known."""
        return self.members.get(member) or Mark(self.line)

    def nearest(self, path: tuple[str, ...]) -> Mark:
        """The mark of what `path` leads to, or of the last thing on the way that is known."""
        mark = self
        for key in path:
            if key not in mark.current().members:
                break
            mark = mark.current().members[key]
        return mark

    def current(self) -> Mark:
        """What a header means by this name: of an array of tables its last one, else this."""
        return self.members[len(self.members) - 1] if 0 in self.members else self

    def _into(self, key: str, line: int) -> Mark:
        return self.members.setdefault(key, Mark(line)).current()


def marks(text: str) -> Mark:
    """The lines of everything in `text`, which should be valid TOML."""
    root = Mark(1)
    for statement in _tree(text).named_children:
        if statement.type == "pair":
            _place(root, statement)
        elif statement.type in ("table", "table_array_element"):
            table = _open(root, statement)
            for pair in statement.named_children:
                if pair.type == "pair":
                    _place(table, pair)
    return root


def header_of(text: str) -> tuple[str, ...]:
    """The path that the last statement of `text` writes to: its table's keys, then its own."""
    statements = _tree(text).named_children
    if not statements:
        return ()
    path = tuple(_keys(statements[-1]))
    pairs = [child for child in statements[-1].named_children if child.type == "pair"]
    return (*path, *_keys(pairs[-1])) if pairs else path


def _tree(text: str) -> tree_sitter.Node:
    return _PARSER.parse(text.encode()).root_node


def _line(node: tree_sitter.Node) -> int:
    return node.start_point.row + 1


def _open(root: Mark, header: tree_sitter.Node) -> Mark:
    """The table that a ``[header]`` or ``[[header]]`` begins."""
    *way, name = _keys(header)
    line = _line(header)
    mark = root
    for key in way:
        mark = mark._into(key, line)
    if header.type == "table":
        # A header names its table better than the [table.below] that may have been written before it.
        table = mark.members.setdefault(name, Mark(line))
        table.line = line
        return table
    array = mark.members.setdefault(name, Mark(line))
    return array.members.setdefault(len(array.members), Mark(line))


def _place(table: Mark, pair: tree_sitter.Node) -> None:
    """Put the mark of one ``key = value`` into its table."""
    *way, name = _keys(pair)
    line = _line(pair)
    for key in way:
        table = table._into(key, line)
    table.members[name] = _value(pair.named_children[-1], line)


def _value(node: tree_sitter.Node, line: int) -> Mark:
    mark = Mark(line)
    for member in node.named_children:
        if node.type == "inline_table" and member.type == "pair":
            _place(mark, member)
        elif node.type == "array" and member.type != "comment":
            mark.members[len(mark.members)] = _value(member, _line(member))
    return mark


def _keys(node: tree_sitter.Node) -> Iterator[str]:
    """The segments of the key or header of `node`, unquoted."""
    key = next((child for child in node.named_children if child.type in _KEYS), None)
    return _segments(key) if key is not None else iter(())


def _segments(key: tree_sitter.Node) -> Iterator[str]:
    if key.type == "dotted_key":
        for part in key.named_children:
            yield from _segments(part)
    elif key.type == "quoted_key":
        # Escapes are TOML's business: its own parser reads the one key of a document of one line.
        yield from tomllib.loads(f"{(key.text or b'').decode()} = 0")
    else:
        yield (key.text or b"").decode()
