"""Entry of the core process: ``python -m stockade.core IN OUT LOG``, started by the supervisor alone."""

from __future__ import annotations

import sys

from stockade.core.main import main

main(sys.argv[1:])
