"""Typed bindings: what an application offers its workers, as source code in their languages and as schemas."""
