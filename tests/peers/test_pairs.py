"""CLIP and SigLIP of transformers with random weights: the same features, logits and loss here, and
the same bytes back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses
from ssljax.api import load
from ssljax.hub import export_weights, import_weights
from ssljax.spec import Value
from tests.peers.test_models import randomise, to_torch
from tests.peers.test_weights import close, images, same_tensors

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

TOWER = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 56,
}
IMAGES = {**TOWER, "image_size": 32, "patch_size": 4}
END = 98  # of the vocabulary the largest, as in CLIP's
WORDS = {**TOWER, "vocab_size": 99, "max_position_embeddings": 9}
WORDS |= {"eos_token_id": END, "bos_token_id": 97, "pad_token_id": 1}
KINDS = {
    "clip": ("CLIP", {"projection_dim": 16}, {"hidden_size": 32}),
    "clip, exact gelu": ("CLIP", {"projection_dim": 16}, {"hidden_act": "gelu"}),
    "siglip": ("Siglip", {}, {}),
}


def model_of(case, tmp_path):
    """Save a model with random weights; return (model, folder)."""
    torch.manual_seed(0)
    name, fields, words = KINDS[case]
    config = getattr(transformers, f"{name}Config")(
        text_config={**WORDS, **words}, vision_config=dict(IMAGES), **fields
    )
    theirs = getattr(transformers, f"{name}Model")(config).eval()
    randomise(theirs)
    theirs.save_pretrained(tmp_path / "theirs")
    return theirs, tmp_path / "theirs"


def texts():
    """Return ids [2, 9]: a text of five ids and one of nine, with the end token and padding."""
    ids = np.array([[97, 5, 6, 7, END, 1, 1, 1, 1], [97, 8, 9, 10, 11, 12, 13, 14, END]], np.int32)
    ends = np.argmax(ids == END, axis=1)
    return ids, (np.arange(9) <= ends[:, None]).astype(np.int32)


@pytest.mark.parametrize("case", KINDS)
def test_features_logits_loss_and_bytes(case, tmp_path):
    theirs, place = model_of(case, tmp_path)
    import_weights(place, tmp_path / "run", library="hf")
    model = load(tmp_path / "run")
    x, (ids, segments) = images(), texts()
    objective, params = model.experiment.objective, model.params
    encoders = {"encoder": objective.run.encoder, "text_encoder": objective.run.encoders["text"]}
    apply = jax.jit(lambda params, x, text: _features(objective, encoders, params, x, text))
    ours = apply(params, x, Value(jnp.asarray(ids), jnp.asarray(segments)))
    with torch.no_grad():
        out = theirs(
            pixel_values=to_torch(x), input_ids=torch.from_numpy(ids).long(), return_loss=True
        )
    hidden = out.vision_model_output.last_hidden_state
    if case.startswith("clip"):
        hidden = theirs.vision_model.post_layernorm(hidden)[:, 1:]
    close(ours["image tokens"], hidden)
    seen = np.ones_like(segments) if case == "siglip" else segments
    for row, count in enumerate(seen.sum(axis=1)):
        hidden = out.text_model_output.last_hidden_state[row, :count]
        close(ours["text tokens"][row, :count], hidden)
    close(ours["image"], out.image_embeds)
    close(ours["text"], out.text_embeds)
    scale, bias = params["scale"]["value"], params.get("bias", {"value": 0.0})["value"]
    logits = jnp.exp(scale) * ours["image"] @ ours["text"].T + bias
    close(logits, out.logits_per_image)
    pair = ours["image"], ours["text"]
    temperature = jnp.exp(-scale)
    if case == "siglip":
        loss = losses.siglip(*pair, temperature=temperature, bias=bias)
    else:
        loss = losses.clip(*pair, temperature=temperature)
    close(jnp.mean(loss), out.loss)

    export_weights(tmp_path / "run", tmp_path / "back", library="hf")
    same_tensors(place, tmp_path / "back")
    again = type(theirs).from_pretrained(tmp_path / "back").eval()
    for name, value in again.named_parameters():
        assert torch.equal(value, theirs.get_parameter(name)), name


def _features(objective, encoders, params, x, text):
    """Return tokens of both encoders, and projections of unit length, of normalised images."""

    def encode(name, x, **kwargs):
        return encoders[name].apply({"params": params[name]}, x, train=False, **kwargs)

    image, text = encode("encoder", x), encode("text_encoder", text.data, segments=text.segments)
    found = {"image tokens": image.tokens, "text tokens": text.tokens}
    for name, one in (("image", image), ("text", text)):
        y, head = one.pooled, params.get(f"{name}_projector")
        if head is not None:
            y = y @ head["output"]["kernel"] + head["output"].get("bias", 0.0)
        found[name] = y / jnp.linalg.norm(y, axis=1, keepdims=True)
    return found


@pytest.mark.parametrize("case", ["clip", "siglip"])
def test_a_run_of_our_own_is_a_model_of_the_library(case, tmp_path):
    """Written without a source: from another config.json, the same features."""
    theirs, place = model_of(case, tmp_path)
    import_weights(place, tmp_path / "run", library="hf")
    (tmp_path / "run" / "imported.json").unlink()
    export_weights(tmp_path / "run", tmp_path / "back", library="hf")
    again = type(theirs).from_pretrained(tmp_path / "back").eval()
    x, (ids, _) = to_torch(images()), texts()
    asked = {"pixel_values": x, "input_ids": torch.from_numpy(ids).long()}
    with torch.no_grad():
        ours, wanted = again(**asked), theirs(**asked)
    torch.testing.assert_close(ours.logits_per_image, wanted.logits_per_image)
