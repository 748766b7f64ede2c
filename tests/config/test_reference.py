"""The generated pages, and the JSON Schema that editors use."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import attrs
import jsonschema
import pytest

from stockade import exits
from stockade.cli.schema import SCHEMA
from stockade.config.keys import keys_of
from stockade.config.load import load
from stockade.config.reference import EXAMPLE, main, markdown, schema_text
from stockade.config.schema import schema
from stockade.config.specs import Capability, Configuration, WorkerSpec

DOCS = Path(__file__).parents[2] / "docs"
CASES = Path(__file__).parent

#: Faulty files whose fault is one of shape, which a schema can see. Others are about files, modules or references.
OF_SHAPE = [
    "app_in_double_brackets",
    "app_is_text",
    "app_missing",
    "capability_without_a_name",
    "choice_misspelt",
    "empty_file",
    "exports_misshapen",
    "key_above_tables",
    "label_missing",
    "label_out_of_grammar",
    "label_reserved",
    "module_name_is_a_file",
    "name_empty",
    "name_misspelt",
    "name_missing",
    "name_with_a_newline",
    "out_of_range",
    "patterns_of_commands",
    "patterns_of_events",
    "patterns_of_scopes",
    "replicas",
    "rules_misshapen",
    "run_missing_and_empty",
    "run_null_character",
    "scope_of_a_pattern",
    "scope_without_quotes",
    "types_of_lists",
    "types_of_scalars",
    "types_of_tables",
    "unknown_key",
    "unknown_key_dotted",
    "unknown_key_in_braces",
    "unknown_key_in_second_worker",
    "unknown_key_in_sub_table",
    "unknown_key_quoted",
    "unknown_table",
    "variables",
    "worker_in_single_brackets",
]


def values(case: Path) -> object:
    """A file as JSON would have it: times are text there."""
    text = (case / "stockade.toml").read_text(encoding="utf-8-sig")
    return json.loads(json.dumps(tomllib.loads(text), default=str))


def test_the_page_is_the_one_the_classes_make() -> None:
    """docs/configuration.md is not stale: run ``python -m stockade.config.reference``."""
    assert (DOCS / "configuration.md").read_text(encoding="utf-8") == markdown()


def test_the_schema_is_the_one_the_classes_make() -> None:
    """Neither docs/stockade.schema.json nor the package's is stale: run ``python -m stockade.config.reference``."""
    assert (DOCS / "stockade.schema.json").read_text(encoding="utf-8") == schema_text()
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


def test_both_pages_are_written(tmp_path: Path) -> None:
    """The program writes what the tests compare."""
    package = tmp_path / "runtime" / "stockade" / "config"
    package.mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    main(tmp_path / "docs")
    assert (package / "stockade.schema.json").read_text(encoding="utf-8") == schema_text()
    assert (tmp_path / "docs" / "configuration.md").read_text(encoding="utf-8") == markdown()
    assert (tmp_path / "docs" / "stockade.schema.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("kind", [WorkerSpec, Capability])
def test_every_key_is_on_the_page(kind: type) -> None:
    """A key that is read is a key that is documented, with a sentence of its own."""
    for key in keys_of(kind).values():
        assert f"| `{key.name}` |" in markdown()
        assert key.about.endswith(".")


def test_fields_that_are_no_keys_are_those_of_places() -> None:
    """Nothing that a user could write is hidden from the page."""
    for kind, hidden in ((WorkerSpec, {"place"}), (Capability, {"place"}), (Configuration, {"file", "folder"})):
        fields = {field.name for field in attrs.fields(kind)}
        assert fields - {key.attribute for key in keys_of(kind).values()} == hidden


def test_the_exit_codes_are_on_the_page() -> None:
    """How things end is part of the contract."""
    assert "| 0 |" in markdown()
    assert all(f"| {code.value} | {exits.MEANINGS[code]} |" in markdown() for code in exits.Exit)


def test_the_example_of_the_page_is_good() -> None:
    """The first thing a reader copies has no fault; the case is the very text of the page."""
    assert (CASES / "good" / "example" / "stockade.toml").read_text(encoding="utf-8") == EXAMPLE
    assert load(CASES / "good" / "example" / "stockade.toml").app.name == "notes"


def test_the_schema_is_one() -> None:
    """It is a JSON Schema of draft 2020-12."""
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("case", sorted((CASES / "good").iterdir()), ids=lambda case: case.name)
def test_good_files_fit_the_schema(case: Path) -> None:
    """An editor marks nothing in a file that `stockade check` finds good."""
    if case.is_dir():
        jsonschema.Draft202012Validator(schema()).validate(values(case))


@pytest.mark.parametrize("name", OF_SHAPE)
def test_faults_of_shape_do_not_fit_the_schema(name: str) -> None:
    """An editor marks a fault of shape as it is written."""
    assert not jsonschema.Draft202012Validator(schema()).is_valid(values(CASES / "faulty" / name))
