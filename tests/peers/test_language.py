"""Language models of transformers with random weights: hidden states, scores, loss and bytes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.api import load
from ssljax.hub import export_weights, import_weights
from ssljax.losses import causal_lm, masked_lm, next_sentence, replaced_token
from ssljax.objectives.language.masked_words import vocabulary
from ssljax.spec import Value
from tests.peers.test_models import randomise
from tests.peers.test_weights import close, same_tensors

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

VOCAB, LENGTH = 40, 12
SMALL = {
    "vocab_size": VOCAB,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 56,
}
PLAIN = {**SMALL, "max_position_embeddings": 16}
OFFSET = {**SMALL, "max_position_embeddings": 18, "pad_token_id": 1}
ESM = {**OFFSET, "mask_token_id": 32, "token_dropout": False}
HF = {
    "bert": ("BertForPreTraining", "BertConfig", PLAIN),
    "roberta": ("RobertaForMaskedLM", "RobertaConfig", {**OFFSET, "type_vocab_size": 1}),
    "albert": ("AlbertForPreTraining", "AlbertConfig", {**PLAIN, "embedding_size": 8}),
    "electra": ("ElectraForPreTraining", "ElectraConfig", {**PLAIN, "embedding_size": 8}),
    "electra, one width": (
        "ElectraForPreTraining",
        "ElectraConfig",
        {**PLAIN, "embedding_size": 24, "hidden_act": "gelu_new"},
    ),
    "esm": ("EsmForMaskedLM", "EsmConfig", {**ESM, "position_embedding_type": "rotary"}),
    "esm1b": (
        "EsmForMaskedLM",
        "EsmConfig",
        {**ESM, "position_embedding_type": "absolute", "emb_layer_norm_before": True}
        | {"token_dropout": True},
    ),
    "gpt2": (
        "GPT2LMHeadModel",
        "GPT2Config",
        {"vocab_size": VOCAB, "n_embd": 24, "n_layer": 2, "n_head": 2, "n_positions": 16},
    ),
}
COUNTS = np.array([LENGTH, 7, 3])
rng = np.random.default_rng(0)
# None is padding of RoBERTa (1), which its positions count by.
IDS = rng.integers(5, VOCAB, (3, LENGTH)).astype(np.int32)
REAL = np.arange(LENGTH) < COUNTS[:, None]
TYPES = np.where(np.arange(LENGTH) >= COUNTS[:, None] // 2, 1, 0) * REAL
TARGETS = REAL & (rng.random((3, LENGTH)) < 0.5)
TARGETS[:, 1] = True


def saved(case, tmp_path):
    """Save a model of transformers with random weights; return it."""
    torch.manual_seed(0)
    kind, config, fields = HF[case]
    theirs = getattr(transformers, kind)(getattr(transformers, config)(**fields)).eval()
    randomise(theirs)
    theirs.tie_weights()
    theirs.save_pretrained(tmp_path / "theirs")
    return theirs


def labels_of(where, ids=IDS):
    return torch.from_numpy(np.where(where, ids, -100).astype(np.int64))


def mean(losses, counts):
    return float(np.sum(np.asarray(losses) * counts) / np.sum(counts))


@pytest.mark.parametrize("case", HF)
def test_hidden_states_scores_loss_and_bytes(case, tmp_path):
    theirs = saved(case, tmp_path)
    ids = IDS if case != "roberta" else np.where(REAL, IDS, 1)
    if case == "esm1b":  # whose other tokens are scaled by how many are hidden
        ids = np.where(IDS == 32, 31, IDS)
        ids[:, 1], ids[0, 4] = 32, 32
    asked = {
        "input_ids": torch.from_numpy(ids.astype(np.int64)),
        "attention_mask": torch.from_numpy(REAL.astype(np.int64)),
        "output_hidden_states": True,
    }
    if case in ("bert", "albert") or case.startswith("electra"):
        asked["token_type_ids"] = torch.from_numpy(TYPES.astype(np.int64))
    false = np.array([True, False, True])
    if case in ("bert", "albert"):
        asked["labels"] = labels_of(TARGETS)
        key = "next_sentence_label" if case == "bert" else "sentence_order_label"
        asked[key] = torch.from_numpy(false.astype(np.int64))
    elif case.startswith("electra"):
        asked["labels"] = torch.from_numpy(TARGETS.astype(np.int64))
    elif case == "gpt2":
        asked["labels"] = labels_of(REAL)
    else:
        asked["labels"] = labels_of(TARGETS)
    out = theirs(**asked)

    import_weights(tmp_path / "theirs", tmp_path / "run", library="hf")
    model = load(tmp_path / "run")
    net, _ = model.experiment.objective.nets(model.params, model.state.objective_state, train=False)
    given = {"types": jnp.asarray(TYPES)} if "token_type_ids" in asked else {}
    tokens = jax.jit(lambda x: net.encoder(x, **given).tokens)(Value(ids, REAL.astype(np.int32)))
    hidden = out.hidden_states[-1]
    for row, count in enumerate(COUNTS):
        close(tokens[row, :count], hidden[row, :count])

    rows = vocabulary(net)
    if case.startswith("electra"):
        scores = net.replaced(tokens)
        for row, count in enumerate(COUNTS):
            close(scores[row, :count], out.logits[row, :count])
        losses = replaced_token(scores, jnp.asarray(TARGETS), where=jnp.asarray(REAL))
        loss = mean(losses, COUNTS)
    elif case == "gpt2":
        scores = tokens @ rows.T
        for row, count in enumerate(COUNTS):
            close(scores[row, :count], out.logits[row, :count])
        segments = jnp.asarray(REAL.astype(np.int32))
        losses = causal_lm(tokens, rows, jnp.asarray(ids), segments=segments, block=5)
        loss = mean(losses, COUNTS - 1)
    else:
        features, bias = net.words(tokens)
        scores = features @ rows.T + bias
        logits = out.prediction_logits if case in ("bert", "albert") else out.logits
        for row, count in enumerate(COUNTS):
            close(scores[row, :count], logits[row, :count])
        losses = masked_lm(
            features, rows, jnp.asarray(IDS), where=jnp.asarray(TARGETS), bias=bias, block=5
        )
        loss = mean(losses, TARGETS.sum(axis=1))
        if case in ("bert", "albert"):
            pair = net.sentences(net.pooler(tokens[:, 0]))
            close(pair, out.sop_logits if case == "albert" else out.seq_relationship_logits)
            loss += float(jnp.mean(next_sentence(pair, jnp.asarray(false))))
    assert loss == pytest.approx(out.loss.item(), abs=1e-4)

    export_weights(tmp_path / "run", tmp_path / "back", library="hf")
    # The frequencies of rotary positions are computed; transformers saves them too.
    without = ("esm.contact_head", "esm.encoder.layer.*.attention.self.rotary_embeddings")
    same_tensors(tmp_path / "theirs", tmp_path / "back", without=without)
    again = type(theirs).from_pretrained(tmp_path / "back").eval()
    for name, value in again.named_parameters():
        if "contact_head" not in name:
            assert torch.equal(value, theirs.get_parameter(name)), name


@pytest.mark.parametrize("case", ["bert", "roberta", "albert", "electra", "esm1b", "gpt2"])
def test_a_run_of_ours_is_read_by_transformers(case, tmp_path):
    """Without a record of a source, the config.json is ours."""
    saved(case, tmp_path)
    import_weights(tmp_path / "theirs", tmp_path / "run", library="hf")
    (tmp_path / "run/imported.json").unlink()
    export_weights(tmp_path / "run", tmp_path / "out", library="hf")
    model = load(tmp_path / "run")
    loaded, told = getattr(transformers, HF[case][0]).from_pretrained(
        tmp_path / "out", output_loading_info=True
    )
    assert not [one for one in told["missing_keys"] if "contact_head" not in one]
    asked = {"input_ids": torch.from_numpy(IDS[:1].astype(np.int64)), "output_hidden_states": True}
    hidden = loaded.eval()(**asked).hidden_states[-1]
    net, _ = model.experiment.objective.nets(model.params, model.state.objective_state, train=False)
    close(net.encoder(Value(IDS[:1], np.ones((1, LENGTH), np.int32))).tokens, hidden)
