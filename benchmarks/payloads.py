"""How fast do payloads of 1 KiB to 256 MiB travel, to the core and back from it, beside bare ZeroMQ and the peers?"""

from __future__ import annotations

from benchmarks import native, peers
from benchmarks.application import Application, Worker
from benchmarks.blocks import Contestant, ratio, take_turns
from benchmarks.conductor import Conductor, Side
from benchmarks.figures import Figure, Result, Table, quartiles

__all__ = ["measure"]

KIB, MIB = 1024, 1024 * 1024
#: Bytes of a payload: how many are in a block, and how many rounds there are.
SIZES = {KIB: (200, 60), 64 * KIB: (100, 60), MIB: (32, 60), 16 * MIB: (8, 30), 256 * MIB: (1, 20)}
#: Peers take part in every so many rounds, and not at all with the largest payload.
SELDOM, LARGEST_OF_PEERS = 10, 16 * MIB
#: What the worker's limit of a message is raised to.
LIMIT = 300 * MIB
DIRECTIONS = {"send": "to the core", "receive": "from the core"}
OURS, FLOORS = ("stockade-view", "stockade"), ("pyzmq", "c")


def measure(quick: bool) -> Result:
    """For each size blocks of payloads there, each answered by a number, and of payloads back, by all in turns.

    Ours and the floor of pyzmq have four on their way at a time, the others one.
    """
    there, skipped = peers.split()
    sizes = {KIB: (50, 4), MIB: (16, 4)} if quick else SIZES
    found: dict[tuple[str, int, str], Contestant] = {}
    with Conductor() as conductor:
        sides = _sides(conductor, there)
        for size, (count, rounds) in sizes.items():
            for operation in DIRECTIONS:
                turns = {
                    (operation, size, name): _contestant(side, operation, count, size)
                    for name, side in sides.items()
                    if operation in side.operations and (name not in there or size <= LARGEST_OF_PEERS)
                }
                take_turns(turns.values(), rounds)
                found |= turns
    return Result(
        tuple(_figures(found, sizes)),
        tuple(_table(found, operation, sizes, sides) for operation in DIRECTIONS),
        {"limit of a message": LIMIT, "pinned": conductor.cpus is not None},
        (*native.skipped("the floor in C"), *skipped),
    )


def _sides(conductor: Conductor, there: list[str]) -> dict[str, Side]:
    folder = str(conductor.folder)
    limits = {"message": LIMIT, "outbox": LIMIT}
    player = Worker("player", ("python", "-m", "benchmarks.players.payloads", folder), limits)
    conductor.system(Application("payloads", (player,)))
    if not native.missing():
        conductor.program(native.build("echo"), folder, str(conductor.cpus[1] if conductor.cpus else -1))
    for name in there:
        conductor.program(*peers.PEERS[name].argv, folder)
    sides = conductor.sides(1 + (not native.missing()) + len(there))
    return {name: sides[name] for name in (*OURS, *FLOORS, *there) if name in sides}


def _contestant(side: Side, operation: str, count: int, size: int) -> Contestant:
    every = 1 if side.name in OURS + FLOORS else SELDOM
    return Contestant.of(side, count * size, operation, count, size, every=every)


def _figures(found: dict[tuple[str, int, str], Contestant], sizes: dict[int, tuple[int, int]]) -> list[Figure]:
    """Beside bare pyzmq, which copies nothing: views have a target from 1 MiB up."""
    return [
        ratio(
            f"{_name(size)} {direction}{' as bytes' if ours == 'stockade' else ''}: rate / pyzmq",
            found[operation, size, "pyzmq"],
            found[operation, size, ours],
            at_least=0.9 if size >= MIB and ours == "stockade-view" else None,
        )
        for ours in OURS
        for operation, direction in DIRECTIONS.items()
        for size in sizes
    ]


def _table(
    found: dict[tuple[str, int, str], Contestant],
    operation: str,
    sizes: dict[int, tuple[int, int]],
    sides: dict[str, Side],
) -> Table:
    rows = tuple((_name(size), tuple(_rate(found.get((operation, size, name))) for name in sides)) for size in sizes)
    return Table(f"Payloads {DIRECTIONS[operation]}, MB/s", "size", tuple(sides), rows, "lines")


def _rate(contestant: Contestant | None) -> float | None:
    if contestant is None:
        return None
    return quartiles(contestant.each(lambda block: contestant.size / block.seconds / 1e6)).median


def _name(size: int) -> str:
    return f"{size // MIB} MiB" if size >= MIB else f"{size // KIB} KiB"
