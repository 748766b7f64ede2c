"""The supervisor with the core of these tests: ``supervisor.py PLAN_DESCRIPTOR CORE_PROGRAM``.

Writes the names of the modules it has loaded into the file MODULES_TO names, at its end.
"""

from __future__ import annotations

import os
import sys

from stockade.control import Plan
from stockade.supervisor.__main__ import supervise

with open(int(sys.argv[1]), "rb") as pipe:
    plan = Plan.from_json(pipe.read())
code = supervise(plan, (sys.executable, sys.argv[2]))
if "MODULES_TO" in os.environ:
    with open(os.environ["MODULES_TO"], "w") as file:
        file.write("\n".join(sys.modules))
sys.exit(code)
