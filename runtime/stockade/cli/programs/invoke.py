"""The worker of `stockade invoke`: makes one call and writes down what came of it.

An ordinary worker, run by path as a user's own would be: it has the stub, and nothing of the runtime. Its one argument
is a folder, in which `request.json` says what to call and `answer.json` is to appear, whole.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

from stockade_frontend import CommandError, EncodeError, connect

_BYTES = "$bytes"


def main(folder: Path) -> None:
    """Call, and leave the answer in `folder`: a ``result``, an ``error``, or what is ``unsendable``."""
    request = json.loads((folder / "request.json").read_text())
    with connect() as core:
        answer = call(core.options(timeout=request["timeout"]), request["command"], request["arguments"])
        # In place at once and whole: who reads it may be interrupted, and so may we.
        (folder / "answer.new").write_text(json.dumps(answer))
        os.rename(folder / "answer.new", folder / "answer.json")


def call(core: Any, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The answer to one call, as JSON has it."""
    try:
        return {"result": to_json(core.invoke(command, **from_json(arguments)))}
    except CommandError as error:
        return {"error": {"code": error.code, "message": error.message, "data": to_json(error.data)}}
    except EncodeError as error:
        return {"unsendable": str(error)}


def to_json(value: Any) -> Any:
    """`value` with its bytes as ``{"$bytes": base64}``."""
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: to_json(member) for name, member in value.items()}
    return [to_json(member) for member in value] if isinstance(value, list) else value


def from_json(value: Any) -> Any:
    """What `to_json` made `value` of."""
    if isinstance(value, dict):
        if list(value) == [_BYTES]:
            return base64.b64decode(value[_BYTES])
        return {name: from_json(member) for name, member in value.items()}
    return [from_json(member) for member in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
