"""Waveform encoders and wav2vec 2.0's loss against transformers, with copied random weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.api import load
from ssljax.hub import export_weights, import_weights
from ssljax.losses import code_diversity, masked_contrastive
from ssljax.objectives.masked.frames import at_places, hidden_places
from tests.peers.test_models import randomise
from tests.peers.test_weights import close, same_tensors

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SMALL = {
    "conv_dim": (8,) * 7,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
QUANTIZER = {"num_codevectors_per_group": 6, "codevector_dim": 12, "proj_codevector_dim": 10}
CASES = {
    "wav2vec2": ("Wav2Vec2ForPreTraining", "Wav2Vec2Config", QUANTIZER),
    "wav2vec2 large": ("Wav2Vec2ForPreTraining", "Wav2Vec2Config", {**QUANTIZER, **LARGE}),
    "odd kernel": ("Wav2Vec2Model", "Wav2Vec2Config", {"num_conv_pos_embeddings": 5}),
    "hubert": ("HubertModel", "HubertConfig", {}),
    "hubert large": ("HubertModel", "HubertConfig", LARGE),
    "data2vec": (
        "Data2VecAudioModel",
        "Data2VecAudioConfig",
        {"num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 5},
    ),
}
WAVES = np.random.default_rng(0).normal(size=(2, 4000)).astype(np.float32)  # 12 frames
MASKED = np.zeros((2, 12), bool)
MASKED[0, [1, 2, 3, 7, 8]] = MASKED[1, [0, 4, 5, 6, 11]] = True


def imported(case, tmp_path):
    """Return a model of transformers with random weights, its folder, and what it becomes here."""
    torch.manual_seed(0)
    kind, config, fields = CASES[case]
    theirs = getattr(transformers, kind)(getattr(transformers, config)(**{**SMALL, **fields}))
    randomise(theirs.eval())
    theirs.save_pretrained(tmp_path / "theirs")
    import_weights(tmp_path / "theirs", tmp_path / "run", library="hf")
    return theirs, load(tmp_path / "run")


def nets(model, params=None):
    params = model.params if params is None else params
    return model.experiment.objective.nets(params, model.state.objective_state, train=False)[0]


@pytest.mark.parametrize("case", CASES)
def test_hidden_states_and_bytes(case, tmp_path):
    theirs, model = imported(case, tmp_path)
    base = getattr(theirs, "wav2vec2", theirs)
    net, waves = nets(model), torch.from_numpy(WAVES)
    out = base(waves)
    encoded = net.encoder(WAVES)
    close(encoded.tokens, out.last_hidden_state)
    if hasattr(out, "extract_features"):
        close(encoded.frames.normalised, out.extract_features)
    hidden = base(waves, mask_time_indices=torch.from_numpy(MASKED)).last_hidden_state
    masked = net.encoder(WAVES, masked=MASKED, mask_token=net.mask_token())
    close(masked.tokens, hidden)

    export_weights(tmp_path / "run", tmp_path / "back", library="hf")
    same_tensors(tmp_path / "theirs", tmp_path / "back")


@pytest.mark.parametrize("case", ["wav2vec2", "hubert large", "data2vec"])
def test_a_run_of_ours_is_taken_by_transformers(case, tmp_path):
    theirs, _ = imported(case, tmp_path)
    (tmp_path / "run" / "imported.json").unlink()
    export_weights(tmp_path / "run", tmp_path / "out", library="hf")
    again, notes = type(theirs).from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(notes[key] for key in ("unexpected_keys", "missing_keys", "mismatched_keys"))
    for name, value in again.named_parameters():
        assert torch.equal(value, theirs.get_parameter(name)), name
    waves = torch.from_numpy(WAVES)
    with torch.no_grad():
        assert torch.equal(again.eval()(waves)[0], theirs(waves)[0])
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path / "out")
    assert extractor.sampling_rate == 16_000 and extractor.do_normalize


@pytest.mark.parametrize("case", ["wav2vec2 large", "data2vec"])
def test_padding_is_neither_seen_nor_counted(case, tmp_path):
    """The second sound has 2,000 samples: a frame that sees padding is padding."""
    theirs, model = imported(case, tmp_path)
    base, lengths = getattr(theirs, "wav2vec2", theirs), np.array([4000, 2000])
    real = np.arange(4000) < lengths[:, None]
    out = base(torch.from_numpy(WAVES), attention_mask=torch.from_numpy(real.astype(np.int64)))
    encoded = nets(model).encoder(WAVES, segments=real.astype(np.int32))
    close(encoded.tokens[0], out.last_hidden_state[0])
    close(encoded.tokens[1, :6], out.last_hidden_state[1, :6])


def test_loss_and_gradient_of_wav2vec2(tmp_path, monkeypatch):
    theirs, model = imported("wav2vec2", tmp_path)
    rng, groups, codes = np.random.default_rng(1), 2, 6
    noise = rng.gumbel(size=(2, 12, groups, codes)).astype(np.float32)
    places = np.array(hidden_places(jnp.array(MASKED), 5))
    drawn = rng.integers(0, 4, (2, 5, 7))
    drawn += drawn >= np.arange(5)[:, None]  # among the hidden frames, never the frame itself
    indices = np.zeros((2, 12, 7), np.int64)
    for b in range(2):
        indices[b, places[b]] = places[b][drawn[b]] + 12 * b

    def gumbel_softmax(logits, tau, hard):
        soft = ((logits + torch.from_numpy(noise.reshape(-1, codes))) / tau).softmax(-1)
        chosen = torch.nn.functional.one_hot(soft.argmax(-1), codes).to(soft.dtype)
        return chosen + (soft - soft.detach())

    monkeypatch.setattr(torch.nn.functional, "gumbel_softmax", gumbel_softmax)
    theirs.quantizer.train()
    theirs.set_gumbel_temperature(1.7)
    out = theirs(
        torch.from_numpy(WAVES),
        mask_time_indices=torch.from_numpy(MASKED),
        sampled_negative_indices=torch.from_numpy(indices),
    )
    out.loss.backward()

    def loss(params):
        net = nets(model, params)
        encoded = net.encoder(WAVES, masked=MASKED, mask_token=net.mask_token())
        quantized = net.quantizer(
            at_places(encoded.frames.normalised, places),
            noise=np.take_along_axis(noise, places[:, :, None, None], 1),
            temperature=1.7,
        )
        contrast = masked_contrastive(
            net.context_projector(at_places(encoded.tokens, places)),
            net.target_projector(quantized.vectors),
            quantized.codes,
            drawn,
            temperature=0.1,
        )
        return jnp.mean(contrast) + 0.1 * code_diversity(quantized.logits)

    value, gradient = jax.jit(jax.value_and_grad(loss))(model.params)
    count = MASKED.sum()
    np.testing.assert_allclose(count * value, out.loss.item(), rtol=1e-4)
    for path, tensor in (
        (("quantizer", "codebook"), theirs.quantizer.codevectors.grad[0]),
        (("quantizer", "linear", "kernel"), theirs.quantizer.weight_proj.weight.grad.T),
        (("mask_token", "token"), theirs.wav2vec2.masked_spec_embed.grad),
    ):
        ours = gradient
        for name in path:
            ours = ours[name]
        np.testing.assert_allclose(count * ours, tensor.numpy(), atol=1e-3, rtol=1e-3)
