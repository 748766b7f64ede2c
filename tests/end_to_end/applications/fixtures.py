"""Fixtures for both folders of tests with whole applications."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from applications.application import Application
from applications.processes import adopt_orphans

__all__ = ["application", "applications", "shared_applications"]

Maker = Callable[[], Application]


@pytest.fixture(scope="module")
def shared_applications(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """Makes applications that live as long as the tests of a module."""
    with _maker(tmp_path_factory) as make:
        yield make


@pytest.fixture
def applications(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """Makes applications that end with the test, and must leave nothing."""
    with _maker(tmp_path_factory) as make:
        yield make


@contextmanager
def _maker(folders: pytest.TempPathFactory) -> Iterator[Maker]:
    adopt_orphans()
    with ExitStack() as stack:

        def make() -> Application:
            made = Application(folders.mktemp("app"))
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def application(applications: Maker) -> Application:
    """One application that ends with the test, and must leave nothing."""
    return applications()
