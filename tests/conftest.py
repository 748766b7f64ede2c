"""What every test run says first: which stockade it tests, the installed wheel or a tree."""

from __future__ import annotations

from importlib.util import find_spec

PACKAGES = ("stockade", "stockade_frontend")


def pytest_report_header() -> list[str]:
    specs = {name: find_spec(name) for name in PACKAGES}
    return [f"{name}: {spec.origin if spec else 'not installed'}" for name, spec in specs.items()]
