"""stockade.toml: from text to specs and capabilities, each with its file and line, or every fault in it."""
