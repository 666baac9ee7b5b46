"""A protected extension of a base with 32 full-resolution channels and 16 in the head: what is learned and forgotten.

    python benchmarks/experiments/wide_extension.py --work own

The base of benchmarks/extend.py, but wider, learns the first lumbar vertebra from the same site with pseudo-labels,
distillation and rehearsal, three times the steps and no deep supervision. About 10 minutes of one core.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).parents[1]))

from extend import NEW, OLD, base_config, dice, make_site
from omentum import ExtendOptions, extend_model
from omentum.train.extend.options import Protection
from omentum.train.training import train_model

STEPS = 480


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for data and runs")
    work: Path = parser.parse_args().work
    key = NEW[0]
    for name in ("base", "check", key):
        make_site(work / name, name)
    config = base_config(work)
    config = replace(config, parameters={**config.parameters, "decoded_channels": 32}, head_channels=16)
    base = train_model(config, work / "base_run").model
    settings = work / "extension.toml"
    settings.write_text(
        f"steps = {STEPS}\nbatch = 2\nworkers = 0\nbf16 = false\nvalidate_every = {STEPS}\n"
        f'deep_supervision_weight = 0.0\n[augmentation]\nflip = 0.0\n[[data]]\nfolder = "{key}"\nvalidation = 1\n'
    )
    options = ExtendOptions(
        add=(key,),
        data=settings,
        protect=Protection.DISTIL,
        rehearse=work / "base",
        check=work / "check",
        anyway=True,
    )
    extension = extend_model(base, work / "extended.safetensors", options, overwrite=True)
    lost = [dice(extension, old, after=False) - dice(extension, old) for old in OLD]
    before, after = (fmean(dice(extension, old, after=late) for old in OLD) for late in (False, True))
    print(f"known before {before:.3f}, after {after:.3f}, worst structure lost {max(lost):.3f}")
    print(f"{key}: from its word {dice(extension, key, after=False):.3f}, learned {dice(extension, key):.3f}")


if __name__ == "__main__":
    main()
