"""docs/protocol.md and docs/vectors.json: every duty names its vectors, and every name is one."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from protocol_vectors import write
from protocol_vectors.reader import FILE, sections

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
NAMES = [vector["name"] for section in sections().values() for vector in section]

#: Vector names in brackets; a link's text is followed by a parenthesis.
_BRACKETS = re.compile(r"\[([a-z0-9.*-]+(?:,\s+[a-z0-9.*-]+)*)\](?!\()")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_MUST = re.compile(r"(?<!\*)\bmust\b")


def paragraphs(text: str) -> list[str]:
    """The paragraphs, list items and rows of tables, each in one line, without code."""
    parts = re.split(r"\n\s*\n|\n(?=\|)|\n(?=\d+\. )", _CODE.sub("`code`", text))
    return [" ".join(part.split()) for part in parts]


def duties_without_vectors(text: str) -> list[str]:
    """The sentences in which a *must* is followed by no brackets before its sentence, brackets included, has ended."""
    faults = []
    for paragraph in paragraphs(text):
        for sentence in re.split(r"(?<=[.:;!?])(?: +(?=[A-Z`*]))|(?<=\]) +(?=[A-Z`*])", paragraph):
            musts = [match.start() for match in _MUST.finditer(sentence)]
            # The brackets of a sentence stand behind its full stop, where the next sentence begins in capitals.
            if musts and not _BRACKETS.search(sentence, musts[-1]):
                faults.append(sentence)
    return faults


def named(text: str) -> list[str]:
    """Every name in brackets."""
    return [name for found in _BRACKETS.findall(_CODE.sub("`code`", text)) for name in re.split(r",\s+", found)]


NAMED = sorted(set(named(TEXT)))


def test_every_duty_names_its_vectors() -> None:
    """Each sentence with a must is followed by vectors in brackets."""
    assert duties_without_vectors(TEXT) == []


def test_a_duty_without_vectors_is_found() -> None:
    """The test above can fail."""
    assert duties_without_vectors("It must not. It may. [a-b]") == ["It must not."]
    assert duties_without_vectors("It must `x`. [a-b] It must be `[c]`.") == ["It must be `code`."]
    assert duties_without_vectors("It must [a], and must [b].\n\nThis must\nalso: [see](x).") == [
        "This must also: [see](x)."
    ]


def test_every_fault_of_the_table_names_its_vectors() -> None:
    """Each row of section 6's table has vectors in its last column, or says why there are none."""
    table = re.search(r"\| fault \|.*?\n\n", TEXT, re.DOTALL)
    assert table is not None
    rows = table.group().strip().splitlines()[2:]
    assert len(rows) > 15
    assert [row for row in rows if not re.search(r"(\[[^]]*\]|none: [^|]*) \|$", row)] == []


@pytest.mark.parametrize("name", NAMED)
def test_named_vectors_exist(name: str) -> None:
    """A name in the text is that of a vector, or with stars of several."""
    assert any(fnmatchcase(vector, name) for vector in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_vector_has_its_duty(name: str) -> None:
    """A vector that no duty names shows a duty that the text does not have."""
    assert any(fnmatchcase(name, pattern) for pattern in NAMED)


def test_names_are_unique() -> None:
    """A name is one vector's."""
    assert sorted(NAMES) == sorted(set(NAMES))


def test_file_is_what_the_tables_write() -> None:
    """docs/vectors.json is written by protocol_vectors/write.py and by nothing else."""
    assert FILE.read_text(encoding="ascii") == write.text()


def test_there_are_many() -> None:
    """A file that has lost its vectors checks nothing."""
    assert len(NAMES) > 600
    assert all(sections().values())
