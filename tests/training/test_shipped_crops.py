"""Runs whose views are cropped on the host from whole images: `config.data.ship = "crops"`."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from ssljax.errors import UserError
from ssljax.objectives import Loss, Objective
from ssljax.objectives.views import Views, plain
from ssljax.spec import Field, Spec, image_spec
from ssljax.training import loop
from ssljax.training.config import complete
from ssljax.training.evaluate import full_evaluation
from ssljax.training.experiment import build
from tests.objectives.cases import config_of

GREY = image_spec((8, 8, 1), (0.3,), (0.4,), 1797)
TABLE = Field("table", (3,), "float32", cardinalities=(0,) * 3, mean=(0.0,) * 3, std=(1.0,) * 3)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of small pictures, each of a size of its own, in two classes."""
    top, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number in range(40):
        folder = top / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        height, width = rng.integers(12, 40, 2)
        pixels = rng.integers(0, 256, (height, width), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return top


def shipping(case, source=None, **data):
    """Return the config of a case, with crops of the host."""
    config = config_of(case).to_dict()
    given = {"source": f"folder:{source}", "image_size": 8, "channels": 1} if source else {}
    config["data"] |= {"ship": "crops", **given, **data}
    return complete(config | {"batch_size": 16, "steps": 6, "checkpoint": {"every": 3}})


def run(config, workdir):
    return loop.pretrain(config, workdir, say=lambda line: None)


@pytest.mark.parametrize("case", ["deepcluster_v2", "dino"])
def test_a_run_sees_crops_and_continues_bit_for_bit(case, photos, tmp_path):
    config = shipping(case, photos)
    whole = run(config, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "6")
    again = run(config, tmp_path / "run")  # from step 3
    for one, two in zip(jax.tree.leaves(whole.state), jax.tree.leaves(again.state), strict=True):
        assert np.asarray(one).tobytes() == np.asarray(two).tobytes()
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert np.isfinite([json.loads(line)["loss"] for line in lines]).all()
    experiment = again.experiment
    batch = experiment.pipeline().batch(0)
    assert set(batch) == {"id", *experiment.crops}
    assert {name: value.shape for name, value in batch.items()} == {
        name: value.shape for name, value in experiment.abstract_batch.items()
    }
    result = full_evaluation(experiment, again.state, say=lambda line: None)  # of whole images
    assert result["step"] == 6


def test_of_whole_images_it_is_the_loss_of_the_square():
    # A crop of all of a square image is that image: nothing but the way of shipping differs.
    config = config_of("simclr").to_dict()
    crop = {"count": 2, "crop_scale": (1.0, 1.0), "crop_ratio": (1.0, 1.0), "flip": 0.5}
    config["objective"] |= {"views": {"crop": {**crop, "brightness": 0.4, "blur_prob": 0.5}}}
    losses = []
    for ship in ("square", "crops"):
        config["data"]["ship"] = ship
        experiment = build(complete(config), devices=jax.devices()[:1])
        batch = experiment.put(experiment.pipeline().batch(3))
        assert ("image" in batch) == (ship == "square")
        losses.append(float(experiment.compile_step()(experiment.init(), batch)[1]["loss"]))
    np.testing.assert_allclose(*losses, rtol=1e-6)


def test_each_task_has_crops_of_its_own(photos):
    experiment = build(shipping("combine", photos))
    assert set(experiment.crops) == {"simclr/image.crop", "mae/image.crop"}
    batch = experiment.pipeline().batch(0)
    one, other = (batch[f"{task}/image.crop"][:, 0] for task in ("simclr", "mae"))
    assert (one != other).any()
    other_mae = {**batch, "mae/image.crop": batch["mae/image.crop"] // 2}
    step = experiment.compile_step()
    own, changed = (step(experiment.init(), experiment.put(b))[1] for b in (batch, other_mae))
    assert own["simclr/loss"] == changed["simclr/loss"] and own["mae/loss"] != changed["mae/loss"]


@pytest.mark.parametrize(
    "case", ["beit", "jigsaw", "swav", "i_jepa", "ressl", "online_distillation"]
)
def test_tasks_of_every_kind_make_do_with_crops(case):
    config = shipping(case)
    build(config, GREY, devices=jax.devices()[:1]).trace_step()


@dataclasses.dataclass(frozen=True)
class Plain(Objective):
    def loss(self, net, teacher, batch, *, key, step):
        x = plain(batch[self.run.name], self.run.field)
        return Loss(net.encoder(x).pooled.sum())


@dataclasses.dataclass(frozen=True)
class PlainToo(Plain):
    views: Views = Views("simclr")


def test_what_cannot_be_cropped_is_refused():
    def told(objective, spec=GREY, encoder=None, trace=False):
        config = config_of("simclr").to_dict() | {"objective": objective}
        config["data"]["ship"] = "crops"
        if encoder:
            config["encoder"] = encoder
        with pytest.raises(UserError) as caught:
            experiment = build(complete(config), spec, devices=jax.devices()[:1])
            if trace:
                experiment.trace_step()
        return str(caught.value)

    whole = {"name": "simclr", "views": {"crop": {"count": 2, "flip": 0.5}}}
    assert told(whole) == (
        "config.data.ship='crops' does not suit objective.views.crop: it has no crop_scale, so "
        "it shows the whole image; set config.data.ship='square'"
    )
    combined = {"name": "combine", "tasks": {"one": whole}}
    assert "objective.tasks.one.views.crop" in told(combined)
    assert "Plain, which has no views" in told({"name": f"{__name__}:Plain"})
    too = told({"name": f"{__name__}:PlainToo"}, trace=True)
    assert "the loss of PlainToo reads whole images" in too
    rows = Spec({"table": TABLE}, 1797)
    assert "hosts can crop only images" in told({"name": "simclr"}, rows, {"name": "table_mlp"})
