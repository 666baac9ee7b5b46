"""The estimates against the benchmarks that they are made of."""

import json
from pathlib import Path

import pytest

from omentum.doctor.estimate import NetworkPass, Workload, estimate
from omentum.infer.windows import plan_windows

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
DEFAULT_BYTES = 15_000_000


def rows(name, table):
    content = json.loads((RESULTS / f"{name}.json").read_text())["tables"][table]
    return {row[0]: dict(zip(content["columns"], row, strict=True)) for row in content["rows"]}


def work(voxels, windows, backbone="residual_unet", engine="openvino", precision="float32", weights=DEFAULT_BYTES):
    return Workload(voxels, (NetworkPass(backbone, windows, 96**3),), weights, engine, precision)


def windows_of_default(slices):
    """Of the first pass, at 3 mm: the CT of end_to_end.py is 420 mm wide, of slices of 1 mm."""
    return len(plan_windows((140, 140, slices // 3), (96, 96, 96)))


@pytest.mark.parametrize(
    ("name", "slices", "profile"),
    [("end_to_end", 300, "exact"), ("end_to_end", 300, "balanced"), ("end_to_end_long", 800, "exact")],
)
def test_the_first_pass_of_the_bundled_model_as_measured(name, slices, profile):
    measured = rows(name, "profiles")[profile]
    precision = measured["engine"].split()[1]
    found = estimate(work(512 * 512 * slices, windows_of_default(slices), precision=precision))
    assert found.seconds == pytest.approx(measured["all"], rel=0.25)
    assert found.network_seconds == pytest.approx(measured["infer"], rel=0.25)
    assert found.memory_bytes / 1e9 == pytest.approx(measured["peak GB"], rel=0.15)


def test_a_processor_without_avx512_as_measured():
    found = estimate(work(512 * 512 * 300, windows_of_default(300)), avx512=False)
    assert found.seconds == pytest.approx(rows("end_to_end_avx2", "profiles")["exact"]["all"], rel=0.25)


def test_both_passes_on_the_demo_as_measured():
    """By hand, see docs/model-card.md: 13.4 s without the second pass, 17.5 s with its 57 windows."""
    first, second = NetworkPass("residual_unet", 16, 96**3), NetworkPass("organ_unet", 57, 64**3)
    alone, both = (
        estimate(Workload(253 * 218 * 225, passes, 20_879_412, "openvino", "float32"))
        for passes in ((first,), (first, second))
    )
    assert alone.seconds == pytest.approx(13.4, rel=0.1)
    assert both.seconds == pytest.approx(17.5, rel=0.1)
    assert both.network_seconds - alone.network_seconds == pytest.approx(4.1, rel=0.1)
    assert alone.memory_bytes / 1e9 == pytest.approx(1.00, rel=0.2)
    assert both.memory_bytes == alone.memory_bytes  # the second network needs less than the first


@pytest.mark.parametrize(
    ("name", "precision", "first", "second"),
    [("openvino", "float32", 0.540, 0.126), ("openvino", "bf16", 0.702, 0.206), ("torch", "float32", 0.728, 0.201)],
)
def test_a_window_of_each_network_of_the_bundled_model_as_measured(name, precision, first, second):
    """By hand, 2026-11-30, as in benchmarks/second_pass.py: seconds on one thread, two cores take half."""
    found = [
        estimate(work(0, 100, backbone, name, precision)).network_seconds / 100
        for backbone in ("residual_unet", "organ_unet")
    ]
    assert found[0] == pytest.approx(first / 2, rel=0.05)
    # That of the second holds all else that its pass needs, too.
    assert found[1] == pytest.approx(second / 2 * 96**3 / 64**3, rel=0.15)


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
