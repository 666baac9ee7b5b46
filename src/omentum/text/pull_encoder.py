"""Download of a language model from the Hugging Face hub, once and only when asked for.

Only configuration, vocabulary and weights are fetched, never code. Weights of PyTorch are converted to safetensors by
the restricted unpickler; the original is removed. HF_ENDPOINT names another server, as for other programs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from omentum.atomic import replacing_by_name, write_json
from omentum.errors import InputError, MissingDependencyError, OutputError, UsageError
from omentum.home import HOME_VARIABLE
from omentum.model.downloads.address import check_address
from omentum.model.torch_file import read_torch_file
from omentum.text.model_folder import PICKLED_WEIGHTS, SHARDS, WEIGHTS, find_folder, is_hub_id, pulled_folder
from omentum.text.named_encoders import full_name, named_encoders
from omentum.text.open_network import open_network

HUB = "https://huggingface.co"
RECEIPT = "receipt.json"
_VOCABULARY = (".json", ".txt", ".model")
_NO_VOCABULARY = ("README", "LICENSE", "requirements", "train", "data_config", "eval", "onnx", "openvino")
_SAFE_NAME = {
    "pytorch_model.bin": "model.safetensors",
    "open_clip_pytorch_model.bin": "open_clip_model.safetensors",
}


@dataclass(frozen=True)
class EncoderReceipt:
    """What was downloaded; kept beside the model.

    Args:
        name: OWNER/MODEL.
        server: Where from.
        commit: Version of the repository.
        date: ISO 8601, UTC.
        files: Names of the files.
    """

    name: str
    server: str
    commit: str
    date: str
    files: tuple[str, ...]


def pull_encoder(name: str, revision: str = "main") -> Path:
    """Download a text model; later calls return at once and need no network.

    Args:
        name: A name or short name of `omentum encoders list`, or OWNER/MODEL.
        revision: Branch, tag or commit.

    Returns:
        The folder.

    Raises:
        UsageError: Not the name of a model.
        MissingDependencyError: transformers is not installed, or the model comes with a package.
        InputError: The server refuses or is not reached, or the model is not usable as a text encoder.
        OutputError: No room, or no right to write.
    """
    name = full_name(name)
    row = named_encoders().get(name)
    if row is not None and row.package:
        return find_folder(name)
    if not is_hub_id(name):
        known = ", ".join(named_encoders())
        raise UsageError("not the name of a text model", source=name, remedy=f"OWNER/MODEL, or one of {known}")
    folder = pulled_folder(name)
    if (folder / RECEIPT).is_file():
        return folder
    _need_the_hub(name)
    from filelock import FileLock

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            return folder if (folder / RECEIPT).is_file() else _fetch(name, revision, folder)
    except OSError as fault:
        remedy = f"{HOME_VARIABLE} names another folder"
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=folder, remedy=remedy) from fault


def pulled_encoders() -> list[Path]:
    """Folders of downloaded text models."""
    return sorted(path.parent for path in pulled_folder("x").parent.glob(f"*/{RECEIPT}"))


def _fetch(name: str, revision: str, folder: Path) -> Path:
    """Download to a folder beside the final one, which survives interruptions; check the model; rename."""
    from huggingface_hub import HfApi, snapshot_download

    server = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    check_address(server)
    part = folder.with_name(f".{folder.name}.part")
    with _explained(name, server):
        about = HfApi(endpoint=server).model_info(name, revision=revision)
        files = wanted_files([one.rfilename for one in about.siblings or ()], name)
        commit = str(about.sha)
        snapshot_download(
            name, revision=commit, local_dir=part, allow_patterns=list(files), endpoint=server, max_workers=4
        )
    shutil.rmtree(part / ".cache", ignore_errors=True)
    for pickled in [path for path in part.iterdir() if path.name in PICKLED_WEIGHTS]:
        _convert(pickled)
    open_network(part, name).embed("A computerized tomography of a liver")
    note = EncoderReceipt(name, server, commit, datetime.now(UTC).isoformat(timespec="seconds"), tuple(files))
    write_json(part / RECEIPT, asdict(note))
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return folder


def wanted_files(files: Sequence[str], name: str) -> list[str]:
    """Of the files of a repository, those that a text encoder needs.

    Raises:
        InputError: There are no weights that can be read.
    """
    top = [file for file in files if "/" not in file]
    weights = [file for file in top if file in WEIGHTS][:1]
    if not weights and SHARDS in top:
        weights = [file for file in top if file.startswith("model-") and file.endswith(".safetensors")]
    weights = weights or [file for file in top if file in PICKLED_WEIGHTS][:1]
    if not weights:
        raise InputError(f"has no weights that can be read: {', '.join((*WEIGHTS, *PICKLED_WEIGHTS))}", source=name)
    modules = [f for f in files if f.count("/") == 1 and f.endswith(("/config.json", "_Dense/model.safetensors"))]
    modules = [f for f in modules if f.split("_")[0].isdigit()]
    words = [f for f in top if f.endswith(_VOCABULARY) and not f.startswith(_NO_VOCABULARY)]
    return sorted({*weights, *modules, *words})


def _convert(pickled: Path) -> None:
    from safetensors.torch import save_file

    state = read_torch_file(pickled, containers=("state_dict",))
    with replacing_by_name(pickled.with_name(_SAFE_NAME[pickled.name])) as partial:
        apart = {key: tensor.clone().contiguous() for key, tensor in state.items()}  # no two may share memory
        save_file(apart, partial, metadata={"format": "pt"})
    pickled.unlink()


def _need_the_hub(name: str) -> None:
    from importlib.util import find_spec

    if find_spec("huggingface_hub") is None or find_spec("transformers") is None:
        reason = f"to download the text encoder {name}, transformers is needed"
        raise MissingDependencyError(reason, remedy="pip install 'omentum[text]'")


@contextmanager
def _explained(name: str, server: str) -> Iterator[None]:
    """Faults of the hub's client as one line; those of the disk pass."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except OfflineModeIsEnabled as fault:
        raise InputError("HF_HUB_OFFLINE forbids any download", source=name, remedy="unset it") from fault
    except GatedRepoError as fault:
        remedy = "accept its terms on its page, log in with `hf auth login`"
        raise InputError(f"{server} gives it to registered users only", source=name, remedy=remedy) from fault
    except (RepositoryNotFoundError, RevisionNotFoundError) as fault:
        raise InputError(f"{server} has no such model or version", source=name, remedy="check its name") from fault
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError) as fault:
        raise _stopped(name, server, fault) from fault
    except OSError as fault:
        if fault.filename is not None:
            raise
        raise _stopped(name, server, fault) from fault
    except Exception as fault:
        if not type(fault).__module__.startswith(("httpx", "httpcore", "requests", "urllib3", "huggingface_hub")):
            raise
        raise _stopped(name, server, fault) from fault


def _stopped(name: str, server: str, fault: Exception) -> InputError:
    said = next(iter(str(fault).strip().splitlines()), type(fault).__name__)
    return InputError(
        f"cannot be fetched from {server}: {said[:200]}", source=name, remedy="try again; what is complete is kept"
    )
