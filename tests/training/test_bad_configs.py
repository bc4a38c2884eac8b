"""Configs with one wrong value each: all that is nonsense is refused in a line, nothing else ends
in a traceback."""

import copy
import dataclasses
import math
import random

import jax
import pytest

from ssljax.commands.config_file import keys_of
from ssljax.errors import UserError
from ssljax.spec import LABEL
from ssljax.training.config import complete
from ssljax.training.consistency import require_consistent
from ssljax.training.experiment import build
from ssljax.training.loop import pretrain
from tests.objectives import conftest
from tests.objectives.cases import CASES, config_of

IMAGES = sorted(case for case in CASES)
VALUES = (
    *(math.nan, math.inf, -math.inf, -1, 0, 1, 2, 3, 17, 2**40, 10**20, -0.1, 0.0, 0.3, 1.0, 1.5),
    *(1e30, "", "xyz", "byol", True, False, None, (), (0,), (2,), (1, 2), (0.5, 0.1)),
    *((1.0, math.nan), {}, {"name": 3}, {"a": {"b": 1}}, ({},), ("a",), ((1, 2), 3)),
)  # fmt: skip
COUNT, SAMPLE = 300, 12  # mutated configs, and how many of them are traced in the fast tests


def with_value(case, key, value):
    """Return the config of a case, as a dict, in which a key has another value."""
    config = copy.deepcopy(complete(config_of(case)).to_dict())
    *sections, field = key.split(".")
    section = config
    for name in sections:
        section = section.setdefault(name, {})
    section[field] = value
    return config


def checked(case, key, value):
    """Return the complete config, all of it checked that needs no data and devices."""
    config = complete(with_value(case, key, value))
    require_consistent(config)
    return config


def spec_of(case):
    """Return what the data of a case are like, with labels."""
    return dataclasses.replace(conftest.spec_of(case).replace(label=LABEL), num_examples=1797)


def trace(case, config):
    """Build what a config describes and trace its step, which looks at every value."""
    build(config, spec_of(case), devices=jax.devices()[:1]).trace_step()


def told(call, *args):
    """Return the line that a call is refused with, None if it is not."""
    try:
        call(*args)
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) < 800
        return str(error)
    return None


def mutations():
    """Yield (case, key, value): `COUNT` of them, the same every time."""
    draw = random.Random(14)
    known = {case: sorted(keys_of(complete(config_of(case)).to_dict())) for case in IMAGES}
    for _ in range(COUNT):
        case = draw.choice(IMAGES)
        yield case, draw.choice(known[case]), draw.choice(VALUES)


MUTATIONS = list(mutations())


def test_a_mutated_config_is_refused_in_a_line_or_passes():
    for mutation in MUTATIONS:
        told(checked, *mutation)


@pytest.mark.parametrize(
    ("case", "key", "value"),
    [
        ("simclr", "data.length", 8),
        ("mae, series", "evaluation.size", 8),
        ("mae, table", "data.image_size", (8, 8)),
        ("vime", "evaluation.resize", 8),
        ("vime", "data.ragged", True),
    ],
)
def test_a_size_that_the_data_do_not_have_is_named(case, key, value):
    config = complete(with_value(case, key, value))
    with pytest.raises(UserError, match=rf"config.{key}=.* is for data of the modality .* leave"):
        build(config, spec_of(case), devices=jax.devices()[:1])


@pytest.mark.parametrize(
    ("case", "key", "value"),
    [
        ("simclr", "data.split", "tarin"),
        ("simclr", "batch_size", 10**6),
        ("simclr", "mesh.data", 3),
        ("simclr", "evaluation.output", "imgae"),
        ("simclr", "evaluation.source", "npz:nowhere"),
        ("simclr", "optimizer.param_groups", ({"name": "all", "match": "nothing"},)),
        ("simclr", "accumulate", 2),  # known when the step is compiled
        ("simclr", "init_from", ({"workdir": "nowhere", "take": "params", "put": "params"},)),
    ],
)
def test_a_refused_start_leaves_no_folder(case, key, value, tmp_path):
    config = complete(with_value(case, key, value))
    config.evaluation.final = True
    with pytest.raises(UserError):
        pretrain(config, tmp_path / "new" / "run", say=str)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("case", "changes", "message"),
    [
        ("simclr", {"per_label": 2}, "per_label=2 is for objectives that are shown labels"),
        (
            "simclr",
            {"per_label": 2, "labels": True, "mixture": ({"source": "sklearn:digits"},)},
            "per_label=2 chooses from one set",
        ),
        ("supervised", {"labels": "group"}, "gives training the groups as labels"),
        ("simclr", {"labels": "groups"}, "data.labels 'groups'"),
    ],
)
def test_labels_that_nothing_can_use_are_named(case, changes, message):
    values = complete(config_of(case)).to_dict()
    values["data"] |= changes
    with pytest.raises(UserError, match=message):
        require_consistent(complete(values))


def accepted():
    """Return the mutations that only building and tracing can refuse, (case, key, value)."""
    return [mutation for mutation in MUTATIONS if told(checked, *mutation) is None]


