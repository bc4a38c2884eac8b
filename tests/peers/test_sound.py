"""Spectrograms, normalised waves and wav2vec 2.0's convolutions beside those of transformers."""

import numpy as np
import pytest

from ssljax.modalities import MODALITIES
from ssljax.models.stems.wave import WaveEmbed, frames
from ssljax.ops.spectrogram import spectrogram
from ssljax.spec import Field, Spectrogram

utils = pytest.importorskip("transformers.audio_utils")


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("area", [False, True])
@pytest.mark.parametrize(
    ("rate", "window", "hop", "points"), [(16000, 400, 160, 512), (8000, 200, 80, 256)]
)
def test_log_mel(scale, area, rate, window, hop, points):
    rng = np.random.default_rng(0)
    wave = (0.1 * rng.normal(size=4000)).astype(np.float32)
    filters = utils.mel_filter_bank(
        points // 2 + 1, 40, 60.0, rate / 2, rate, norm="slaney" if area else None, mel_scale=scale
    )
    expected = utils.spectrogram(
        wave,
        utils.window_function(window, "hann"),
        window,
        hop,
        fft_length=points,
        power=2.0,
        mel_filters=filters,
        mel_floor=1e-6,
        log_mel="log",
    ).T
    form = Spectrogram(bands=40, window=window, hop=hop, scale=scale, area=area)
    found = spectrogram(wave, rate=float(rate), form=form)
    np.testing.assert_allclose(found, expected[: len(found)], atol=1e-4)


def test_waves_are_normalised_as_for_wav2vec2():
    transformers = pytest.importorskip("transformers")
    waves = (0.1 * np.random.default_rng(0).normal(size=(3, 1000)) + 0.02).astype(np.float32)
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True, sampling_rate=16000)
    expected = extractor([*waves], sampling_rate=16000, return_tensors="np").input_values
    field = Field("audio", (1000,), "float32", mean=(0.0,), std=(1.0,), rate=16000.0)
    np.testing.assert_allclose(MODALITIES["audio"].plain(waves, field), expected, atol=1e-4)


def test_the_stem_is_that_of_wav2vec2():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.Wav2Vec2Config(
        conv_dim=(8,) * 7,
        hidden_size=12,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        feat_extract_norm="group",
        num_conv_pos_embedding_groups=2,
    )
    torch.manual_seed(0)
    peer = transformers.Wav2Vec2Model(config).eval()
    waves = np.random.default_rng(0).normal(size=(2, 2000)).astype(np.float32)
    with torch.no_grad():
        expected, _ = peer.feature_projection(
            peer.feature_extractor(torch.tensor(waves)).transpose(1, 2)
        )
    weights = {name: value.numpy() for name, value in peer.state_dict().items()}
    layers = "feature_extractor.conv_layers"
    params = {
        **{
            f"conv_{i}": {"kernel": weights[f"{layers}.{i}.conv.weight"].transpose(2, 1, 0)}
            for i in range(7)
        },
        "norm_0": {
            "scale": weights[f"{layers}.0.layer_norm.weight"],
            "bias": weights[f"{layers}.0.layer_norm.bias"],
        },
        "layer_norm": {
            "scale": weights["feature_projection.layer_norm.weight"],
            "bias": weights["feature_projection.layer_norm.bias"],
        },
        "linear": {
            "kernel": weights["feature_projection.projection.weight"].T,
            "bias": weights["feature_projection.projection.bias"],
        },
    }
    found, _ = WaveEmbed(8, 12, np.float32).apply({"params": params}, waves[..., None])
    assert found.shape == (2, frames(2000), 12)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)
