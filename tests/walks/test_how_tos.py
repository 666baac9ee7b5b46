"""docs/how-to, page by page, literally but for what is declared."""

import shutil
from pathlib import Path

import pytest

from walks.markdown import ROOT, blocks
from walks.page_needs import put_what_pages_need
from walks.walk import Walk

HOURS = "hours"
FURTHER = "another run (tests/cli/test_cross_validate.py has it)"
TINY = """
steps = 2
warmup_steps = 1
patch = [32, 32, 32]
spacing_mm = [10.0, 10.0, 10.0]
workers = 0
save_every = 2
validate_every = 2
bf16 = false
"""
TINY_NETWORK = "widths = [8, 16, 16]\nstem = 8\nblocks = 1\ndecoded_channels = 4\n"
COARSE = ("--spacing 6 --antialias", "--spacing 10 --antialias")
SMALL_NETWORK = "--set 'parameters={widths=[8, 16, 16], stem=8, blocks=1, decoded_channels=4}'"
SMALL = "--set spacing_mm=[10,10,10] --set patch=[32,32,32] --set workers=0"
SMALL_RUN = (
    '{"steps": 2, "validate_every": 2, "save_every": 2, "warmup_steps": 1, "workers": 0, "patch": [32, 32, 32], '
    '"spacing_mm": [10.0, 10.0, 10.0], "bf16": False, '
    '"parameters": {"widths": [8, 16, 16], "stem": 8, "blocks": 1, "decoded_channels": 4}}'
)
NO_TOML = {"docs/how-to/choose-a-backbone.md", "docs/how-to/balance-and-augment.md"}
"""Pages of settings alone (tests/train has those)."""


def begin_again() -> None:
    """The page makes its own data from here on."""
    shutil.rmtree("raw")
    shutil.rmtree("store")
    Path("splits.json").unlink()


