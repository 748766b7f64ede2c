"""The languages that a new worker can be written in: how it is built and started, and what that takes. A row each.

Knows no file's content: templates/languages has a folder for each row, and frontend_stub/ the stub's sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

__all__ = ["LANGUAGES", "Language", "Stub"]


@attrs.frozen
class Stub:
    """The part of frontend_stub/`language` that a project needs as long as no registry has it.

    `take` and `leave` are patterns as `Path.glob` and `Path.match` have them. setup.cfg has them too, for the wheel.
    """

    language: str
    into: str  # the folder in the project
    take: tuple[str, ...]
    leave: tuple[str, ...] = ()


@attrs.frozen
class Language:
    """One language."""

    title: str
    run: tuple[str, ...]  # argv; {at} is what leads to the project: nothing, or a folder and a slash
    takes: str  # what has to be there
    build: str | None = None  # one line of shell; None: runs as it is written
    fetches: str | None = None  # what building gets from the network
    ignored: tuple[str, ...] = ()  # lines of .gitignore: what building makes
    stubs: tuple[Stub, ...] = ()
    pins: tuple[str, ...] = ()  # files of the first stub that stand in the project too: versions that were seen to work


_WITH_EACH = ("LICENSE", "README.md")
_VENDORED = "vendor/stockade-frontend"
_CMAKE = "cmake -B build && cmake --build build"
_C = Stub("c", _VENDORED, (*_WITH_EACH, "CMakeLists.txt", "cmake/*.in", "stockade.c", "stockade.h"))

LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {
        "python": Language("Python", ("python", "{at}worker.py"), "nothing more than Stockade itself"),
        "javascript": Language(
            "JavaScript",
            ("node", "{at}worker.js"),
            "Node 18.18 or newer, and npm",
            build="npm install",
            fetches="zeromq, cborg and the TypeScript compiler",
            ignored=("node_modules/", f"{_VENDORED}/dist/"),
            stubs=(Stub("javascript", _VENDORED, (*_WITH_EACH, "package.json", "tsconfig.json", "src/*.ts")),),
        ),
        "c": Language(
            "C",
            ("{at}build/worker",),
            "cmake, a C11 compiler, pkg-config, libzmq and libcbor (Debian: libzmq3-dev libcbor-dev)",
            build=_CMAKE,
            ignored=("build/",),
            stubs=(_C,),
        ),
        "cpp": Language(
            "C++",
            ("{at}build/worker",),
            "cmake, a C++17 compiler, pkg-config, libzmq and libcbor (Debian: libzmq3-dev libcbor-dev)",
            build=_CMAKE,
            ignored=("build/",),
            stubs=(
                _C,
                Stub(
                    "cpp",
                    f"{_VENDORED}-cpp",
                    (*_WITH_EACH, "CMakeLists.txt", "cmake/*.in", "include/*.hpp", "include/stockade/*.hpp"),
                ),
            ),
        ),
        "go": Language(
            "Go",
            ("{at}build/worker",),
            "Go 1.24 or newer, a C compiler, pkg-config and libzmq (Debian: libzmq3-dev)",
            build="go build -o build/worker .",
            fetches="zmq4 and cbor",
            ignored=("build/",),
            stubs=(
                Stub(
                    "go",
                    "third_party/frontend-go",  # in a folder `vendor` Go would look for all modules
                    (*_WITH_EACH, "go.mod", "go.sum", "*.go")
                    + tuple(f"internal/{part}/*.go" for part in ("link", "session", "wire")),
                    leave=("*_test.go",),
                ),
            ),
            pins=("go.sum",),
        ),
        "rust": Language(
            "Rust",
            ("{at}target/release/worker",),
            "Rust 1.88 or newer, and a C++ compiler",
            build="cargo build --release",
            fetches="the crates zmq (which builds libzmq along: some minutes, once), minicbor, serde and rustix",
            ignored=("target/",),
            stubs=(Stub("rust", _VENDORED, (*_WITH_EACH, "Cargo.toml", "Cargo.lock", "src/*.rs")),),
            pins=("Cargo.lock",),
        ),
        "java": Language(
            "Java",
            ("java", "-XX:+UseSerialGC", "-cp", "{at}target/worker.jar:{at}target/lib/*", "Worker"),
            "Java 17 or newer, Maven and libzmq (Debian: libzmq5)",
            build="mvn -q -B package",
            fetches="JNA, Jackson's CBOR and Maven's own plugins",
            ignored=("target/",),
            stubs=(Stub("java", _VENDORED, (*_WITH_EACH, "src/main/java/**/*.java"), leave=("certify/*.java",)),),
        ),
    }
)
