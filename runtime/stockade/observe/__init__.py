"""Logs, for people and for machines: `logs` (records and their two formats), `outlet` (a buffer that never blocks),
`handler` (Python's logging, for the core). Standard library and attrs only: the supervisor loads it.
"""
