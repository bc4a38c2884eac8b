"""Weights in and out: random weights of transformers and timm give equal hidden states here, and
come back byte for byte."""

import json

import numpy as np
import pytest

from ssljax.api import load
from ssljax.hub import export_weights, import_weights
from ssljax.hub.files import Tensors
from tests.models.jitted import apply
from tests.peers.test_models import randomise, to_torch

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SMALL = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 4,
}
MLP = {"intermediate_size": 56}
DECODER = {
    "decoder_hidden_size": 16,
    "decoder_num_hidden_layers": 2,
    "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 64,
}
HF = {
    "dino": ("ViTModel", "ViTConfig", MLP),
    "no bias": ("ViTModel", "ViTConfig", {**MLP, "qkv_bias": False, "hidden_act": "gelu_new"}),
    "mae": ("ViTMAEForPreTraining", "ViTMAEConfig", {**MLP, **DECODER}),
    "ijepa": ("IJepaModel", "IJepaConfig", MLP),
    "dinov2": ("Dinov2Model", "Dinov2Config", {}),
    "registers": (
        "Dinov2WithRegistersModel",
        "Dinov2WithRegistersConfig",
        {"num_register_tokens": 3, "use_swiglu_ffn": True},
    ),
}


def images(size=32, channels=3):
    return np.random.default_rng(0).normal(size=(2, size, size, channels)).astype(np.float32)


def encoded(model, x):
    """Return what the encoder that an evaluation shows gives of normalised images."""
    objective, state = model.experiment.objective, model.state.objective_state
    params = {**model.params, **(state["teacher"] if objective.features_of_teacher else {})}
    stats = state["stats"].get("encoder", {})
    return apply(objective.run.encoder, params["encoder"], stats, x, train=False)[0]


def close(ours, theirs):
    np.testing.assert_allclose(np.asarray(ours), theirs.detach().numpy(), atol=1e-4, rtol=0)


def same_tensors(one, two, without=()):
    one, two = Tensors(one), Tensors(two)
    assert set(two) == {name for name in one if not name.startswith(without)}
    for name in two:
        a, b = one[name], two[name]
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes(), name


def hf(case, tmp_path):
    """Save a model of transformers with random weights; return (model, folder)."""
    torch.manual_seed(0)
    kind, config, fields = HF[case]
    theirs = getattr(transformers, kind)(getattr(transformers, config)(**SMALL, **fields)).eval()
    if case == "mae":  # a model that is not loaded has positions of zero
        theirs.vit.embeddings.patch_embeddings.projection._is_hf_initialized = False
        theirs.vit.embeddings.initialize_weights()
        theirs.decoder.initialize_weights(num_patches=64)
    randomise(theirs)
    theirs.save_pretrained(tmp_path / "theirs")
    return theirs, tmp_path / "theirs"


@pytest.mark.parametrize("case", HF)
def test_hidden_states_and_bytes_of_hugging_face(case, tmp_path):
    theirs, place = hf(case, tmp_path)
    import_weights(place, tmp_path / "run", library="hf")
    model = load(tmp_path / "run")
    x = images()
    ours = encoded(model, x)
    if case == "mae":
        theirs.config.mask_ratio = theirs.vit.config.mask_ratio = 0.0
        out = theirs.vit(to_torch(x), noise=torch.arange(64.0).expand(2, 64))
    else:
        out = theirs(to_torch(x))
    hidden = out.last_hidden_state
    first = model.experiment.objective.run.encoder
    first = int(first.class_token) + first.registers
    close(ours.tokens, hidden[:, first:])
    close(ours.pooled, hidden[:, 0] if first else hidden.mean(1))

    export_weights(tmp_path / "run", tmp_path / "back", library="hf")
    same_tensors(place, tmp_path / "back", without=("pooler",))
    again = type(theirs).from_pretrained(tmp_path / "back").eval()
    for name, value in again.named_parameters():
        if "pooler" not in name:
            assert torch.equal(value, theirs.get_parameter(name)), name


