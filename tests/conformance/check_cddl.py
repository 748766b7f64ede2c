"""Checks docs/protocol.cddl against docs/vectors.json, with a judge that knows CDDL and nothing of ours.

    cargo build --locked --manifest-path tests/conformance/cddl_judge/Cargo.toml --target-dir FOLDER
    python tests/conformance/check_cddl.py FOLDER/debug/cddl-judge

Every valid vector must be accepted, and every invalid one refused but those marked ``"cddl": false``. Prints counts;
exit 1 with the vectors that were misjudged, 2 where the judge cannot be run. Knows no codec.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

_DOCS = Path(__file__).resolve().parents[2] / "docs"

#: What the judge (cddl-cat 0.7.1) is known to misjudge. An entry that it no longer misjudges is a fault too.
KNOWN = {
    "decode-int-least": "it cannot read the literal -2^63, see `readable`",
    "encode-int-least": "it cannot read the literal -2^63, see `readable`",
    "refuse-undefined": "it reads undefined as null",
    "refuse-undefined-in-map": "it reads undefined as null",
    "emit-payload-undefined": "it reads undefined as null",
}


@attrs.frozen
class Case:
    """A vector that the grammar can judge: the rule to judge it by, and whether it is right."""

    rule: str
    name: str
    hex: str
    right: bool


def cases(vectors: dict[str, Any]) -> Iterator[Case]:
    """Every vector that the grammar can judge."""
    rows = [("value", vector, "hex", True) for vector in (*vectors["decode"], *vectors["encode"])]
    rows += [("value", vector, "hex", False) for vector in vectors["refuse"]]
    rows += [(f"{vector['from']}-batch", vector, "hex", vector["valid"]) for vector in vectors["messages"]]
    rows += [("event-body", vector, "body", vector["valid"]) for vector in vectors["events"]]
    rows += [("emit-body", vector, "body", vector["valid"]) for vector in vectors["emits"]]
    for rule, vector, key, right in rows:
        if vector.get("cddl", True):
            yield Case(rule, vector["name"], vector[key], right)


def readable(grammar: str) -> str:
    """The grammar as the judge reads it.

    RFC 8610 (section 3.8.3) matches an expression with the whole text, the judge with any part of it. The judge reads
    no integer below -(2^63-1).
    """
    anchored = re.sub(r'\.regexp "([^"]*)"', r'.regexp "^(?:\1)$"', grammar)
    return anchored.replace(str(-(2**63)), str(-(2**63) + 1))


def judge(program: str, grammar: str, judged: list[Case]) -> list[bool]:
    """Whether the judge accepts each case; raises ValueError where it does not say so of each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "protocol.cddl")
        path.write_text(readable(grammar), encoding="utf-8")
        lines = "".join(f"{case.rule} {case.hex}\n" for case in judged)
        done = subprocess.run(
            [program, str(path)], input=lines, capture_output=True, text=True, timeout=60, check=False
        )
    verdicts = done.stdout.splitlines()
    if done.returncode or len(verdicts) != len(judged) or any("MissingRule" in verdict for verdict in verdicts):
        raise ValueError(f"{program} did not judge every case: {done.stderr or verdicts[:3]}")
    return [verdict == "yes" for verdict in verdicts]


def faults(judged: list[Case], accepted: list[bool]) -> list[str]:
    """A line for each case that grammar and vectors.json judge otherwise, and for each of `KNOWN` that they do not."""
    found = []
    for case, taken in zip(judged, accepted, strict=True):
        if (taken == case.right) == (case.name in KNOWN):
            known = " although KNOWN says that it is misjudged" if case.name in KNOWN else ""
            found.append(f"{case.name} is {'accepted' if taken else 'refused'} as {case.rule}{known}")
    return found


def main(arguments: list[str]) -> int:
    """Run the check; see the module."""
    program = shutil.which(arguments[0] if arguments else "cddl-judge")
    if program is None:
        print("check_cddl: no cddl-judge to be run; the head of this file says how to build it", file=sys.stderr)
        return 2
    judged = list(cases(json.loads((_DOCS / "vectors.json").read_text(encoding="utf-8"))))
    accepted = judge(program, (_DOCS / "protocol.cddl").read_text(encoding="utf-8"), judged)
    found = faults(judged, accepted)
    for rule in dict.fromkeys(case.rule for case in judged):
        of_rule = [case.right for case in judged if case.rule == rule]
        print(f"{rule}: {sum(of_rule)} to accept, {len(of_rule) - sum(of_rule)} to refuse")
    print(f"{len(judged)} judged, {len(found)} misjudged, {len(KNOWN)} left to the judge's known faults")
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
