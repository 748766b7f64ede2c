"""Builds, checks and certifies the stubs, each with its own tools: ``python stubs.py certify [FOLDER ...]``.

    build      what each stub.toml says under `build`
    check      that, then what it says under `lint` and `test`
    certify    that, then `stockade certify` on its echo worker, and the table in README.md compared with what came out
               (--write: written anew)

A stub whose tools are missing is skipped, with a line that says so; with --all that is a failure. The exit status is 1
if anything failed. Needs Python 3.11 alone, with `stockade` in its environment to certify. Knows nothing of any
language: what it runs stands in the stub.toml of each folder.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"
#: What stands between which lines of it is made here.
LIST = ("<!-- list: made by `make certify-all ARGS=--write` -->", "<!-- end of the list -->")
TABLE = ("<!-- table: made by `make certify-all ARGS=--write` -->", "<!-- end of the table -->")
#: The features in the order of docs/certify.md, as the table has them.
FEATURES = {
    None: "what is required of every worker",
    "together": "several calls in flight",
    "cancel": "cancelling a call",
    "timeout": "time limits",
    "retry": "trying again when busy",
    "stream": "streams of a command",
    "channels": "channels, both ways",
    "raw": "large bytes beside the batch",
    "events": "listening",
    "emits": "emitting",
    "exports": "answering calls",
    "export-streams": "streams and channels in answers",
    "nested": "calls as part of a call",
    "floats": "1.0 told from 1",
}


@dataclass(frozen=True)
class Variant:
    """One face of a stub, which is certified by itself. Its `key` is its name among the benchmarks' sides."""

    name: str
    key: str
    certify: tuple[str, ...]
    bench: tuple[str, ...]


@dataclass(frozen=True)
class Stub:
    """What a folder's stub.toml says."""

    folder: Path
    language: str
    package: str
    library: str
    needs: tuple[str, ...]
    build: tuple[str, ...]
    lint: tuple[str, ...]
    test: tuple[str, ...]
    variants: tuple[Variant, ...]

    @classmethod
    def read(cls, path: Path) -> Stub:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        variants = said.get("variant") or [said | {"name": said["language"]}]
        lines = {key: tuple(said.get(key, ())) for key in ("needs", "build", "lint", "test")}
        faces = tuple(
            Variant(each["name"], each.get("key", path.parent.name), tuple(each["certify"]), tuple(each["bench"]))
            for each in variants
        )
        return cls(path.parent, said["language"], said["package"], said["library"], variants=faces, **lines)

    def missing(self) -> list[str]:
        """What it takes to build it, and is not here."""
        return [need for need in self.needs if not _is_here(need)]

    @property
    def stamp(self) -> Path:
        """A file that is there while the stub is built: what tests it without building it looks for it."""
        return self.folder / ".built"

    def argv(self, program: tuple[str, ...]) -> list[str]:
        """A program of this stub, as it is started from anywhere: `python` is this interpreter."""
        first, *rest = program
        if first == "python":
            return [sys.executable, *rest]
        return [str(self.folder / first) if "/" in first else first, *rest]


def _is_here(need: str) -> bool:
    kind, _, name = need.rpartition(":")
    if kind == "pkg-config":
        found = shutil.which("pkg-config") is not None
        return found and subprocess.run(["pkg-config", "--exists", name], check=False).returncode == 0
    return shutil.which(name) is not None


def stubs(folders: list[str] | None = None) -> list[Stub]:
    """All stubs beside this file, or those of these folders, by name. SystemExit with 2 for one that there is not."""
    there = {path.parent.name: path for path in sorted(HERE.glob("*/stub.toml"))}
    for folder in folders or ():
        if folder not in there:
            print(f"there is no stub {folder!r}; there are {', '.join(there)}", file=sys.stderr)
            raise SystemExit(2)
    return [Stub.read(there[folder]) for folder in folders or there]


@dataclass
class Report:
    """What has been seen so far."""

    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def skip(self, stub: Stub, missing: list[str]) -> None:
        self.skipped.append(stub.language)
        print(f"SKIPPED: {stub.language}: this machine has no {', no '.join(missing)}", flush=True)


def run_lines(stub: Stub, what: str, report: Report) -> bool:
    """Run one kind of shell lines of a stub; what they print is shown when one fails."""
    for line in getattr(stub, what):
        begun = monotonic()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=stub.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        word = "ok" if done.returncode == 0 else f"FAILED with {done.returncode}"
        print(f"{stub.language}: {what}: {line}: {word} ({monotonic() - begun:.0f} s)", flush=True)
        if done.returncode:
            print(done.stdout, flush=True)
            report.failed.append(f"{stub.language}: {what}")
            return False
    return True


def build(stub: Stub, report: Report) -> bool:
    """Build it: whether it is built now."""
    stub.stamp.unlink(missing_ok=True)
    if not run_lines(stub, "build", report):
        return False
    stub.stamp.touch()
    return True