FOLLOW = Walk("docs/how-to/follow-lesions.md")
MANY = Walk(
    "docs/how-to/segment-many.md",
    swaps=[
        ("/data/LiTS -o out/", "raw/lits -o dataset/"),
        ("omentum segment cts/ -o out/", "omentum segment cts/ -o folder/"),
        ("omentum segment s*/ct.nii.gz -o out/", "omentum segment s*/ct.nii.gz -o by_folder/"),
        ("omentum segment p*/ct/*.nii.gz -o out/", "omentum segment p*/ct/*.nii.gz -o by_pattern/"),
        ("omentum segment export/DOE_JOHN -o out/", "omentum segment export/DOE_JOHN -o named/"),
        ("omentum segment export/* -o out/", "omentum segment export/* -o anonymous/"),
        ("omentum segment cases/ -o out/", "omentum segment cases/ -o of_cases/"),
        ('-o out/ --weights swin.safetensors --classes liver,"liver tumor"', '-o some/ --classes liver,"liver tumor"'),
        ("-o out/ --threshold liver_tumour=0.3", "-o first/ --threshold liver_tumour=0.3"),
        ("-o out/ --threshold 0.4", "-o second/ --threshold 0.4"),
        ('-o out/ --classes liver,"liver tumour" --prob', '-o maps/ --classes liver,"liver tumour" --prob'),
    ],
)
EVALUATE = Walk(
    "docs/how-to/evaluate.md",
    skips={
        "omentum evaluate out/ store/": "walked in docs/how-to/from-raw-to-store.md",
        "omentum evaluate out/ labelsTr/": "walked in docs/how-to/submit-to-a-challenge.md, which writes such numbers",
    },
)
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
TRANSFER = Walk(
    "docs/how-to/transfer.md",
    swaps=[
        ("omentum phantom -n 5 --spacing 3 -o cases/", "omentum phantom -n 2 --spacing 10 -o cases/"),
        ("--init default --task my.toml", f"--init default --task my.toml {SMALL}"),
        ("-o runs/mine", "-o runs/mine --set steps=2 --set save_every=2 --set validate_every=2 --set warmup_steps=1"),
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
OPTIONS = Walk("docs/how-to/segment-options.md", swaps=[("jobs=2", "jobs=0")])
DICOM = Walk("docs/how-to/dicom.md")
SUBMIT = Walk(
    "docs/how-to/submit-to-a-challenge.md",
    swaps=[
        ("--numbering msd-liver --submission submission/", "--numbering msd-liver --submission submission/ --quiet"),
        (
            "raw/msd-liver/Task03_Liver/imagesTr/liver_*.nii.gz -o results/",
            "raw/msd-liver/Task03_Liver/imagesTr/liver_*.nii.gz -o own/",
        ),
        ("--spacing 2,2,3 -o raw", "--spacing 10 -o raw"),
    ],
)
DATASET = Walk(
    "docs/how-to/add-a-dataset.md",
    swaps=[("~/datasets/LiTS", "raw/lits")],
    files={'title = "Livers of St Elsewhere"': "st-elsewhere/recipe.toml"},
)
CHECK = Walk(
    "docs/how-to/check-raw-datasets.md",
    swaps=[
        ("lits=/data/LiTS", "lits=raw/lits"),
        ("msd-liver=/data/Task03_Liver", "msd-liver=raw/msd-liver"),
        ("ct-org=/data/CT-ORG -j 8", "ct-org=raw/ct-org -j 1"),
    ],
)
JUDGE = Walk(
    "docs/how-to/judge-a-result.md",
    swaps=[("set-trust mine.safetensors", "set-trust default")],
    skips={"python benchmarks/quality.py": "ten minutes, and it writes into the package"},
)
REGISTRY = "needs a package registry (the wheel with the core alone is walked in test_core_wheel.py)"
INSTALL = Walk(
    "docs/how-to/install.md",
    swaps=[("for path in paths", 'for path in ["ct.nii.gz"]')],
    skips={"pip install": REGISTRY},
)
TEXT = Walk(
    "docs/how-to/text-encoders.md",
    skips={"pip install": REGISTRY, "omentum encoders pull": "needs a network (tests/text/test_pull_encoder.py)"},
)
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
WORDS = Walk(
    "docs/how-to/words.md",
    skips={"printf": "standard input (tests/cli/test_explain.py)"},
    may_fail={'omentum classes --explain "renal artery"': 2},
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
INPUTS = Walk(
    "docs/how-to/inputs.md",
    skips={"omentum segment study/ -o out/ --series 3": "one series here (see tests/io/dicom)"},
)
PACS = Walk(
    "docs/how-to/pacs.md",
    skips={
        "omentum segment dicomweb": "needs a server (tests/pacs/test_orthanc.py)",
        "omentum listen": "does not end (tests/pacs/test_listen.py)",
    },
)
MCP = Walk("docs/how-to/mcp.md", skips={"omentum mcp": "serves a client (tests/mcp_server)"})
VIEWER = Walk(
    "docs/how-to/viewer.md",
    skips={
        "make serve-demo": "needs Node.js; make web-test does the same with a smaller phantom",
        "make web": "needs Node.js",
        "omentum serve": "serves until it is stopped (tests/serve)",
    },
)
BROWSER = Walk(
    "docs/how-to/in-the-browser.md",
    skips={
        "make web-static": "needs Node.js and its packages (make web-test)",
        "python -m http.server": "does not end",
    },
)
SLICER = Walk("docs/how-to/slicer.md", skips={"omentum serve": "serves until it is stopped (tests/serve)"})
SERVER = Walk(
    "docs/how-to/segment-on-a-server.md",
    swaps=[
        ('with Client("http://127.0.0.1:8421") as', "from service_over_http import client_of_a_service\n"
         "with client_of_a_service() as"),
    ],
    skips={
        "omentum segment": "needs a service (tests/remote)",
        "pip install": "needs a package registry (tests/client/test_client.py has the same)",
    },
)  # fmt: skip
SERVE = Walk(
    "docs/how-to/serve.md",
    skips={"omentum serve": "does not end (tests/serve)", 'python -c "import secrets': "makes a token for it"},
)
WALKS = (
    BROWSER,
    VIEWER,
    SERVER,
    SLICER,
    INPUTS,
    PACS,
    MCP,
    SERVE,
    ANNOTATE,
    EXTEND,
    FOLLOW,
    INSTALL,
    MANY,
    EVALUATE,
    STORE,
    FOLDS,
    OWN,
    PREPARE,
    TRAIN,
    TRANSFER,
    SECOND,
    OPTIONS,
    DICOM,
    SUBMIT,
    DATASET,
    CHECK,
    JUDGE,
    TEXT,
    WORDS,
)


def test_every_page_is_walked():
    pages = {f"docs/how-to/{path.name}" for path in (ROOT / "docs/how-to").glob("*.md")}
    assert pages == {walk.page for walk in WALKS} | NO_TOML
    assert not any(block.language == "" for page in NO_TOML for block in blocks(page))


@pytest.mark.slow
@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: Path(walk.page).stem)
def test_how_to(walk, folder, raw, monkeypatch):
    put_what_pages_need(walk.page, raw)
    walk.go()
