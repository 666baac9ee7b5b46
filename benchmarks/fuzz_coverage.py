"""Readers of image headers, fed by atheris with files that reach code which none before them reached.

    pip install atheris==3.0.0
    python benchmarks/fuzz_coverage.py --seconds 60        # each format
    python benchmarks/fuzz_coverage.py --seconds 60 nrrd

It goes on where the random changes of benchmarks/fuzz.py find nothing more, and counts as a failure the same: an
exception that is no error of Omentum, too much memory, or no answer in time. The file that failed is kept in
tests/corpus/, which the normal tests try again. Each format runs in a process of its own, which atheris does not leave.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import subprocess
import sys
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

from facts import ROOT

sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "tests")]

CORPUS = ROOT / "tests" / "corpus"
FORMATS = ("nifti", "nifti2", "nrrd", "metaimage", "seg_nrrd")
MOST_MB, LONGEST_S, MOST_BYTES = 3000, 30, 8192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(FORMATS), metavar="FORMAT")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("without coverage: atheris is not installed (pip install atheris==3.0.0)")
        return
    if arguments.one:
        fuzz(arguments.names[0], arguments.seconds)
        return
    command = [sys.executable, __file__, "--one", "--seconds", str(arguments.seconds)]
    failed = [name for name in arguments.names if subprocess.run([*command, name], check=False).returncode]
    print(f"failed: {', '.join(failed)}; see tests/corpus/" if failed else "nothing failed")
    sys.exit(bool(failed))


def fuzz(name: str, seconds: int) -> None:
    """Feed the reader of one format until the time is over or a file fails."""
    atheris = importlib.import_module("atheris")  # of no extra
    with atheris.instrument_imports(include=["omentum.io"]):
        from fuzzing import TARGETS

        from omentum.errors import CaseWarning, OmentumError

    target = TARGETS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = target.make(Path(folder))
        (Path(folder) / "corpus").mkdir()
        (Path(folder) / "corpus" / "seed").write_bytes(target.seed())

        def feed(data: bytes) -> None:
            path.write_bytes(data)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", CaseWarning)
                with suppress(OmentumError):
                    target.read(path)

        kept = CORPUS / name / "coverage.bin"
        kept.parent.mkdir(parents=True, exist_ok=True)
        limits = [f"-rss_limit_mb={MOST_MB}", f"-timeout={LONGEST_S}", f"-max_len={MOST_BYTES}"]
        end = [f"-max_total_time={seconds}", f"-exact_artifact_path={kept}", "-verbosity=1", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], str(Path(folder) / "corpus"), *limits, *end], feed)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
