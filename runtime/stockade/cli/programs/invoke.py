"""The worker of `stockade invoke`: makes one call and writes down what came of it.

An ordinary worker, run by path as a user's own would be: it has the stub, and nothing of the runtime. Its arguments are
two files: one says what to call, the other is for the answer. Both are one line of JSON.
"""

from __future__ import annotations

import base64
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stockade_frontend import CommandError, EncodeError, connect

#: Of maps with this one key each: what it stands for, since JSON lacks it.
_READ: dict[str, Callable[[Any], Any]] = {"$bytes": base64.b64decode, "$float": float}


def main(asked: str, answered: str) -> None:
    """Call, and write down the answer: a ``result``, an ``error``, or what is ``unsendable``."""
    request = json.loads(Path(asked).read_text())
    with connect() as core, Path(answered).open("w") as file:
        print(file=file, flush=True)  # from here on whatever ends the core may be the command's doing
        answer = call(core.options(timeout=request["timeout"]), request["command"], request["arguments"])
        print(json.dumps(answer), file=file)  # without its newline it would not count


def call(core: Any, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The answer to one call, as JSON has it."""
    try:
        return {"result": to_json(core.invoke(command, **from_json(arguments)))}
    except CommandError as error:
        return {"error": {"code": error.code, "message": error.message, "data": to_json(error.data)}}
    except EncodeError as error:
        return {"unsendable": str(error)}


def to_json(value: Any) -> Any:
    """`value` with bytes as ``{"$bytes": base64}`` and what no JSON number is as ``{"$float": "nan"}``."""
    match value:
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case float() if not math.isfinite(value):
            return {"$float": str(value)}
        case dict():
            return {name: to_json(member) for name, member in value.items()}
        case list():
            return [to_json(member) for member in value]
    return value


def from_json(value: Any) -> Any:
    """What `to_json` made `value` of."""
    match value:
        case dict():
            [name] = value if len(value) == 1 else [""]
            if name in _READ:
                return _READ[name](value[name])
            return {name: from_json(member) for name, member in value.items()}
        case list():
            return [from_json(member) for member in value]
    return value


if __name__ == "__main__":
    main(*sys.argv[1:])
