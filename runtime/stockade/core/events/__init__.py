"""Events: who hears what was emitted."""
