"""Opens the configuration for commands that ask something of it, and start none of its programs."""

from __future__ import annotations

from stockade.cli.usage import no_such_worker
from stockade.config.load import survey
from stockade.config.specs import Configuration, WorkerSpec
from stockade.errors import ConfigurationError

__all__ = ["find_worker", "open_configuration"]


def open_configuration(file: str) -> Configuration:
    """The configuration in `file`; raises ConfigurationError.

    Programs that are not there are no fault here: who writes commands first tries them before there is a worker.
    """
    found = survey(file, programs=False)
    if found.faults:
        raise ConfigurationError(found.faults)
    return found.configuration


def find_worker(configuration: Configuration, label: str) -> WorkerSpec:
    """The worker of this label, which may be that of one of its replicas; raises Usage, with the nearest there is."""
    found = configuration.by_label().get(label)
    if found is None:
        raise no_such_worker(label, (spec.label for spec in configuration.workers))
    return found
