"""What stands in a new project, for every language."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from stockade.config.load import load_text
from stockade.new import project
from stockade.new.folder import write
from stockade.new.languages import LANGUAGES
from stockade.new.project import Project

STUBS = Path(__file__).parents[2] / "frontend_stub"
PROJECTS = {"app": project.app("notes")} | {name: project.worker("thumbs", name) for name in LANGUAGES}


@pytest.fixture(params=PROJECTS)
def begun(request: pytest.FixtureRequest) -> Project:
    """One of them after the other."""
    return PROJECTS[request.param]


def own(begun: Project) -> dict[str, str]:
    """The texts that were made of templates: all but the stub's sources."""
    stubs = tuple(stub.into for stub in begun.spoken.stubs)
    return {path: text.decode() for path, text in begun.files.items() if not path.startswith(stubs or "\0")}


def test_it_has_all_that_a_project_needs(begun: Project) -> None:
    """Configuration, commands, tests, a README, and what git leaves out; the worker is the only other program."""
    wanted = {"stockade.toml", "guestbook.py", "test_guestbook.py", "test_run.py", "README.md", ".gitignore"}
    assert wanted <= set(own(begun))
    assert any(Path(path).stem.lower() in ("worker", "main") for path in own(begun))


def test_no_place_is_left_open(begun: Project) -> None:
    """Whatever a template asks for was put in, and files end with one line end."""
    for path, text in own(begun).items():
        assert "@@" not in text, path
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path


def test_the_configuration_is_right(begun: Project, tmp_path: Path) -> None:
    """It is read without a fault, and its only worker has its only capability."""
    write(tmp_path / "notes", begun.files)
    text = own(begun)["stockade.toml"]
    [program, *_] = tomllib.loads(text)["worker"][0]["run"]
    if "/" in program:  # as if it had been built
        write(tmp_path / "notes" / Path(program).parts[0], {"/".join(Path(program).parts[1:]): b""})
        (tmp_path / "notes" / program).chmod(0o755)
    read = load_text(text, "stockade.toml", tmp_path / "notes")
    assert read.app.name == begun.name
    [worker], [capability] = read.workers, read.capabilities
    assert worker.label == ("visitor" if begun.kind == project.APP else begun.name)
    assert worker.capabilities == (capability.name,)


def test_the_readme_says_what_to_type(begun: Project) -> None:
    """Every line that `stockade new` prints stands in it too."""
    assert all(line in own(begun)["README.md"] for line in begun.commands)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_readme_has_the_worker_s_part_of_another_configuration(language: str, tmp_path: Path) -> None:
    """What it says to put into an application's stockade.toml is TOML, with paths that lead to the worker's folder."""
    [block] = re.findall(r"```toml\n(.*?)```", own(PROJECTS[language])["README.md"], re.DOTALL)
    [worker] = tomllib.loads(block)["worker"]
    [alone] = tomllib.loads(own(PROJECTS[language])["stockade.toml"])["worker"]
    assert worker["label"] == alone["label"] == "thumbs"
    assert "thumbs/" in " ".join(worker["run"])
    assert [word.replace("thumbs/", "") for word in worker["run"]] == alone["run"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_building_makes_is_left_out_by_git(language: str) -> None:
    """A worker that is built has lines of its own in .gitignore."""
    lines = own(PROJECTS[language])[".gitignore"].splitlines()
    assert set(LANGUAGES[language].ignored) <= set(lines)
    assert bool(LANGUAGES[language].ignored) == bool(LANGUAGES[language].build)


def test_the_page_has_every_language() -> None:
    """docs/howto/new-project.md says by which line each is built."""
    page = (STUBS.parent / "docs" / "howto" / "new-project.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (?:`(.+)` )?\|$", page, re.MULTILINE)
    assert rows == [(name, language.title, language.build or "") for name, language in LANGUAGES.items()]


# -- versions that stand in two places ---------------------------------------------------------------------------------


def test_go_asks_for_the_modules_that_the_stub_asks_for() -> None:
    """go.mod has to name them all, since the stub is no module of a proxy."""
    module = re.compile(r"^\t?(?:require )?(\S+ v\S+)", re.MULTILINE)
    asked = set(module.findall(own(PROJECTS["go"])["go.mod"]))
    stub = (STUBS / "go" / "go.mod").read_text()
    assert asked - {"github.com/stockade-runtime/frontend-go v0.1.0"} == set(module.findall(stub))
    assert PROJECTS["go"].files["go.sum"] == (STUBS / "go" / "go.sum").read_bytes()


def test_rust_builds_with_the_versions_that_were_tested() -> None:
    """The stub's Cargo.lock comes along."""
    assert PROJECTS["rust"].files["Cargo.lock"] == (STUBS / "rust" / "Cargo.lock").read_bytes()


def test_javascript_compiles_with_the_compiler_that_was_tested() -> None:
    """The stub is TypeScript: its compiler and the types of Node are those that it names."""
    asked: dict[str, Any] = json.loads(own(PROJECTS["javascript"])["package.json"])["devDependencies"]
    stub = json.loads((STUBS / "javascript" / "package.json").read_text())["devDependencies"]
    assert asked == {name: stub[name] for name in asked}


def _versions(pom: str) -> dict[str, str]:
    """What a pom depends on but for tests, and its plugins, with their versions."""
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    root = ET.fromstring(pom)
    properties = {
        "${" + entry.tag.partition("}")[2] + "}": entry.text or "" for entry in root.iterfind("m:properties/*", space)
    }
    found = {}
    for part in ("m:dependencies/m:dependency", "m:build/m:plugins/m:plugin"):
        for entry in root.iterfind(part, space):
            if entry.findtext("m:scope", "", space) != "test":
                version = entry.findtext("m:version", "", space)
                found[entry.findtext("m:artifactId", "", space)] = properties.get(version, version)
    return found


def test_java_builds_with_the_versions_that_were_tested() -> None:
    """The libraries are those of the stub; so are the plugins that both need."""
    asked, stub = _versions(own(PROJECTS["java"])["pom.xml"]), _versions((STUBS / "java" / "pom.xml").read_text())
    assert {"jna", "jackson-dataformat-cbor", "maven-jar-plugin"} <= set(asked)
    assert {name: version for name, version in asked.items() if name in stub} == {
        name: version for name, version in stub.items() if name in asked
    }
