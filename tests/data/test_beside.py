"""Sets of different fields side by side: which examples stand together, and what is refused."""

import numpy as np
import pytest

from ssljax.data import Beside, Pipeline, measured_spec, open_source
from ssljax.errors import UserError
from ssljax.training.config import complete
from ssljax.training.consistency import require_consistent
from ssljax.training.data_sets import open_training_data


def sets(folder, counts=(7, 3)):
    pixels = np.arange(counts[0], dtype=np.uint8)[:, None, None, None]
    pixels = np.broadcast_to(pixels, (counts[0], 4, 4, 1))
    np.savez(folder / "images.npz", image=pixels, label=np.arange(counts[0]) % 2)
    series = np.broadcast_to(np.arange(counts[1])[:, None, None], (counts[1], 5, 1))
    labels = np.zeros(counts[1], int)
    np.savez(folder / "series.npz", series=series.astype(np.float32), label=labels)
    return [open_source(f"npz:{folder / name}.npz") for name in ("images", "series")]


@pytest.mark.parametrize("counts", [(7, 3), (3, 7)])
def test_each_set_is_gone_through_by_itself(tmp_path, counts):
    both = Beside(sets(tmp_path, counts))
    assert len(both) == 7 and set(both.fields) == {"image", "series", "label"}
    assert both.num_classes == 2 and both[6]["label"] == (6 % counts[0]) % 2
    for index in range(7):
        assert both[index]["image"][0, 0, 0] == index % counts[0]
        assert both[index]["series"][0, 0] == index % counts[1]
    pipeline = Pipeline(both, 0, 7)
    batch = pipeline.batch(0)
    np.testing.assert_array_equal(batch["image"][:, 0, 0, 0], batch["id"] % counts[0])
    np.testing.assert_array_equal(batch["series"][:, 0, 0], batch["id"] % counts[1])
    again = next(pipeline.iterate(3, 4))
    np.testing.assert_array_equal(again["series"], pipeline.batch(3)["series"])
    spec = measured_spec(both, complete({}).data)
    assert set(spec.fields) == {"image", "series"} and spec.num_examples == 7


def test_what_the_sets_hold_is_in_the_fingerprint(tmp_path):
    one, two = sets(tmp_path)
    before = Beside([one, two]).fingerprint()["content"]
    assert Beside([one, two]).fingerprint()["content"] == before
    (tmp_path / "b").mkdir()
    assert Beside([one, sets(tmp_path / "b", (7, 4))[1]]).fingerprint()["content"] != before


def test_fields_of_the_same_name_are_refused(tmp_path):
    one, _ = sets(tmp_path)
    with pytest.raises(UserError, match="both have the field 'image'; say by 'field'"):
        Beside([one, one])


def test_a_set_may_give_one_of_its_fields(tmp_path):
    sets(tmp_path)
    for name, letter in (("a", "x"), ("b", "y")):
        texts = np.array([letter] * 4, dtype=str)
        np.savez(tmp_path / f"{name}.npz", image=np.zeros((4, 4, 4, 1), np.uint8), text=texts)

    def opened(field):
        entry = {"source": f"npz:{tmp_path / 'b'}.npz", "field": field}
        config = {
            "data": {"source": f"npz:{tmp_path / 'a'}.npz", "beside": (entry,)},
            "encoder": {"name": "resnet"},
            "encoders": {"text": {"name": "text_transformer"}},
        }
        return open_training_data(complete(config))

    assert opened("text")[0]["text"] == "y"
    with pytest.raises(UserError, match="both have the field"):
        opened("")
    with pytest.raises(UserError, match=r"unknown field of config.data.beside\[0\] 'sound'"):
        opened("sound")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"mixture": ({"source": "npz:a.npz"},)}, "does not go with config.data.mixture"),
        ({"pack": 8}, "does not go with config.data.pack"),
    ],
)
def test_what_does_not_go_with_it_is_named(data, said):
    config = complete(
        {
            "data": {"beside": ({"source": "npz:b.npz"},), "ragged": True, **data},
            "encoder": {"name": "resnet"},
            "objective": {"name": "simclr"},
        }
    )
    with pytest.raises(UserError, match=said):
        require_consistent(config)
