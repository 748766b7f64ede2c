"""`python -m stockade` is `stockade`."""

from __future__ import annotations

from stockade.cli.main import main

if __name__ == "__main__":
    main()
