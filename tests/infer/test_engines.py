"""One parity test for all engines, what each keeps and says, and which one is chosen."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest
import torch
from openvino_here import OPENVINO, needs_openvino
from torch import nn

from omentum.errors import CaseWarning, MissingDependencyError, UsageError
from omentum.infer.engines import Network, check_engine, choose_engine
from omentum.infer.engines.kept import keep
from omentum.infer.engines.openvino import OpenVinoEngine
from omentum.infer.engines.torch import TorchEngine

PATCH = (16, 20, 24)
DEVICES = [
    name for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())) if there
]


class Front(nn.Module):
    """A pooled feature and a map, as a model's features are."""

    def __init__(self) -> None:
        super().__init__()
        self.local = nn.Sequential(nn.Conv3d(1, 16, 3, padding=1), nn.InstanceNorm3d(16, affine=True), nn.ReLU())
        self.mix = nn.Sequential(nn.GroupNorm(4, 16), nn.Conv3d(16, 8, 1))

    def forward(self, x):
        features = self.local(x)
        return nn.functional.adaptive_avg_pool3d(features, 1).flatten(1), self.mix(features)


def back(pooled, features):
    return features[:, :3] * (1 + pooled[:, :3, None, None, None].float())


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Network(Front().eval(), back, PATCH, "front of the tests")


