"""How type hints become shapes, and Python's values the wire's and back. Knows no command and no message."""
