"""What the data are like, at hand or not."""

import pytest

from ssljax.errors import UserError
from ssljax.planning.spec import spec_of
from ssljax.training.config import complete


def _config(source: str, **data):
    return complete({"data": {"source": source, **data}})


def test_a_source_that_is_here_is_asked():
    spec = spec_of(_config("sklearn:digits"))
    assert spec.fields["image"].shape == (8, 8, 1) and spec.num_examples == 1438


def test_a_well_known_one_need_not_be_here(tmp_path):
    spec = spec_of(_config("tfds:imagenet2012", image_size=224, folder=str(tmp_path)))
    assert spec.fields["image"].shape == (224, 224, 3) and spec.num_examples == 1_281_167
    assert len(spec.fields["image"].mean) == len(spec.fields["image"].std) == 3
    spec = spec_of(_config("tfds:fashion_mnist", folder=str(tmp_path)))
    assert spec.fields["image"].shape == (28, 28, 1) and spec.num_examples == 60_000


def test_what_is_given_comes_first():
    spec = spec_of(_config("folder:/nowhere"), "256x192x4:5000")
    assert spec.fields["image"].shape == (256, 192, 4) and spec.num_examples == 5000
    assert spec_of(_config("sklearn:digits", image_size=16), "8x8x1:7").fields["image"].shape == (
        16,
        16,
        1,
    )


@pytest.mark.parametrize(
    "source, images, message",
    [
        ("tfds:imagenet2012", "", "set config.data.image_size"),
        ("tfds:unheard_of", "", "--images HEIGHTxWIDTHxCHANNELS:NUMBER"),
        ("sklearn:digits", "224", "write HEIGHTxWIDTHxCHANNELS:NUMBER"),
        ("sklearn:digits", "0x8x1:9", "write HEIGHTxWIDTHxCHANNELS:NUMBER"),
    ],
)
def test_what_is_not_known_is_asked_for(source, images, message, tmp_path):
    with pytest.raises(UserError) as error:
        spec_of(_config(source, folder=str(tmp_path)), images)
    assert message in str(error.value) and "\n" not in str(error.value)
