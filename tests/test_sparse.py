import sys
from pathlib import Path

import numpy as np
import pytest

from omentum.sparse import sparse_zeros

MB = 2**20


def test_zeros_like_any_other():
    array = sparse_zeros((2, 3, 4), np.uint32)
    assert (array.shape, array.dtype, array.any()) == ((2, 3, 4), np.uint32, False)
    array[1, 2, 3] = 5
    assert array.sum() == 5
    assert sparse_zeros((0, 3), np.uint8).shape == (0, 3)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_a_few_voxels_far_apart_take_little_memory():
    array = sparse_zeros((256 * MB,), np.uint8)
    before = held()
    array[:: 2 * MB] = 1
    assert array[:: 2 * MB].all()
    assert held() - before < 8 * MB


def held() -> int:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) * 1024
