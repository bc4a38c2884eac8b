"""The tokenizer and the pooling of an imported run of texts: those of the folder."""

import json
import shutil

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

import ssljax
from ssljax.data.tokenizers import AminoAcids, open_tokenizer
from ssljax.errors import UserError
from ssljax.hub import import_weights
from ssljax.hub.families import FAMILIES
from ssljax.hub.flat import flat
from ssljax.hub.table import pairs
from tests.hub.test_text_tables import RUNS, objective_of

VOCAB = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnop", "##a", "##b", "##c")


def saved(folder, name, **changes):
    """Write a model of random numbers as Hugging Face has it."""
    objective, family = objective_of(name), FAMILIES["hf"][name]
    shapes, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), shapes)
    arrays = flat({part: params[part] for part in RUNS[name][2]}, {})
    rows = pairs(family.rows, list(arrays))
    folder.mkdir()
    config = family.write(objective.run.encoder, objective, 0) | changes
    (folder / "config.json").write_text(json.dumps(config))
    save_file({row.theirs: row.store(arrays, 1) for row in rows}, folder / "model.safetensors")
    return folder


def test_a_vocabulary_by_itself_becomes_the_tokenizer_of_the_run(tmp_path):
    folder, run = saved(tmp_path / "theirs", "bert"), tmp_path / "run"
    (folder / "vocab.txt").write_text("\n".join(VOCAB))
    import_weights(folder, run, library="hf")
    shutil.rmtree(folder)
    assert (run / "tokenizer.json").exists()
    (ids,) = open_tokenizer(f"json:{run}/tokenizer.json").encode(["A bab q"])
    assert ids.tolist() == [2, 5, 6, 21, 22, 1, 3]
    model = ssljax.load(run)
    found = model.embed(text=["a bab", "b"])
    assert found.shape == (2, 16) and np.isfinite(found).all()
    assert not np.allclose(found[0], found[1])


def test_the_vocabulary_of_esm_is_that_of_amino_acids(tmp_path):
    folder, run = saved(tmp_path / "theirs", "esm"), tmp_path / "run"
    (folder / "vocab.txt").write_text("\n".join(AminoAcids.names))
    import_weights(folder, run, library="hf")
    assert ssljax.load(run).config.data.tokenizer == "amino_acids"


def test_what_is_no_vocabulary_is_refused_and_leaves_nothing(tmp_path):
    folder = saved(tmp_path / "theirs", "bert")
    (folder / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(UserError, match="vocab.txt is no vocabulary of WordPiece"):
        import_weights(folder, tmp_path / "run", library="hf")
    assert not (tmp_path / "run").exists()


def test_the_pooling_of_sentence_transformers(tmp_path):
    """The mean of the tokens that are no padding, and texts of at most 8 tokens."""
    folder, run = saved(tmp_path / "theirs", "bert"), tmp_path / "run"
    (folder / "vocab.txt").write_text("\n".join(VOCAB))
    (folder / "1_Pooling").mkdir()
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 8}))
    modes = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
    import_weights(folder, run, library="hf")
    model = ssljax.load(run)
    assert (model.config.encoder.pool, model.config.data.length) == ("mean", 8)
    tokens, found = model.tokens(text=["a b", "a b c d"]), model.embed(text=["a b", "a b c d"])
    np.testing.assert_allclose(found[0], tokens[0, :4].mean(axis=0), atol=1e-5)
    modes = {"pooling_mode_max_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
    with pytest.raises(UserError, match="asks for the pooling pooling_mode_max_tokens"):
        import_weights(folder, tmp_path / "other", library="hf")
