"""Readers of untrusted files, fed with mutated ones for as long as wanted.

    FUZZ_SECONDS=300 python benchmarks/fuzz.py             # all formats, a share of the time each
    python benchmarks/fuzz.py --seconds 60 nifti seg_nrrd

Only errors of Omentum, or success, may come of a file; memory and time are bounded (tests/support/fuzzing.py). What
fails is made smaller by hypothesis, kept in tests/corpus/ and named at the end; the exit code is then 1. The normal
tests try that folder again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
import time
import traceback
from pathlib import Path

from facts import ROOT
from record import Table, publish, result_file

sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "tests")]

from fuzzing import TARGETS, HangError, Target, mutated, try_bytes
from hypothesis import HealthCheck, given, seed, settings

CORPUS = ROOT / "tests" / "corpus"
ROUND = 300
"""Examples between two looks at the clock."""
COLUMNS = {"format": "{}", "files": "{}", "read": "{}", "refused": "{}", "different answers": "{}", "failed": "{}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(TARGETS), metavar="FORMAT")
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("FUZZ_SECONDS", "120")))
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    rows = [fuzz(TARGETS[name], arguments.seconds / len(arguments.names), rng) for name in arguments.names]
    publish(
        arguments.out,
        title="Mutated files and the answers to them",
        about="Valid files of each format, changed at random in up to four places; what a reader made of them. "
        "Failed: an exception that is no error of Omentum, more than 1 GiB of memory, or no answer within 30 s.",
        measures=("src/omentum/io", "src/omentum/model/safetensors_file.py"),
        tables={"formats": Table(COLUMNS, rows)},
        values={"files": sum(row[1] for row in rows), "failed": sum(row[5] for row in rows)},
    )
    sys.exit(any(row[5] for row in rows))


def fuzz(target: Target, seconds: float, rng: random.Random) -> tuple[str, int, int, int, int, int]:
    """The row of one format."""
    end, tally, kinds, failed = time.monotonic() + seconds, [0, 0], set(), set()
    content = target.seed()
    while time.monotonic() < end:
        last = b""

        @seed(rng.getrandbits(64))
        @settings(max_examples=ROUND, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(data=mutated(content, target.head))
        def run(data: bytes) -> None:
            nonlocal last
            last = data
            said = try_bytes(target, data)
            tally[bool(said)] += 1
            kinds.add("".join(c for c in said.partition(": ")[2] if not c.isdigit())[:60])

        try:
            run()
        except (Exception, HangError):
            traceback.print_exc()
            failed.add(keep(target, last))
    for path in sorted(failed):
        print(f"kept: {path}")
    return target.name, sum(tally), tally[0], tally[1], len(kinds), len(failed)


def keep(target: Target, data: bytes) -> Path:
    """The file that failed, in the corpus."""
    path = CORPUS / target.name / f"{hashlib.sha256(data).hexdigest()[:12]}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


if __name__ == "__main__":
    main()
