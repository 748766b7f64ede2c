"""Programs that are measured: each plays one side, or two, and obeys the conductor (`benchmarks.conductor`).

They are started by name, ``python -m benchmarks.players.NAME``, or as workers by a supervisor. They import nothing of
`benchmarks` but `benchmarks.players.orders`, which is standard library alone.
"""
