"""Models of videos of transformers with random weights: hidden states, predictions, loss, bytes."""

import numpy as np
import pytest

from ssljax.api import load
from ssljax.hub import export_weights, import_weights
from ssljax.ops.masking import from_masked
from tests.peers.test_models import randomise
from tests.peers.test_weights import close, encoded, same_tensors

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SMALL = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "patch_size": 4,
    "tubelet_size": 2,
}
DECODER = {
    "decoder_hidden_size": 16,
    "decoder_num_hidden_layers": 2,
    "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 64,
}
FRAMES = {"image_size": 16, "num_frames": 6, "intermediate_size": 56}
PREDICTOR = {
    "crop_size": 16,
    "frames_per_clip": 6,
    "mlp_ratio": 2.0,
    "pred_hidden_size": 16,
    "pred_num_attention_heads": 2,
    "pred_num_hidden_layers": 2,
    "pred_num_mask_tokens": 3,
}
HF = {
    "videomae": (
        "VideoMAEForPreTraining",
        "VideoMAEConfig",
        {**FRAMES, **DECODER, "use_mean_pooling": False},
    ),
    "videomae, fine-tuned": ("VideoMAEForVideoClassification", "VideoMAEConfig", FRAMES),
    "vjepa2": ("VJEPA2Model", "VJEPA2Config", PREDICTOR),
}
VIDEOS = np.random.default_rng(0).normal(size=(2, 6, 16, 16, 3)).astype(np.float32)


def saved(case, tmp_path):
    """Save a model of transformers with random weights, import it; return both."""
    torch.manual_seed(0)
    kind, config, fields = HF[case]
    theirs = getattr(transformers, kind)(getattr(transformers, config)(**SMALL, **fields)).eval()
    randomise(theirs)
    theirs.save_pretrained(tmp_path / "theirs")
    import_weights(tmp_path / "theirs", tmp_path / "run", library="hf")
    return theirs, load(tmp_path / "run")


def frames_first(x):
    """Turn videos [B, T, H, W, C] to those of PyTorch, [B, T, C, H, W]."""
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 1, 4, 2, 3)))


@pytest.mark.parametrize("case", HF)
def test_hidden_states_and_bytes(case, tmp_path):
    theirs, model = saved(case, tmp_path)
    base = theirs if case == "vjepa2" else theirs.videomae
    with torch.no_grad():
        hidden = base(frames_first(VIDEOS)).last_hidden_state
    ours = encoded(model, VIDEOS)
    close(ours.tokens, hidden)
    pooled = hidden.mean(1)
    close(ours.pooled, theirs.fc_norm(pooled) if "fine-tuned" in case else pooled)
    export_weights(tmp_path / "run", tmp_path / "back", library="hf")
    same_tensors(tmp_path / "theirs", tmp_path / "back", without=("classifier",))


@pytest.mark.parametrize("case", ["videomae", "vjepa2"])
def test_a_run_of_ours_is_taken_by_hugging_face(case, tmp_path):
    theirs, _ = saved(case, tmp_path)
    (tmp_path / "run" / "imported.json").unlink()
    export_weights(tmp_path / "run", tmp_path / "out", library="hf")
    again, notes = type(theirs).from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(notes[f"{kind}_keys"] for kind in ("unexpected", "mismatched", "missing"))
    for name, value in again.named_parameters():
        assert torch.equal(value, theirs.get_parameter(name)), name
    for key, value in theirs.config.to_dict().items():
        if key not in ("architectures", "dtype", "transformers_version", "_name_or_path"):
            assert getattr(again.config, key) == value, key


def test_predictions_and_loss_of_videomae(tmp_path):
    """The loss too: pixels of HF are those of the views, put back with ImageNet's statistics."""
    theirs, model = saved("videomae", tmp_path)
    masked = np.tile(np.arange(16) % 4 > 0, (2, 3))
    masked[1] = np.tile(np.roll(masked[0, :16], 1), 3)
    with torch.no_grad():
        out = theirs(frames_first(VIDEOS), bool_masked_pos=torch.from_numpy(masked))
    objective = model.experiment.objective
    net, _ = objective.nets(model.params, model.state.objective_state, train=False)
    mask = from_masked(masked, visible=12)
    predicted = np.asarray(net.decoder(net.encoder(VIDEOS, keep=mask.keep), mask.restore))
    close(predicted[masked].reshape(2, 36, -1), out.logits)
    loss = objective.target.loss(predicted, VIDEOS, where=masked).mean()
    assert float(loss) == pytest.approx(float(out.loss), rel=1e-4)


@pytest.mark.parametrize("kind", [0, 1])
def test_what_the_predictor_of_vjepa2_predicts(kind, tmp_path):
    theirs, model = saved("vjepa2", tmp_path)
    order = np.random.default_rng(1).permuted(np.tile(np.arange(48), (2, 1)), axis=1)
    context, targets = order[:, :20], order[:, 20:43]
    objective = model.experiment.objective
    net, _ = objective.nets(model.params, model.state.objective_state, train=False)
    whole = net.encoder(VIDEOS).tokens
    seen = np.take_along_axis(np.asarray(whole), context[..., None], axis=1)
    ours = net.predictor(seen, context, targets[:, None], kind=kind)[:, 0]
    embed = theirs.predictor.embeddings
    forward = embed.forward
    embed.forward = lambda *args: forward(*args, mask_index=kind)
    with torch.no_grad():
        out = theirs.predictor(
            torch.from_numpy(np.array(whole)),
            [torch.from_numpy(context)],
            [torch.from_numpy(targets)],
        )
    close(ours, out.last_hidden_state)


def test_the_encoder_of_vjepa2_sees_a_context_as_the_official_code_does(tmp_path):
    """Hugging Face's encoder always sees all; its blocks take the places of tokens."""
    theirs, model = saved("vjepa2", tmp_path)
    keep = np.array([[3, 40, 17, 0, 25], [47, 2, 9, 30, 31]])
    encoder = theirs.encoder
    with torch.no_grad():
        tokens = encoder.embeddings(frames_first(VIDEOS))
        index = torch.from_numpy(keep)[..., None].expand(-1, -1, tokens.shape[-1])
        tokens = torch.gather(tokens, 1, index)
        for block in encoder.layer:
            tokens = block(tokens, torch.from_numpy(keep))[0]
        tokens = encoder.layernorm(tokens)
    objective = model.experiment.objective
    net, _ = objective.nets(model.params, model.state.objective_state, train=False)
    close(net.encoder(VIDEOS, keep=keep).tokens, tokens)
