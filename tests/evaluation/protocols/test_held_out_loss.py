import math

import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.evaluation.protocols import build_protocol
from ssljax.evaluation.subject import Examples, NotMeasured, Subject
from ssljax.spec import Field

TEXT = Field("text", (3,), "int32", vocab=9, ragged=True)
SUMS = np.array([[2.0, 1], [0, 0], [6, 3], [4, 2]], np.float32)  # losses, and how many


def subject(outputs=("losses/text",), parts=("train", "test")):
    def read(part, **options):
        yield {"id": np.arange(4), "valid": np.ones(4, bool)}

    def encode(batch, output, transform, seed):
        assert output == "losses/text"
        return jnp.asarray(SUMS)

    examples = Examples({"text": TEXT}, dict.fromkeys(parts, 4), read, lambda part: None)
    shapes = {"": (4,)} | dict.fromkeys(outputs, (2,))
    return Subject("pretrained", examples, encode, shapes, fields={"text": TEXT})


def test_the_mean_is_over_tokens_and_not_over_texts():
    found = build_protocol("held_out_loss", {}).measure(subject())
    loss, perplexity = found["numbers"].values()
    assert loss["value"] == 12 / 6 and loss["better"] == "lower"
    assert loss["interval"] == [2.0, 2.0] or loss["interval"][0] <= 2 <= loss["interval"][1]
    assert perplexity["value"] == pytest.approx(math.exp(2))
    assert (found["tokens"], found["texts"]) == (6, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"outputs": ()}, "predicts no words"), ({"parts": ("train",)}, "a test split")],
)
def test_where_it_makes_no_sense(options, message):
    with pytest.raises(NotMeasured, match=message):
        build_protocol("held_out_loss", {}).measure(subject(**options))
