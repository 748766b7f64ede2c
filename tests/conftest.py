"""What every test run begins with: which stockade it tests, and examples that are the same each time.

``pytest --hypothesis-profile explore`` looks for new examples instead, and for more of them.
"""

from __future__ import annotations

import signal
from importlib.util import find_spec

from hypothesis import settings

PACKAGES = ("stockade", "stockade_frontend")

# No deadline: how long an example takes says more about the machine than about the code.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("steady")


# Under nohup SIGHUP is ignored, also in what is started here, which then heeds it no more than nohup wants.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_report_header() -> list[str]:
    specs = {name: find_spec(name) for name in PACKAGES}
    return [f"{name}: {spec.origin if spec else 'not installed'}" for name, spec in specs.items()]
