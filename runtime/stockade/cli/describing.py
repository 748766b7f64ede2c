"""What `stockade bindings` and `stockade schema` are made from: the model of the application in a stockade.toml.

Knows no language: whoever asks renders it.
"""

from __future__ import annotations

from stockade import limits
from stockade.bindings.carrying import received
from stockade.bindings.limiting import limited, with_exports
from stockade.bindings.model import Model
from stockade.cli.importing import import_modules
from stockade.cli.opening import find_worker, open_configuration
from stockade.cli.usage import Usage
from stockade.errors import ConfigurationError

__all__ = ["described"]


def described(file: str, worker: str | None) -> tuple[str, Model]:
    """The name of the application and its model, all of it or what `worker` may use.

    Imports the application's modules in a child process. Raises ConfigurationError for faults of the configuration and
    of the modules, Usage for a worker that is not there and for classes of one name.
    """
    configuration = open_configuration(file)
    if worker is not None:
        find_worker(configuration, worker)
    imported = import_modules(configuration.app.commands, configuration.folder, limits.IMPORT, describe=True)
    faults = [*imported.unimported.values(), *imported.faults]
    if faults:
        raise ConfigurationError(faults)
    if imported.collision is not None:
        raise Usage(*imported.collision)
    model = with_exports(received(imported.model or {}), configuration)
    return configuration.app.name, model if worker is None else limited(model, configuration, worker)
