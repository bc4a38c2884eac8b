"""data.json: what it gives back, of which form it may be, and what stands in for an old one."""

import json

import numpy as np
import pytest

from ssljax.data import open_source, statistics
from ssljax.errors import UserError
from ssljax.spec import image_spec
from ssljax.training.config import default_config
from ssljax.training.data_record import (
    DataRecord,
    inputs_of_run,
    read_data_record,
    write_data_record,
)

RECORD = DataRecord(
    {"source": {"spec": "npz:a", "content": "c"}, "seed": 3, "host_crop": [0.5, 1.0]},
    image_spec((16, 48, 3), (0.1, 0.2, float(np.float32(1 / 3))), (0.3, 0.1 + 0.2, 1e-7), 640),
)


def test_a_record_comes_back_to_the_last_bit(tmp_path):
    assert read_data_record(tmp_path) is None
    write_data_record(tmp_path, RECORD)
    assert read_data_record(tmp_path) == RECORD
    assert inputs_of_run(tmp_path, default_config()) == RECORD.inputs


def _edited(**inputs):
    write = {"fingerprint": {}, "inputs": json.loads(json.dumps(vars(RECORD.inputs))) | inputs}
    return json.dumps(write)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ('{"fingerprint": {"sou', "Unterminated string"),
        ("[1, 2]", "holds a list, not an object"),
        ("7", "holds a int, not an object"),
        ('{"inputs": {}}', "the fingerprint is missing"),
        ('{"fingerprint": 3, "inputs": {}}', "the fingerprint is missing"),
        ('{"fingerprint": {}}', "inputs must have the keys mean, num_examples, shape, std"),
        (_edited(more=1), "inputs must have the keys"),
        (_edited(shape=[16, 48]), "not height, width and channels"),
        (_edited(shape=[16, 0, 3]), "not height, width and channels"),
        (_edited(shape="16x48x3"), "not height, width and channels"),
        (_edited(mean=[0.1]), "inputs.mean is [0.1], not a number for each channel"),
        (_edited(std=[0.1, 0.2, float("nan")]), "inputs.std"),
        (_edited(std=[0.1, 0.2, True]), "inputs.std"),
        (_edited(num_examples=0), "not a number of examples"),
        (_edited(num_examples=2.5), "not a number of examples"),
    ],
)
def test_a_damaged_record_is_one_line_that_names_it(text, message, tmp_path):
    (tmp_path / "data.json").write_text(text)
    with pytest.raises(UserError) as error:
        inputs_of_run(tmp_path, default_config())
    line = str(error.value)
    assert line.startswith(f"{tmp_path}/data.json is damaged (") and message in line
    assert "\n" not in line


def test_a_record_that_is_no_text_or_no_file(tmp_path):
    (tmp_path / "data.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(UserError, match="data.json is damaged"):
        read_data_record(tmp_path)
    (tmp_path / "data.json").unlink()
    (tmp_path / "data.json").mkdir()
    with pytest.raises(UserError, match="cannot read .*data.json"):
        read_data_record(tmp_path)


def test_a_run_of_an_older_version_is_measured_once_if_its_data_are_as_they_were(tmp_path):
    config, run = default_config(), tmp_path / "run"
    config.data.source = f"npz:{tmp_path}/images.npz"
    images = np.random.default_rng(0).integers(0, 255, (9, 8, 6, 2)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", image=images)
    source = open_source(config.data.source)
    run.mkdir()
    old = {"source": source.fingerprint() | {"spec": "npz:elsewhere"}, "seed": 0}
    (run / "data.json").write_text(json.dumps(old))

    np.savez(tmp_path / "images.npz", image=images // 2)
    with pytest.raises(UserError, match="no mean and std .* and npz:.* has changed since"):
        inputs_of_run(run, config)
    np.savez(tmp_path / "images.npz", image=images)
    inputs = inputs_of_run(run, config)
    mean, std = statistics(source)["image"]
    assert inputs == image_spec((8, 6, 2), tuple(mean.tolist()), tuple(std.tolist()), 9)
    (tmp_path / "images.npz").unlink()
    assert inputs_of_run(run, config) == inputs
    assert read_data_record(run).fingerprint == old

    (run / "data.json").write_text(json.dumps(old))
    with pytest.raises(UserError, match="cannot be computed: .* does not exist"):
        inputs_of_run(run, config)
