"""Configs: defaults, unknown keys, types, and the way through JSON."""

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
    ],
)
def test_bad_keys_and_types_are_named(given, message):
    with pytest.raises(UserError, match=message):
        complete(ConfigDict(given))


def test_json_gives_the_same_config_back():
    config = default_config()
    config.objective = ConfigDict({"name": "simclr", "views": {"crop": {"crop_scale": (0.1, 1.0)}}})
    config.optimizer.rules = ({"name": "all", "match": ".*", "weight_decay": 0.1},)
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
