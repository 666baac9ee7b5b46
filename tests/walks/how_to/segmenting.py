"""Pages about inputs, segmentation and what is done with its results."""

from walks.walk import Walk

INPUTS = Walk(
    "docs/how-to/inputs.md",
    skips={"omentum segment study/ -o out/ --series 3": "one series here (see tests/io/dicom)"},
)
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
OPTIONS = Walk("docs/how-to/segment-options.md", swaps=[("jobs=2", "jobs=0")])
WORDS = Walk(
    "docs/how-to/words.md",
    skips={"printf": "standard input (tests/cli/test_explain.py)"},
    may_fail={'omentum classes --explain "renal artery"': 2},
)
DICOM = Walk("docs/how-to/dicom.md")
FOLLOW = Walk("docs/how-to/follow-lesions.md")
EVALUATE = Walk(
    "docs/how-to/evaluate.md",
    skips={
        "omentum evaluate out/ store/": "walked in docs/how-to/from-raw-to-store.md",
        "omentum evaluate out/ labelsTr/": "walked in docs/how-to/submit-to-a-challenge.md, which writes such numbers",
    },
)
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
JUDGE = Walk(
    "docs/how-to/judge-a-result.md",
    swaps=[("set-trust mine.safetensors", "set-trust default")],
    skips={"python benchmarks/quality.py": "ten minutes, and it writes into the package"},
)


WALKS = (INPUTS, MANY, OPTIONS, WORDS, DICOM, FOLLOW, EVALUATE, SUBMIT, JUDGE)
