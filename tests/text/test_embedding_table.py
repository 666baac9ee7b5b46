"""Tables of embeddings: rows by structure, prompts as far as told, and a clear word for what they lack."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from shared_data import shared
from small_models import small_model

from omentum.anatomy import STRUCTURES
from omentum.errors import CheckpointError, InputError, UsageError
from omentum.model import save_checkpoint
from omentum.text.embedding_table import is_table, read_table, save_table
from omentum.text.structure_embeddings import embed_structures, table_embeddings

ROWS = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))


def test_rows_by_any_name_of_a_structure(tmp_path):
    names = ("Liver", "renal tumor", "celiac trunk")
    save_file(dict(zip(names, ROWS, strict=True)), tmp_path / "t.safetensors")
    found = table_embeddings(["coeliac_trunk", "liver"], tmp_path / "t.safetensors")
    assert torch.equal(found.rows, ROWS[[2, 0]])
    assert (found.prompts, found.encoder) == (("", ""), "table t.safetensors")
    assert found.sha256 == hashlib.sha256((tmp_path / "t.safetensors").read_bytes()).hexdigest()


def test_a_structure_that_a_table_lacks_is_named(tmp_path):
    save_file({"liver": ROWS[0]}, tmp_path / "t.safetensors")
    with pytest.raises(InputError, match=r"t.safetensors: has no embedding of spleen, aorta \(it has liver; or name a"):
        embed_structures(["spleen", "liver", "aorta"], str(tmp_path / "t.safetensors"))
    save_file({"liver": ROWS[0], "Liver": ROWS[1]}, tmp_path / "t.safetensors")
    with pytest.raises(InputError, match="several embeddings of liver"):
        embed_structures(["liver"], str(tmp_path / "t.safetensors"))


def test_what_is_written_is_read(tmp_path):
    keys, prompts = ["liver", "spleen", "aorta"], ["ein CT der Leber", "ein CT der Milz", "ein CT der Aorta"]
    save_table(tmp_path / "t.safetensors", keys, ROWS, prompts, "some/model")
    found = embed_structures(keys[::-1], str(tmp_path / "t.safetensors"))
    assert torch.equal(found.rows, ROWS.flip(0))
    assert (found.prompts, found.encoder) == (tuple(prompts[::-1]), "some/model")


def test_a_checkpoint_is_a_table_of_its_own_embeddings(tmp_path):
    model = small_model()
    save_checkpoint(tmp_path / "m.safetensors", model)
    found = embed_structures(["liver_tumour", "spleen"], str(tmp_path / "m.safetensors"))
    assert torch.equal(found.rows, model.text_embeddings[[2, 1]])
    assert found.prompts[1] == "A computerized tomography of a spleen"


def test_numpy_tables_name_their_rows_in_a_text_file(tmp_path):
    np.save(tmp_path / "t.npy", ROWS.numpy())
    with pytest.raises(InputError, match=r"3 rows, and nothing says of which .* in t.txt, one a line"):
        read_table(tmp_path / "t.npy")
    (tmp_path / "t.txt").write_text("liver\nspleen\naorta\n")
    assert torch.allclose(embed_structures(["aorta"], str(tmp_path / "t.npy")).rows[0], ROWS[2])
    (tmp_path / "t.txt").write_text("liver\nspleen\n")
    with pytest.raises(InputError, match="2 names for a table of the shape"):
        read_table(tmp_path / "t.npy")
    (tmp_path / "t.txt").write_text("liver\nspleen\nliver\n")
    with pytest.raises(InputError, match="names liver twice"):
        read_table(tmp_path / "t.npy")


def test_32_rows_are_those_of_the_template(tmp_path):
    np.save(tmp_path / "t.npy", np.eye(32, dtype=np.float16))
    table = read_table(tmp_path / "t.npy")
    assert tuple(table.rows) == STRUCTURES.default_keys
    assert (table.encoder, table.prompts) == ("", {})


def test_the_published_rows_are_known_by_their_content():
    path = shared("parity/clip_vit_b32_text_embeddings_32x512_float16.npy")
    found = embed_structures(["aorta", "coeliac_trunk"], str(path))
    assert found.encoder == "openai/clip-vit-base-patch32"
    assert found.prompts[0] == "A computerized tomography of a Arota"
    assert found.rows.shape == (2, 512)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array(["liver"], dtype=object), "not a table of numbers"),
        (np.eye(32, dtype=np.int64), "array of floats"),
        (np.zeros((32, 4), np.float32), "embedding of spleen is zero or not finite"),
        (np.full((32, 4), np.nan), "embedding of spleen is zero or not finite"),
        (np.zeros(32), "array of floats"),
        (np.zeros((32, 0)), "rows of one length"),
    ],
)
def test_tables_that_are_none(content, message, tmp_path):
    np.save(tmp_path / "t.npy", content, allow_pickle=True)
    with pytest.raises(InputError, match=message):
        read_table(tmp_path / "t.npy")


def test_damaged_and_missing_files(tmp_path):
    for name in ("t.npy", "t.safetensors"):
        with pytest.raises(InputError, match="no such table"):
            read_table(tmp_path / name)
        (tmp_path / name).write_bytes(b"\x80\x04junk")
        with pytest.raises((InputError, CheckpointError), match="t\\."):
            read_table(tmp_path / name)
    save_file({"embeddings": ROWS}, tmp_path / "u.safetensors", metadata={"keys": "liver"})
    with pytest.raises(InputError, match="metadata entry 'keys' is not a JSON list of texts"):
        read_table(tmp_path / "u.safetensors")
    save_file({"embeddings": ROWS}, tmp_path / "u.safetensors")
    with pytest.raises(InputError, match="no names for a table"):
        read_table(tmp_path / "u.safetensors")
    save_file({"liver": ROWS[0], "spleen": ROWS[1][:3]}, tmp_path / "u.safetensors")
    with pytest.raises(InputError, match="rows of one length"):
        read_table(tmp_path / "u.safetensors")


def test_prompts_beside_a_table_are_refused(tmp_path):
    save_table(tmp_path / "t.safetensors", ["liver"], ROWS[:1], ["x"], "")
    for how in ({"template": "V1"}, {"own_prompts": {"liver": "a liver"}}):
        with pytest.raises(UsageError, match="has prompts of its own"):
            embed_structures(["liver"], str(tmp_path / "t.safetensors"), **how)
    assert is_table("x.npy")
    assert not is_table("owner/model")
    assert not is_table(str(tmp_path))
