"""AST of transformers with random weights: equal hidden states, and the same bytes back."""

import numpy as np
import pytest

from ssljax.api import load
from ssljax.hub import export_weights, import_weights
from tests.models.jitted import apply
from tests.peers.test_models import randomise
from tests.peers.test_weights import close, same_tensors

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SMALL = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 56,
    "patch_size": 4,
    "time_stride": 2,
    "frequency_stride": 3,
    "max_length": 16,
    "num_mel_bins": 10,
}


@pytest.mark.parametrize("kind", ["ASTModel", "ASTForAudioClassification"])
def test_hidden_states_and_bytes(kind, tmp_path):
    torch.manual_seed(0)
    theirs = getattr(transformers, kind)(transformers.ASTConfig(**SMALL, num_labels=3)).eval()
    randomise(theirs)
    theirs.save_pretrained(tmp_path / "theirs")
    import_weights(tmp_path / "theirs", tmp_path / "run", library="hf")
    model = load(tmp_path / "run")
    x = np.random.default_rng(0).normal(size=(2, 16, 10)).astype(np.float32)
    encoder = model.experiment.objective.run.encoder
    ours, _ = apply(encoder, model.params["encoder"], {}, x, train=False)
    base = getattr(theirs, "audio_spectrogram_transformer", theirs)
    with torch.no_grad():
        out = base(torch.from_numpy(x))
    close(ours.pooled, out.pooler_output)
    patches = out.last_hidden_state[:, 2:].reshape(2, 3, 7, 24).transpose(1, 2)
    close(ours.tokens, patches.reshape(2, 21, 24))

    export_weights(tmp_path / "run", tmp_path / "back", library="hf")
    same_tensors(tmp_path / "theirs", tmp_path / "back", without=("classifier",))
    again = type(theirs).from_pretrained(tmp_path / "back").eval()
    for name, value in again.named_parameters():
        if not name.startswith("classifier"):
            assert torch.equal(value, theirs.get_parameter(name)), name
