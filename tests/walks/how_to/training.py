"""Pages about training, in tiny runs."""

import shutil
from pathlib import Path

from walks.how_to.small_runs import SMALL, SMALL_NETWORK, SMALL_RUN, TINY, TINY_NETWORK
from walks.walk import Walk

HOURS = "hours"
FURTHER = "another run (tests/cli/test_cross_validate.py has it)"


def begin_again() -> None:
    """The page makes its own data from here on."""
    shutil.rmtree("raw")
    shutil.rmtree("store")
    Path("splits.json").unlink()


TRAIN = Walk(
    "docs/how-to/train.md",
    swaps=[
        ("--dataset lits=/data/LiTS --for compact -o store/", "--dataset lits=raw/lits --for compact -o for_compact/"),
        ("omentum phantom -n 4 --spacing 6 -o cases/", "omentum phantom -n 2 --spacing 10 -o cases/"),
        (
            "train smoke --data cases/",
            f"train smoke --data cases/ {SMALL} --set steps=2 --set validate_every=2 --set warmup_steps=1",
        ),
        ("train compact --data store/ --dry-run", f"train compact --data store/ {SMALL} {SMALL_NETWORK} --dry-run"),
        ('load_config("compact", {"steps": 2000}', f'load_config("compact", {SMALL_RUN}'),
        (
            'folds = omentum.cross_validate(omentum.load_config("compact", {"split": "splits.json"}',
            'omentum.split_data(["store/"], omentum.SplitOptions(folds=2, test=0)).split.write("splits.json")\n'
            f'folds = omentum.cross_validate(omentum.load_config("compact", {{"split": "splits.json", **{SMALL_RUN}}}',
        ),
    ],
    skips={
        "omentum train compact --data store/ -o runs/mine": HOURS,
        "omentum train compact --data store/ --split": HOURS,
        "omentum train run.toml -o runs/mine --set": HOURS,
        "torchrun": "several processes or machines (tests/train/test_distributed.py)",
        "omentum weights specialise": "needs weights trained from the wide ones (tests/cli/test_weights_command.py)",
        "omentum phantom --into-ct": "needs a CT with labelled organs (tests/cli/test_phantom.py)",
    },
)
FOLDS = Walk(
    "docs/how-to/cross-validate.md",
    swaps=[
        ("omentum phantom --site lits --site msd-spleen -n 10 --spacing 8 -o raw/",
         "omentum phantom --site lits --site msd-spleen -n 3 --spacing 10 -o raw/"),
        ("--spacing 8 --antialias", "--spacing 10 --antialias"),
        ("--folds 5 --test 0.2", "--folds 2 --test 0.2"),
        ("for k in 0 1 2 3 4", "for k in 0 1"),
        ('preset = "smoke"\nspacing_mm = [8.0, 8.0, 8.0]\npatch = [32, 32, 32]\nsteps = 300\n'
         "warmup_steps = 20\nema_decay = 0.98\nsave_every = 100\nvalidate_every = 300\n", f'preset = "smoke"\n{TINY}'),
        ("widths = [16, 32, 64]\nstem = 16\nblocks = 1\ndecoded_channels = 16\n", TINY_NETWORK),
        ("-w runs/cv/fold-1/model.safetensors ...", "-w runs/cv/fold-1/model.safetensors"),
        ("a.safetensors", "runs/cv/fold-0/model.safetensors"),
        (" b.safetensors", " runs/cv/fold-1/model.safetensors"),
    ],
    skips={
        "omentum train run.toml --data store/ --split splits.json --fold 0": "trained with --fold all below",
        "omentum train run.toml --data store/ --split splits.json --part": FURTHER,
        "omentum train run.toml --data store/ --split plain.json": FURTHER,
        "omentum segment ct.nii.gz -o out-soup/": "a walk segments with models that are no networks "
        "(tests/pipeline/test_ensemble.py)",
        "omentum weights average a.safetensors b.safetensors -o greedy": "needs runs that share held-out cases "
        "(tests/cli/test_weights_average.py)",
    },
    files={'preset = "smoke"': "run.toml"},
    before={"omentum phantom --site lits --site msd-spleen -n 10 --spacing 8 -o raw/": begin_again},
)  # fmt: skip
TRANSFER = Walk(
    "docs/how-to/transfer.md",
    swaps=[
        ("omentum phantom -n 5 --spacing 3 -o cases/", "omentum phantom -n 2 --spacing 10 -o cases/"),
        ("--init default --task my.toml", f"--init default --task my.toml {SMALL}"),
        ("-o runs/mine", "-o runs/mine --set steps=2 --set save_every=2 --set validate_every=2 --set warmup_steps=1"),
        (  # only the first pass of the bundled weights is taken, which is said aloud
            "import omentum\n\nconfig",
            "import warnings\n\nimport omentum\n\nwarnings.simplefilter('ignore')\nconfig",
        ),
        (
            'omentum.load_task("my.toml", "default")',
            'omentum.load_task("my.toml", "default", {"steps": 2, "save_every": 2, "spacing_mm": [10.0, 10.0, 10.0], '
            '"patch": [32, 32, 32], "workers": 0, "warmup_steps": 1, "mode": "plain"})',
        ),
    ],
)
SECOND = Walk(
    "docs/how-to/second-pass.md",
    swaps=[("-n 20 --spacing 2.2,2.2,3", "-n 1 --spacing 10")],
    skips={
        "omentum train second.toml -o": HOURS,
        "omentum segment ct.nii.gz -o out/ -w runs/second": "needs these weights (tests/train/second_pass has this)",
    },
)
EXTEND = Walk(
    "docs/how-to/extend.md",
    swaps=[
        ("-n 10 --extra appendix -o cases/", "-n 4 --extra appendix --spacing 10 -o cases/"),
        ("steps = 500 ", "workers = 0\nbatch = 1\nbf16 = false\nwarmup_steps = 1\nsteps = 2 "),
        ("--from default", "--max-growth 1 --from small.safetensors"),
        ('"default", "more.safetensors"', '"small.safetensors", "more.safetensors"'),
    ],
    skips={"omentum segment ct.nii.gz -o out/ -w new": "walks have weights of their own (tests/train/extend has this)"},
)
TRAINED = "needs weights that were trained for it (tests/cli/test_own_structures.py)"
LABELLED = "needs data with such labels (tests/cli/test_own_structures.py)"
OWN = Walk(
    "docs/how-to/own-structures.md",
    swaps=[("omentum phantom -n 20 -o cases/", "omentum phantom -n 1 --spacing 10 -o cases/")],
    skips={
        "omentum classes --weights runs/mine/model.safetensors": TRAINED,
        "omentum data prepare --dataset muscles.toml=raw/": LABELLED,
        "omentum segment ct.nii.gz -o out/ --weights runs/mine": TRAINED,
        "omentum evaluate out/ reference.nii.gz": LABELLED,
    },
)


WALKS = (TRAIN, FOLDS, TRANSFER, SECOND, EXTEND, OWN)