def certificate(stub: Stub, variant: Variant) -> dict[str, Any]:
    """What `stockade certify --json` says of a variant."""
    said = subprocess.run(
        [sys.executable, "-m", "stockade", "certify", "--json", "--", *stub.argv(variant.certify)],
        cwd=stub.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if said.returncode not in (0, 1):
        raise RuntimeError(f"stockade certify exited with {said.returncode}")
    return json.loads(said.stdout)


def column(certified: dict[str, Any]) -> list[str]:
    """The cells of one variant: for each feature whether it passed all of its steps."""
    cells = []
    for feature in FEATURES:
        steps = [step for step in certified["steps"] if step["feature"] == feature and not step["optional"]]
        if feature is not None and feature not in certified["offers"]:
            cells.append("-")
        elif all(step["outcome"] == "passed" for step in steps):
            cells.append(f"yes ({len(steps)})")
        else:
            cells.append("**no**")
    return cells


def table(columns: dict[str, list[str]]) -> str:
    """The table in Markdown: a line for each feature, a column for each variant."""
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    for number, text in enumerate(FEATURES.values()):
        lines.append([text, *(cells[number] for cells in columns.values())])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def listing() -> str:
    """The stubs in Markdown: where each is, the name it would be published under, and with what it was seen to work."""
    rows = (
        f"| [{stub.folder.name}/]({stub.folder.name}/README.md) | {stub.language} | {stub.package} | {stub.library} |\n"
        for stub in stubs()
    )
    return "| folder | language | package | works with |\n|---|---|---|---|\n" + "".join(rows)


def read_part(marks: tuple[str, str]) -> str:
    """What stands between two lines of README.md."""
    text = README.read_text(encoding="utf-8")
    return text[text.index(marks[0]) + len(marks[0]) : text.index(marks[1])].strip()


def write_part(marks: tuple[str, str], part: str) -> None:
    """Put this between two lines of README.md."""
    text = README.read_text(encoding="utf-8")
    before, after = text[: text.index(marks[0]) + len(marks[0])], text[text.index(marks[1]) :]
    README.write_text(f"{before}\n\n{part}\n{after}", encoding="utf-8")


def read_table() -> dict[str, list[str]]:
    """The columns that README.md has now, by variant."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in read_part(TABLE).splitlines()]
    if not rows:
        return {}
    return {name: [row[number] for row in rows[2:]] for number, name in enumerate(rows[0]) if name}


def certify(chosen: list[Stub], write: bool, report: Report) -> None:
    """Certify what is built, and hold the table against it."""
    known, seen = read_table(), {}
    for stub in chosen:
        for variant in stub.variants:
            begun = monotonic()
            said = certificate(stub, variant)
            seen[variant.name] = column(said)
            for step in said["steps"]:
                if step["outcome"] == "failed":
                    print(f"{variant.name}: {step['name']}: {step['why']}", flush=True)
            print(f"{variant.name}: {said['passed']} passed, {said['failed']} failed ({monotonic() - begun:.0f} s)")
            if said["failed"]:
                report.failed.append(f"{variant.name}: certify")
    order = [variant.name for stub in stubs() for variant in stub.variants]
    if write:
        write_part(TABLE, table({name: (known | seen)[name] for name in order if name in known | seen}))
        write_part(LIST, listing())
    else:
        if read_part(LIST) != listing().strip():
            report.failed.append("the list in frontend_stub/README.md is not what each stub.toml says")
        report.failed += [
            f"{name}: the table in frontend_stub/README.md is not true: make certify-all ARGS=--write"
            for name in seen
            if known.get(name) != seen[name]
        ]
        report.failed += [f"the table has {name}, which no stub.toml has" for name in known if name not in order]


def main(argv: list[str] | None = None) -> int:
    """Do what is asked of all stubs, or of those that are named; 0 if all of it went well."""
    parser = argparse.ArgumentParser(prog="stubs.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("build", "check", "certify"))
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="a stub's folder; without any, all")
    parser.add_argument("--write", action="store_true", help="with certify: write the table anew")
    parser.add_argument("--all", action="store_true", help="fail if the tools of a stub are missing")
    given = parser.parse_args(argv)
    report, built = Report(), []
    for stub in stubs(given.folders):
        if missing := stub.missing():
            report.skip(stub, missing)
        elif build(stub, report):
            built.append(stub)
    if given.what == "certify":
        certify(built, given.write, report)
    elif given.what == "check":
        for stub in built:
            _ = run_lines(stub, "lint", report), run_lines(stub, "test", report)
    if given.all and report.skipped:
        report.failed.append(f"skipped: {', '.join(report.skipped)}")
    for line in report.failed:
        print(f"failed: {line}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
