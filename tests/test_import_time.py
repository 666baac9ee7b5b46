"""`import omentum` and `omentum --help` must not load what they do not need; how long they take is a benchmark."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "monai", "nibabel", "matplotlib", "scipy", "numpy", "transformers", "trimesh"}

MODULES = "modules:"
"""Comes between what the code prints, which may name them too, and the modules."""


def modules_after(code: str) -> set[str]:
    """Top-level modules loaded in a fresh interpreter that runs `code`."""
    code += f"\nimport sys\nprint('{MODULES}', *sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.partition(MODULES)[2].split())


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import omentum; omentum.__version__; dir(omentum)", set()),
        ("import omentum; omentum.STRUCTURES", set()),
        ("from omentum.cli import main; assert main(['--help']) == 0", set()),
        ("from omentum.cli import main; assert main(['segment', '--help']) == 0", set()),
        ("from omentum.cli import main; assert main(['classes']) == 0", set()),
        ("import omentum; omentum.Segmentation; omentum.Volume", {"numpy"}),
    ],
)
def test_nothing_heavy_is_loaded(code, allowed):
    assert not modules_after(code) & (HEAVY - allowed)


def test_every_public_name_is_there():
    import omentum

    for name in omentum.__all__:
        assert getattr(omentum, name) is not None
    assert set(omentum.__all__) <= set(dir(omentum))
    with pytest.raises(AttributeError, match="no attribute 'segmnt'"):
        _ = omentum.segmnt
