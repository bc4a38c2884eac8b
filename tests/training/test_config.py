"""Configs: defaults, unknown keys, types, and the way through JSON."""

import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.training.config import complete, default_config, differences, from_json, to_json


def test_given_keys_override_the_defaults():
    config = complete(ConfigDict({"steps": 7, "optimizer": {"learning_rate": 1}}))
    assert config.steps == 7 and config.optimizer.learning_rate == 1.0
    assert isinstance(config.optimizer.learning_rate, float)
    assert config.batch_size == default_config().batch_size


@pytest.mark.parametrize(
    "given, message",
    [
        ({"setps": 3}, "unknown config key 'setps'; did you mean 'steps'"),
        ({"optimizer": {"learning_rat": 3}}, "did you mean 'optimizer.learning_rate'"),
        ({"steps": 3.5}, "config.steps=3.5 is of type float; it must be int"),
        ({"steps": True}, "config.steps=True is of type bool; it must be int"),
        ({"data": "x"}, "config.data='x' is of type str; it must be a section"),
        ({"encoder": "resnet18"}, "config.encoder='resnet18' is of type str"),
        ({"encoder": {"name": 18}}, "config.encoder.name=18 is of type int; it must be str"),
        ({"objective": {"act": max}}, "config.objective.act=.* is of type builtin_function"),
        ({"init_from": ({"put": {1}},)}, r"config.init_from\[0\].put=\{1\} is of type set"),
        ({"objective": {"sizes": {3: 4}}}, "config.objective.sizes has the key 3"),
    ],
)
def test_bad_keys_and_types_are_named(given, message):
    with pytest.raises(UserError, match=message):
        complete(ConfigDict(given))


def test_lists_are_tuples_and_numbers_of_numpy_plain_wherever_they_stand():
    """Or the config would not be the one that is read back from its JSON text."""
    views = {"crop": {"crop_scale": [0.5, np.float32(1)], "steps": np.arange(2)}}
    given = {
        "data": {"host_crop": [0.25, 1]},
        "profile": [3, 4],
        "objective": {"name": "simclr", "views": views, "hidden": [[1], (2,)]},
        "optimizer": {"param_groups": [{"name": "all", "match": ".*", "blocks": [1, 2]}]},
        "sharding_rules": [["kernel", ["data", ["fsdp", "tensor"]]]],
        "init_from": [{"workdir": "a", "take": "b", "put": "c"}],
    }
    for one in (complete(given), complete(ConfigDict(given))):
        assert one.data.host_crop == (0.25, 1) and one.profile == (3, 4)
        assert one.objective.views.crop.crop_scale == (0.5, 1.0)
        assert one.objective.views.crop.steps == (0, 1) and one.objective.hidden == ((1,), (2,))
        assert one.optimizer.param_groups == ({"name": "all", "match": ".*", "blocks": (1, 2)},)
        assert one.sharding_rules == (("kernel", ("data", ("fsdp", "tensor"))),)
        assert one.init_from == ({"workdir": "a", "take": "b", "put": "c"},)
        again = from_json(to_json(one))
        assert again.to_dict() == one.to_dict() and not differences(one, again)


@pytest.mark.parametrize("text", ["5", "[1, 2]", "null", '"steps"'])
def test_text_that_is_no_json_object_is_refused(text):
    with pytest.raises(UserError, match="a config is a JSON object, not"):
        from_json(text)


def test_json_gives_the_same_config_back():
    config = default_config()
    config.objective = ConfigDict({"name": "simclr", "views": {"crop": {"crop_scale": (0.1, 1.0)}}})
    config.optimizer.param_groups = ({"name": "all", "match": ".*", "weight_decay": 0.1},)
    again = from_json(to_json(config))
    assert again.to_dict() == config.to_dict()
    assert not differences(config, again)


def test_differences_are_those_that_change_the_run():
    one, two = default_config(), default_config()
    two.log_every, two.mesh.fsdp, two.checkpoint.every = 1, 2, 7
    assert differences(one, two) == []
    two.optimizer.learning_rate = 0.5
    two.objective.temperature = 0.2
    assert differences(one, two) == [
        "optimizer.learning_rate: 0.001 in the run, 0.5 now",
        "objective.temperature: 'absent' in the run, 0.2 now",
    ]
