"""Pages about datasets: checked, added, prepared in a store, annotated."""

from walks.how_to.small_runs import SMALL, TINY, TINY_NETWORK
from walks.walk import Walk

CHECK = Walk(
    "docs/how-to/check-raw-datasets.md",
    swaps=[
        ("lits=/data/LiTS", "lits=raw/lits"),
        ("msd-liver=/data/Task03_Liver", "msd-liver=raw/msd-liver"),
        ("ct-org=/data/CT-ORG -j 8", "ct-org=raw/ct-org -j 1"),
    ],
)
DATASET = Walk(
    "docs/how-to/add-a-dataset.md",
    swaps=[("~/datasets/LiTS", "raw/lits")],
    files={'title = "Livers of St Elsewhere"': "st-elsewhere/recipe.toml"},
)
PREPARE = Walk(
    "docs/how-to/prepare-a-store.md",
    swaps=[
        ("--dataset lits=/data/LiTS --dataset word=/data/WORD -o store/ -j 4",
         "--dataset lits=raw/lits --dataset word=raw/word --spacing 10 --antialias -o store/ -j 1"),
        ('"lits_17"', "store.cases[0].name"),
        ("start=(-10, 40, 60), size=(96, 96, 96)", "start=(-1, 4, 6), size=(9, 9, 9)"),
        ('{"lits": "/data/LiTS"}', '{"lits": "raw/lits", "word": "raw/word"}'),
        ("jobs=4", "jobs=1"),
        ("spacing_mm=(3.0, 3.0, 3.0)", "spacing_mm=(10.0, 10.0, 10.0)"),
        ("folds=5, test=0.2", "folds=2, test=0"),
    ],
)  # fmt: skip
STORE = Walk(
    "docs/how-to/from-raw-to-store.md",
    swaps=[
        ("-n 2 --spacing 6 -o raw/", "-n 2 --spacing 10 -o raw/"),
        ("--spacing 6 --antialias", "--spacing 10 --antialias"),
        ("steps = 2\npatch = [32, 32, 32]\nspacing_mm = [6.0, 6.0, 6.0]\nsave_every = 2\nvalidate_every = 2\n",
         f"{TINY}[parameters]\n{TINY_NETWORK}"),
    ],
    files={"steps = 2": "run.toml"},
)  # fmt: skip
ANNOTATE = Walk(
    "docs/how-to/annotate.md",
    swaps=[
        ("omentum phantom -n 2 --spacing 6 -o cases/", "omentum phantom -n 1 --spacing 10 -o cases/"),
        ("--spacing 6 --antialias", "--spacing 10 --antialias"),
        (
            "import omentum\n\ncorrector",
            "import warnings\n\nimport omentum\n\nwarnings.simplefilter('ignore')\ncorrector",
        ),
        ("--set spacing_mm=[6,6,6] --set patch=[32,32,32]", f"{SMALL} --set steps=2 --set validate_every=2"),
    ],
)


WALKS = (CHECK, DATASET, PREPARE, STORE, ANNOTATE)
