import math

import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.evaluation.protocols import build_protocol
from ssljax.evaluation.subject import Examples, NotMeasured, Subject
from ssljax.spec import Field, Value

TEXT = Field("text", (4,), "int32", vocab=9, ragged=True, special=(("cls", 0),))
SUMS = np.array([[2.0, 1], [0, 0], [6, 3], [4, 2]], np.float32)  # losses, and how many
ASKED = np.array([[3, -1, -1], [-1, -1, -1], [3, 3, 5], [8, 5, -1]])
# The ids 3 four times, 5 twice, the special 0 often; the last of each row is padding.
TRAIN = np.array([[0, 3, 3, 8], [0, 5, 5, 8], [0, 3, 0, 8], [0, 0, 3, 8]])


def subject(outputs=("losses/text", "predicted/text"), parts=("train", "test")):
    def read(part, order=None, **options):
        assert options.get("also") in ((), ("text",), ("text", "text"))
        text = Value(TRAIN, np.broadcast_to([1, 1, 1, 0], TRAIN.shape))
        yield {"id": np.arange(4), "valid": np.ones(4, bool), "text": text}

    def encode(batch, output, transform, seed):
        return jnp.asarray({"losses/text": SUMS, "predicted/text": ASKED}[output])

    examples = Examples({"text": TEXT}, dict.fromkeys(parts, 4), read, lambda part: None)
    shapes = {"": (4,)} | dict.fromkeys(outputs, (2,))
    return Subject("pretrained", examples, encode, shapes, fields={"text": TEXT})


def test_the_mean_is_over_tokens_and_not_over_texts():
    found = build_protocol("held_out_loss", {}).measure(subject())
    loss, perplexity, _ = found["numbers"].values()
    assert loss["value"] == 12 / 6 and loss["better"] == "lower"
    assert loss["interval"] == [2.0, 2.0] or loss["interval"][0] <= 2 <= loss["interval"][1]
    assert perplexity["value"] == pytest.approx(math.exp(2))
    assert (found["tokens"], found["texts"]) == (6, 4)


def test_unigrams_are_of_the_predicted_tokens():
    """Of train the ids 3, 4 times, and 5, twice, count; 0 is special and never predicted."""
    found = build_protocol("held_out_loss", {}).measure(subject())
    chances = {3: 5 / 15, 5: 3 / 15, 8: 1 / 15}  # 6 tokens and 9 ids
    loss = -np.mean([math.log(chances[one]) for one in (3, 3, 3, 5, 8, 5)])
    assert found["numbers"]["unigrams, nats per token"]["value"] == pytest.approx(loss)
    assert found["notes"] == ["50.0% of 12 tokens of test are predicted"]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"outputs": ()}, "predicts no words"), ({"parts": ("train",)}, "a test split")],
)
def test_where_it_makes_no_sense(options, message):
    with pytest.raises(NotMeasured, match=message):
        build_protocol("held_out_loss", {}).measure(subject(**options))