def test_some_that_pass_can_be_traced_or_are_refused_in_a_line():
    for case, key, value in accepted()[::7][:SAMPLE]:
        told(trace, case, checked(case, key, value))


@pytest.mark.meshes
@pytest.mark.parametrize("case", IMAGES)
def test_all_that_pass_can_be_traced_or_are_refused_in_a_line(case):
    for one, key, value in accepted():
        if one == case:
            told(trace, case, checked(case, key, value))


@pytest.mark.parametrize(
    ("case", "key", "value"),
    [
        ("mae", "encoder.mlp_ratio", 1e-30),
        ("mae", "encoder.norm_epsilon", 1e9),
        ("simclr", "objective.temperature", 1e-30),
        ("deepcluster_v2", "objective.prototypes", (1,)),
        ("mae", "objective.decoder_heads", 3),
        ("i_jepa", "objective.predictor_width", 3),
        ("data2vec2", "objective.decoder_groups", 3),
        ("simclr", "seed", -1),
        ("simclr", "seed", 2**40),
        ("simclr", "steps", 10**20),
        ("simclr", "steps", 0),
        ("simclr", "batch_size", 0),
        ("simclr", "accumulate", 0),
        ("simclr", "accumulate", 3),
        ("simclr", "profile", (1,)),
        ("simclr", "profile", (-1, 2)),
        ("simclr", "log_every", 0),
        ("simclr", "data.host_crop", (0.5,)),
        ("simclr", "data.host_crop", (0.9, 0.5)),
        ("simclr", "data.host_crop", (0, math.nan)),
        ("simclr", "data.workers", -1),
        ("simclr", "data.image_size", -8),
        ("simclr", "data.channels", 0),
        ("simclr", "data.broken", "ignore"),
        ("simclr", "mesh.data", 0),
        ("simclr", "mesh.fsdp", -2),
        ("simclr", "checkpoint.every", 0),
        ("simclr", "checkpoint.keep_best", 3),
        ("simclr", "evaluation.every", -1),
        ("simclr", "evaluation.knn_k", 0),
        ("simclr", "evaluation.knn_temperature", math.inf),
        ("simclr", "optimizer.learning_rate", 0),
        ("simclr", "optimizer.learning_rate", math.nan),
        ("simclr", "optimizer.warmup_steps", 100),
        ("simclr", "optimizer.b1", 1.0),
        ("simclr", "optimizer.param_groups", ({"name": "all", "match": "", "frozen": True},)),
        ("simclr", "optimizer.param_groups", ({"name": "a", "match": "", "weight_decay": -1},)),
        ("simclr", "optimizer.param_groups", ({"name": "a", "match": "", "frozen_steps": 99},)),
        ("simclr", "sharding_rules", ("a",)),
        ("simclr", "init_from", ("a",)),
        ("simclr", "encoder.stage_sizes", ()),
        ("simclr", "encoder.stage_sizes", (0,)),
        ("simclr", "encoder.width", 0),
        ("simclr", "encoder.pool", 0),
        ("simclr", "encoder.pool", 99),
        ("simclr", "encoder.dtype", "float16"),
        ("simclr", "encoder", "resnet18"),
        ("simclr", "objective.temperature", math.inf),
        ("simclr", "objective.temperature", 0),
        ("simclr", "objective.projector_hidden", (0,)),
        ("simclr", "objective.views", 3),
        ("simclr", "objective.views", {}),
        ("simclr", "objective.views", {"crop": 3}),
        ("simclr", "objective.views", {"crop": {"count": 2, "flip": math.nan}}),
        ("simclr", "objective.views", {"crop": {"count": 2, "crop_scale": (0.5, 0.1)}}),
        ("simclr", "objective.views", {"crop": {"count": 2, "brightness": math.inf}}),
        ("mae", "encoder.width", 17),
        ("mae", "encoder.heads", 0),
        ("mae", "encoder.depth", 0),
        ("mae", "encoder.drop_path", 1.5),
        ("mae", "encoder.drop_path", -0.1),
        ("mae", "encoder.patch_size", 3),
        ("mae", "encoder.mlp_ratio", math.inf),
        ("mae", "encoder.remat", "all"),
        ("mae", "objective.mask_ratio", 0),
        ("mae", "objective.mask_ratio", 1),
        ("mae", "objective.mask_ratio", math.nan),
        ("mae", "objective.decoder_heads", 5),
        ("moco_v2", "objective.queue_size", 33),
        ("moco_v2", "objective.momentum", 1.5),
        ("combine", "objective.weights", {"simclr": 0.0, "mae": 0}),
        ("combine", "objective.weights", {"simclr": math.nan}),
        ("combine", "objective.weights", {"simclr": -1}),
        ("combine", "objective.tasks", {}),
        ("combine", "objective.tasks", 3),
        ("combine", "objective.shared", 3),
        ("combine", "objective.tasks", {"simclr": {"name": 3}}),
    ],
)
def test_nonsense_is_refused(case, key, value):
    def whole():
        trace(case, checked(case, key, value))

    line = told(whole)
    assert line is not None
    assert any(word in line for word in key.split(".")[-1].split("_")) or "param group" in line