@pytest.fixture(scope="module")
def windows():
    return torch.rand(2, 1, *PATCH, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def expected(network, windows):
    with torch.inference_mode():
        return network.back(*network.front(windows))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("compiled")


def engine_of(name, network, precision, cache):
    if name == "openvino":
        return OpenVinoEngine(network, precision, cache)
    return TorchEngine(network, torch.device(name.removeprefix("torch ")), precision)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("name", ["torch cpu", OPENVINO, *(f"torch {device}" for device in DEVICES)])
def test_every_engine_computes_the_same(name, precision, network, windows, expected, cache):
    engine = engine_of(name, network, precision, cache)
    try:
        logits = engine(windows)
    finally:
        network.front.to("cpu", memory_format=torch.contiguous_format)
    assert logits.dtype == torch.float32
    assert logits.device.type == engine.device.type
    assert not logits.requires_grad
    tolerance = 1e-4 if engine.precision == "float32" else 0.05
    torch.testing.assert_close(logits.cpu(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", ["torch cpu", OPENVINO])
def test_the_same_window_gives_the_same_bits_and_answers_are_not_overwritten(name, network, windows, cache):
    engine = engine_of(name, network, "float32", cache)
    first = engine(windows[:1])
    kept = first.clone()
    engine(windows[1:])
    assert torch.equal(first, kept)
    assert torch.equal(engine(windows[:1]), kept)
    torch.testing.assert_close(engine(windows)[0], kept[0], rtol=0, atol=1e-5)


@needs_openvino
def test_what_was_compiled_is_used_again(network, windows, expected, tmp_path):
    OpenVinoEngine(network, "float32", tmp_path)

    def refuse(x):
        raise AssertionError("converted again")

    unusable = Network(nn.Module(), back, PATCH, network.fingerprint)
    unusable.front.forward = refuse
    torch.testing.assert_close(OpenVinoEngine(unusable, "float32", tmp_path)(windows), expected, rtol=0, atol=1e-4)


def zeros(content):
    start, stop = int(0.6 * len(content)), int(0.9 * len(content))
    return content[:start] + bytes(stop - start) + content[stop:]


def one_bit(content):
    return content[:-1000] + bytes([content[-1000] ^ 1]) + content[-999:]


@needs_openvino
@pytest.mark.parametrize(
    "damage",
    [zeros, one_bit, lambda c: c[: len(c) // 2], lambda _: b"", lambda _: b"half of it", lambda c: c + b"x"],
    ids=["zeros", "one bit", "cut", "empty", "foreign", "longer"],
)
def test_a_compiled_network_that_is_not_as_it_was_kept_is_told_of_and_made_again(
    damage, network, windows, expected, tmp_path
):
    OpenVinoEngine(network, "float32", tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    with pytest.warns(CaseWarning, match=rf"^{file.name}: .*was damaged; it is made again"):
        engine = OpenVinoEngine(network, "float32", tmp_path)
    torch.testing.assert_close(engine(windows), expected, rtol=0, atol=1e-4)
    assert list(tmp_path.iterdir()) == [file]
    assert file.stat().st_size > 1000
    OpenVinoEngine(network, "float32", tmp_path)  # pytest would make a warning an error


@needs_openvino
def test_an_intact_network_that_openvino_does_not_take_is_made_again(network, windows, expected, tmp_path):
    OpenVinoEngine(network, "float32", tmp_path)
    (file,) = tmp_path.iterdir()
    keep(memoryview(b"of another build"), file)
    torch.testing.assert_close(OpenVinoEngine(network, "float32", tmp_path)(windows), expected, rtol=0, atol=1e-4)
    assert file.stat().st_size > 1000


@pytest.mark.parametrize("name", ["torch cpu", OPENVINO])
def test_threads_that_share_an_engine_get_the_answers_to_their_own_windows(name, network, cache):
    engine = engine_of(name, network, "float32", cache)
    windows = torch.rand(4, 1, *PATCH, generator=torch.Generator().manual_seed(2)).split(1)
    alone = [engine(window) for window in windows]
    with ThreadPoolExecutor(len(windows)) as pool:
        for _ in range(25):
            assert all(torch.equal(*pair) for pair in zip(pool.map(engine, windows), alone, strict=True))


@needs_openvino
def test_threads_that_keep_the_same_network_do_not_disturb_each_other(network, windows, expected, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(lambda _: OpenVinoEngine(network, "float32", tmp_path), range(4)))
    for engine in [*engines, OpenVinoEngine(network, "float32", tmp_path)]:
        torch.testing.assert_close(engine(windows), expected, rtol=0, atol=1e-4)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing can be forked here")
@pytest.mark.parametrize("name", ["torch cpu", OPENVINO])
def test_a_process_forked_after_use_is_told_instead_of_hanging(name, network, windows, cache):
    engine = engine_of(name, network, "float32", cache)
    engine(windows)

    def uses(pipe):
        for use in (lambda: engine(windows), lambda: engine_of(name, network, "float32", cache)):
            try:
                use()
                pipe.send("computed")
            except UsageError as fault:
                pipe.send(str(fault))

    ours, theirs = get_context("fork").Pipe()
    child = get_context("fork").Process(target=uses, args=(theirs,))
    child.start()
    try:
        for _ in range(2):
            assert ours.poll(60), "the child hangs"
            assert re.search(r"forked after its parent had .*get_context\(\"spawn\"\)", ours.recv())
    finally:
        child.kill()
        child.join()


@needs_openvino
def test_nobody_is_told_that_openvino_is_used():
    """In a fresh interpreter: what another test has imported cannot be kept silent any more."""
    code = """import sys
from omentum.infer.engines.openvino import import_openvino
import_openvino()
print(sys.modules["openvino_telemetry"])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"


@needs_openvino
@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
def test_a_signal_after_two_engines_is_handled():
    """A core that is destroyed can leave its thread without a signal stack; Ctrl-C would then be a crash."""
    code = """import signal, torch
from omentum.infer.engines.network import Network
from omentum.infer.engines.openvino import OpenVinoEngine
network = Network(torch.nn.Conv3d(1, 1, 1), lambda logits: logits, (8, 8, 8), "")
first, second = OpenVinoEngine(network), OpenVinoEngine(network)
del first
del second
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
signal.raise_signal(signal.SIGUSR1)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr


def test_without_openvino_the_extra_is_named_and_torch_takes_over(network, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingDependencyError, match=r"omentum\[cpu\]"):
        choose_engine(network, torch.device("cpu"), name="openvino")
    monkeypatch.setattr("omentum.infer.engines.choose.find_spec", lambda name: None)
    assert choose_engine(network, torch.device("cpu")).name == "torch"


@needs_openvino
def test_auto_is_openvino_where_it_can_be(network, tmp_path, monkeypatch):
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path))
    cpu = torch.device("cpu")
    assert choose_engine(network, cpu).name == "openvino"
    assert len(list((tmp_path / "openvino").iterdir())) == 1
    assert choose_engine(network, cpu, name="torch").name == "torch"
    assert choose_engine(Network(network.front, back, PATCH), cpu).name == "torch"


@needs_openvino
def test_a_network_that_openvino_cannot_take_runs_in_torch_and_its_user_is_told(windows, tmp_path, monkeypatch):
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path))

    class Undecided(nn.Module):
        def forward(self, x):
            return (x if x.sum() > 0 else -x,)

    network = Network(Undecided(), lambda x: x, PATCH, "undecided")
    with pytest.warns(CaseWarning, match="OpenVINO cannot run this network"):
        engine = choose_engine(network, torch.device("cpu"))
    assert torch.equal(engine(windows), windows)


@pytest.mark.parametrize(("name", "device", "match"), [("tvm", "cpu", "tvm"), ("openvino", "cuda", "not on cuda")])
def test_an_impossible_choice_is_refused(name, device, match):
    with pytest.raises(UsageError, match=match):
        check_engine(name, torch.device(device))
