"""The files of a language model on this machine: where they are, and a hash of what they compute."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from omentum.errors import InputError, MissingDependencyError
from omentum.home import ENCODERS, home
from omentum.text.named_encoders import MINILM, full_name, named_encoders

WEIGHTS = ("model.safetensors", "open_clip_model.safetensors")
SHARDS = "model.safetensors.index.json"
PICKLED_WEIGHTS = ("pytorch_model.bin", "open_clip_pytorch_model.bin")
"""Files of PyTorch, which are only read by its restricted unpickler (`omentum.model.torch_file`)."""

OPEN_CLIP = "open_clip_config.json"
_HASHED = re.compile(r".*\.(json|txt|model|safetensors|bin|vocab|bpe)")
_NOT_HASHED = {"receipt.json", "data_config.json", "requirements.txt", "LICENSE.txt"}
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
CHUNK_BYTES = 2**20


def find_folder(encoder: str) -> Path:
    """The folder of a language model; nothing is downloaded.

    Looked up in this order: a folder of that name, the package of a named encoder, what `omentum encoders pull`
    fetched, the cache of the Hugging Face hub.

    Raises:
        InputError: It is nowhere, or the folder has no model in it.
        MissingDependencyError: The package with the model is not installed.
    """
    if Path(encoder).is_dir():
        return _with_a_model(Path(encoder), encoder)
    name = full_name(encoder)
    row = named_encoders().get(name)
    packaged = None if row is None or not row.module else importlib.util.find_spec(row.module)
    if row is not None and packaged is not None and packaged.origin is not None:
        return _with_a_model(Path(packaged.origin).parent / row.folder, name)
    for folder in (pulled_folder(name), _in_hub_cache(name)):
        if folder is not None and folder.is_dir():
            return _with_a_model(folder, name)
    if row is not None and row.package:
        raise MissingDependencyError(f"the text encoder {name} is not installed", remedy=row.remedy)
    raise _nowhere(name)


def pulled_folder(name: str) -> Path:
    """Where `omentum encoders pull` keeps a model."""
    return home() / ENCODERS / re.sub(r"[^\w.-]", "--", name)


def is_hub_id(name: str) -> bool:
    """Whether a text looks like OWNER/MODEL."""
    return _HUB_ID.fullmatch(name) is not None and not name.startswith(".")


def weights_in(folder: Path) -> Path | None:
    """The file with the weights (or the index of several): safetensors if there are any, else PyTorch's."""
    names = (*WEIGHTS, SHARDS, *PICKLED_WEIGHTS)
    return next((folder / name for name in names if (folder / name).is_file()), None)


def model_sha256(folder: Path) -> str:
    """Hash of all files that decide what the model computes: weights, configuration, vocabulary; names and content."""
    place = transformer_folder(folder)
    weights = weights_in(place)
    unused = {*WEIGHTS, *PICKLED_WEIGHTS} - {weights.name if weights is not None else ""}
    files = sorted(
        path
        for path in (*folder.glob("*"), *folder.glob("[0-9]_*/*"))
        if _HASHED.fullmatch(path.name) and path.name not in _NOT_HASHED and path.is_file()
    )
    used = [path for path in files if path.parent != place or path.name not in unused]
    return _sha256_of(folder, tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in used))


@lru_cache(maxsize=32)
def _sha256_of(folder: Path, stamps: tuple[tuple[Path, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for path, _, _ in stamps:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{digest}\n".encode())
    return whole.hexdigest()


def read_json(path: Path) -> Any:
    """A JSON file of a model; {} where it is missing.

    Raises:
        InputError: It is not JSON, or cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as fault:
        raise InputError(f"damaged: {fault}", source=path, remedy="get the model again") from fault


def _with_a_model(folder: Path, name: str) -> Path:
    nested = folder / _first_module(folder)
    if weights_in(nested) is None or not any((nested / n).is_file() for n in ("config.json", OPEN_CLIP)):
        wanted = f"config.json (or {OPEN_CLIP}) and model.safetensors"
        reason = f"not a text model: {folder if str(folder) != name else 'the folder'} holds no {wanted}"
        raise InputError(reason, source=name, remedy="give a folder with the model's files")
    return folder


def _first_module(folder: Path) -> str:
    """Where the language model of a sentence encoder is: its modules.json may name a folder in this one."""
    modules = read_json(folder / "modules.json")
    return str(modules[0].get("path", "")) if isinstance(modules, list) and modules else ""


def transformer_folder(folder: Path) -> Path:
    """The folder with the language model itself, within that of a sentence encoder."""
    return folder / _first_module(folder)


def _in_hub_cache(name: str) -> Path | None:
    """The newest snapshot of a model that another program downloaded."""
    if not is_hub_id(name) or importlib.util.find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError, ValueError):
        return None


def _nowhere(name: str) -> InputError:
    if is_hub_id(name):
        reason = "no folder of this name, and not among the models downloaded before; nothing is downloaded unasked"
        remedy = f"run `omentum encoders pull {name}` once, give a folder, or take another text encoder: {MINILM}"
    else:
        reason = "no folder of this name, and not a text encoder with a name"
        remedy = f"there are {', '.join(named_encoders())}; or give OWNER/MODEL, a folder or a table of embeddings"
    return InputError(f"not a text model that can be opened here: {reason}", source=name, remedy=remedy)
