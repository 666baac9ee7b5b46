"""The estimates against the benchmarks that they are made of."""

import json
from pathlib import Path

import pytest

from omentum.doctor.estimate import Workload, estimate

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
DEFAULT_BYTES = 15_000_000


def rows(name, table):
    content = json.loads((RESULTS / f"{name}.json").read_text())["tables"][table]
    return {row[0]: dict(zip(content["columns"], row, strict=True)) for row in content["rows"]}


def work(voxels, windows, backbone="residual_unet", engine="openvino", precision="float32", weights=DEFAULT_BYTES):
    return Workload(voxels, windows, 96**3, backbone, weights, engine, precision)


@pytest.mark.parametrize(
    ("name", "voxels", "windows"), [("end_to_end", 512 * 512 * 300, 80), ("end_to_end_long", 512 * 512 * 800, 220)]
)
def test_the_bundled_model_as_measured(name, voxels, windows):
    measured = rows(name, "profiles")["exact"]
    found = estimate(work(voxels, windows))
    assert found.seconds == pytest.approx(measured["all"], rel=0.25)
    assert found.network_seconds == pytest.approx(measured["infer"], rel=0.25)
    assert found.memory_bytes / 1e9 == pytest.approx(measured["peak GB"], rel=0.15)


def test_a_processor_without_avx512_as_measured():
    found = estimate(work(512 * 512 * 300, 80), avx512=False)
    assert found.seconds == pytest.approx(rows("end_to_end_avx2", "profiles")["exact"]["all"], rel=0.25)


@pytest.mark.parametrize(
    ("pipeline", "engine", "precision"),
    [("exact", "openvino", "float32"), ("balanced", "openvino", "bf16"), ("exact, torch", "torch", "float32")],
)
def test_swin_unetr_as_measured(pipeline, engine, precision):
    measured = rows("inference", "pipelines")[pipeline]
    voxels = 200 * 167 * 167
    found = estimate(work(voxels, measured["windows"], "swin_unetr", engine, precision, weights=0))
    assert found.network_seconds == pytest.approx(measured["seconds"], rel=0.25)
    base = estimate(work(voxels, measured["windows"], weights=0))
    above = (found.memory_bytes - base.memory_bytes) / 1e9
    assert above == pytest.approx(measured["peak GB above the model"], rel=0.3)


def test_more_cores_are_faster_and_a_gpu_is_not_guessed():
    one, sixteen = (estimate(work(10**7, 50, "swin_unetr"), cores=n) for n in (1, 16))
    assert one.network_seconds == 16 * sixteen.network_seconds
    assert estimate(work(10**7, 50), on_cpu=False).seconds is None
    assert estimate(work(10**7, 50, "a backbone of tomorrow")).seconds is None