def test_what_the_decoder_of_mae_predicts(tmp_path):
    theirs, place = hf("mae", tmp_path)
    import_weights(place, tmp_path / "run", library="hf")
    model = load(tmp_path / "run")
    x, noise = images(), np.random.default_rng(1).uniform(size=(2, 64)).astype(np.float32)
    shuffled = np.argsort(noise, axis=1)
    keep, restore = shuffled[:, :16], np.argsort(shuffled, axis=1)
    net, _ = model.experiment.objective.nets(model.params, model.state.objective_state, train=False)
    predicted = net.decoder(net.encoder(x, keep=keep), restore)
    close(predicted, theirs(to_torch(x), noise=torch.from_numpy(noise)).logits)


@pytest.mark.parametrize("case", ["dino", "dinov2", "registers"])
@pytest.mark.parametrize("size", [24, 48])
def test_other_sizes_resample_positions_as_the_source_does(case, size, tmp_path):
    theirs, place = hf(case, tmp_path)
    import_weights(place, tmp_path / "run", library="hf")
    model, x = load(tmp_path / "run"), images(size)
    options = {"interpolate_pos_encoding": True} if case == "dino" else {}
    close(encoded(model, x).pooled, theirs(to_torch(x), **options).last_hidden_state[:, 0])


@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_residual_networks_of_hugging_face(block, tmp_path):
    torch.manual_seed(0)
    expansion = 4 if block == "bottleneck" else 1
    config = transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[expansion * 8 * 2**i for i in range(3)],
        depths=[1, 2, 1],
        layer_type=block,
    )
    theirs = transformers.ResNetModel(config)
    with torch.no_grad():
        theirs.train()(to_torch(images(64)))  # moves the running statistics
    theirs.eval().save_pretrained(tmp_path / "theirs")
    import_weights(tmp_path / "theirs", tmp_path / "run", library="hf")
    x = images(64)
    ours, out = encoded(load(tmp_path / "run"), x), theirs(to_torch(x))
    close(ours.pooled, out.pooler_output.flatten(1))
    close(ours.tokens, out.last_hidden_state.flatten(2).permute(0, 2, 1))
    export_weights(tmp_path / "run", tmp_path / "back", library="hf")
    same_tensors(tmp_path / "theirs", tmp_path / "back")
    again = transformers.ResNetModel.from_pretrained(tmp_path / "back").eval()
    close(ours.pooled, again(to_torch(x)).pooler_output.flatten(1))


@pytest.mark.parametrize("case", ["dino", "mae", "ijepa", "dinov2", "registers"])
def test_a_run_of_ours_is_taken_by_hugging_face(case, tmp_path):
    """Without the record of an import: names and config.json are made of the fields."""
    theirs, place = hf(case, tmp_path)
    import_weights(place, tmp_path / "run", library="hf")
    (tmp_path / "run" / "imported.json").unlink()
    export_weights(tmp_path / "run", tmp_path / "out", library="hf")
    again, notes = type(theirs).from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not notes["unexpected_keys"] and not notes["mismatched_keys"]
    assert all("pooler" in key for key in notes["missing_keys"]), notes["missing_keys"]
    for name, value in again.named_parameters():
        if "pooler" not in name:
            assert torch.equal(value, theirs.get_parameter(name)), name
    x, options = to_torch(images()), {"noise": torch.rand(2, 64)} if case == "mae" else {}
    with torch.no_grad():
        one, two = (net.eval()(x, **options) for net in (theirs, again))
    key = "logits" if case == "mae" else "last_hidden_state"
    assert torch.equal(getattr(one, key), getattr(two, key))
    kind = transformers.AutoConfig.from_pretrained(tmp_path / "out")
    assert kind.model_type == theirs.config.model_type


