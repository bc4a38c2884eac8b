import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from ssljax.evaluation.protocols import build_protocol
from ssljax.evaluation.subject import NotMeasured
from tests.evaluation.protocols.subjects import subject_of


def three_layers(images, output):
    """Noise, the pixels, and two of them; class token and mean token."""
    rows = images.reshape(len(images), -1)
    noise = jax.random.normal(jax.random.key(0), rows.shape)
    two = jnp.pad(rows[:, 20:22], ((0, 0), (0, 62)))
    mean = jnp.stack([noise, rows, two], axis=1)
    return jnp.stack([jnp.zeros_like(mean), mean], axis=2)


@pytest.mark.parametrize("probe", ["linear", "knn"])
def test_each_layer_by_itself_and_the_best_by_held_out_train(digits, probe):
    few = (digits[0][:400], digits[1][:400], digits[2][:200], digits[3][:200])
    subject = subject_of(few, encode=three_layers, outputs={"": (64,), "layers": (3, 2, 64)})
    found = build_protocol("layers", {"probe": probe, "knn_k": 5}).measure(subject)
    accuracies = [found["numbers"][f"accuracy, layer {i}"]["value"] for i in (1, 2, 3)]
    assert found["best"] == 2 and np.argmax(accuracies) == 1
    assert found["numbers"]["accuracy, best layer"]["value"] == accuracies[1] > 0.85
    assert accuracies[0] < 0.3 and accuracies[2] < 0.5
    if probe == "knn":
        rows = [(16 * x).clip(0, 255).astype(np.uint8) / 255 for x in (few[0], few[2])]
        unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in rows]

        def votes(distance):
            return np.exp((1 - distance**2 / 2) / 0.07)

        oracle = KNeighborsClassifier(5, weights=votes).fit(unit[0], few[1])
        assert accuracies[1] == pytest.approx(oracle.score(unit[1], few[3]), abs=1e-3)


def test_without_layers(digits):
    with pytest.raises(NotMeasured, match="raw input has no layers"):
        build_protocol("layers", {}).measure(subject_of(digits, "raw_input"))
