"""The worker of `stockade invoke`: makes one call and writes down what came of it.

An ordinary worker, run by path as a user's own would be: it has the stub, and nothing of the runtime. Its arguments are
two files: one says what to call, in a line of JSON; the other is for the answer, behind a line for each item.
"""

from __future__ import annotations

import base64
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stockade_frontend import CommandError, EncodeError, InvalidArgs, connect

#: Of maps with this one key each: what it stands for, since JSON lacks it.
_READ: dict[str, Callable[[Any], Any]] = {"$bytes": base64.b64decode, "$float": float}


def main(asked: str, answered: str) -> None:
    """Call, and write down each ``item``, and the answer: a ``result``, an ``error``, or what is ``unsendable``."""
    request = json.loads(Path(asked).read_text())
    with connect() as core, Path(answered).open("w") as file:
        print(file=file, flush=True)  # from here on whatever ends the core may be the command's doing
        asking = core.options(timeout=request["timeout"])

        def write(line: dict[str, Any]) -> None:
            print(json.dumps(line), file=file, flush=True)  # without its newline it would not count

        write(answer(asking, request["command"], from_json(request["arguments"]), write))


def answer(
    core: Any, command: str, arguments: dict[str, Any], write: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """The answer to one call, as JSON has it; items are written down as they come."""
    try:
        try:
            return {"result": to_json(core.invoke(command, **arguments))}
        except InvalidArgs as error:
            if not streams(error):
                raise
        for item in core.stream(command, **arguments):  # the call that was refused has not run
            write({"item": to_json(item)})
        return {"ended": True}
    except CommandError as error:
        return {"error": {"code": error.code, "message": error.message, "data": to_json(error.data)}}
    except EncodeError as error:
        return {"unsendable": str(error)}


def streams(error: InvalidArgs) -> bool:
    """Whether a call was refused because its command yields: then it was missing that channel."""
    return isinstance(error.data, dict) and error.data.get("path") == "yield"


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