TIMM = {
    "token": {},
    "avg with norm": {"global_pool": "avg"},
    "avg of normed tokens": {"global_pool": "avg", "fc_norm": False},
    "no class token": {"class_token": False, "global_pool": "avg", "fc_norm": False},
    "qk_norm": {"qk_norm": True},
    "no qkv bias": {"qkv_bias": False},
    "registers": {"reg_tokens": 4, "no_embed_class": True, "init_values": 1e-5},
    "tanh": {"act_layer": "gelu_tanh"},
    "gated": {"init_values": 1e-5},
}


def timm_model(case):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    name = "vit_giant_patch14_dinov2" if case == "gated" else "vit_tiny_patch16_224"
    arguments = {
        **{"img_size": 32, "patch_size": 4, "embed_dim": 24, "depth": 2, "num_heads": 3},
        **TIMM[case],
    }
    if case == "gated":
        arguments["mlp_ratio"] = 4.0
    theirs = timm.create_model(name, num_classes=0, dynamic_img_size=True, **arguments).eval()
    randomise(theirs)
    return theirs, {"architecture": name, "num_classes": 0, "model_args": arguments}


def saved(theirs, config, place):
    from safetensors.torch import save_file

    place.mkdir()
    (place / "config.json").write_text(json.dumps(config))
    save_file(theirs.state_dict(), place / "model.safetensors")
    return place


@pytest.mark.parametrize("case", TIMM)
def test_hidden_states_and_bytes_of_timm(case, tmp_path):
    timm = pytest.importorskip("timm")
    theirs, config = timm_model(case)
    config["global_pool"] = theirs.global_pool
    place = saved(theirs, config, tmp_path / "theirs")
    import_weights(place, tmp_path / "run", library="timm")
    model, x = load(tmp_path / "run"), images()
    ours = encoded(model, x)
    hidden = theirs.forward_features(to_torch(x))
    close(ours.tokens, hidden[:, theirs.num_prefix_tokens :])
    close(ours.pooled, theirs(to_torch(x)))
    other = images(48)
    close(encoded(model, other).pooled, theirs(to_torch(other)))

    export_weights(tmp_path / "run", tmp_path / "back", library="timm")
    same_tensors(place, tmp_path / "back")
    (tmp_path / "run" / "imported.json").unlink()
    export_weights(tmp_path / "run", tmp_path / "ours", library="timm")
    for folder in ("back", "ours"):
        again = timm.create_model(f"local-dir:{tmp_path / folder}", pretrained=True).eval()
        assert torch.equal(again(to_torch(x)), theirs(to_torch(x)))


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_residual_networks_of_timm_and_torchvision(name, tmp_path):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    theirs = timm.create_model(name, num_classes=0)
    with torch.no_grad():
        theirs.train()(to_torch(images(64)))
    theirs.eval()
    place = saved(theirs, {"architecture": name, "num_classes": 0}, tmp_path / "theirs")
    file = place / "model.safetensors"
    import_weights(file, tmp_path / "run", library="timm", model=name)
    x = images(64)
    ours = encoded(load(tmp_path / "run"), x)
    scale = np.abs(theirs(to_torch(x)).detach().numpy()).max()
    assert scale < 100
    close(ours.pooled, theirs(to_torch(x)))
    export_weights(tmp_path / "run", tmp_path / "back", library="timm")
    same_tensors(place, tmp_path / "back")
    torchvision = pytest.importorskip("torchvision")
    from safetensors.torch import load_file

    other = torchvision.models.get_model(name)
    missing = other.load_state_dict(load_file(tmp_path / "back" / "model.safetensors"), False)
    assert missing.unexpected_keys == [] and set(missing.missing_keys) == {"fc.weight", "fc.bias"}
    other.fc = torch.nn.Identity()
    close(ours.pooled, other.eval()(to_torch(x)))
    again = timm.create_model(f"local-dir:{tmp_path / 'back'}", pretrained=True).eval()
    assert torch.equal(again(to_torch(x)), theirs(to_torch(x)))
