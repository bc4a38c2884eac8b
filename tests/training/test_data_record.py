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
    read_data_record,
    spec_of_run,
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
    assert spec_of_run(tmp_path, default_config()) == RECORD.spec


def _edited(num_examples=640, **image):
    spec = json.loads(json.dumps(RECORD.spec.to_json()))
    spec["fields"]["image"] |= image
    return json.dumps({"fingerprint": {}, "spec": {**spec, "num_examples": num_examples}})


def test_a_record_of_a_version_that_knew_images_alone(tmp_path):
    image = RECORD.spec.fields["image"]
    inputs = {"shape": image.shape, "mean": image.mean, "std": image.std, "num_examples": 640}
    (tmp_path / "data.json").write_text(json.dumps({"fingerprint": {}, "inputs": inputs}))
    assert read_data_record(tmp_path).spec == RECORD.spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ('{"fingerprint": {"sou', "Unterminated string"),
        ("[1, 2]", "holds a list, not an object"),
        ("7", "holds a int, not an object"),
        ('{"inputs": {}}', "the fingerprint is missing"),
        ('{"fingerprint": 3, "inputs": {}}', "the fingerprint is missing"),
        ('{"fingerprint": {}}', "a spec must have the keys fields and num_examples"),
        ('{"fingerprint": {}, "inputs": {}}', "inputs must have the keys mean, num_examples"),
        (_edited(more=1), "field image must have the keys"),
        (_edited(modality="smell"), "unknown modality 'smell'"),
        (_edited(shape=[16, 48]), "not height, width and channels"),
        (_edited(shape=[16, 0, 3]), "not whole numbers of at least 1"),
        (_edited(shape="16x48x3"), "not whole numbers"),
        (_edited(mean=[0.1]), "image.mean is (0.1,), not a number for each channel"),
        (_edited(std=[0.1, 0.2, float("nan")]), "image.std"),
        (_edited(std=[0.1, 0.2, True]), "image.std"),
        (_edited(num_examples=0), "not a number of examples"),
        (_edited(num_examples=2.5), "not a number of examples"),
    ],
)
def test_a_damaged_record_is_one_line_that_names_it(text, message, tmp_path):
    (tmp_path / "data.json").write_text(text)
    with pytest.raises(UserError) as error:
        spec_of_run(tmp_path, default_config())
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
        spec_of_run(run, config)
    np.savez(tmp_path / "images.npz", image=images)
    spec = spec_of_run(run, config)
    mean, std = statistics(source)["image"]
    assert spec == image_spec((8, 6, 2), tuple(mean.tolist()), tuple(std.tolist()), 9)
    (tmp_path / "images.npz").unlink()
    assert spec_of_run(run, config) == spec
    assert read_data_record(run).fingerprint == old

    (run / "data.json").write_text(json.dumps(old))
    with pytest.raises(UserError, match="cannot be computed: .* does not exist"):
        spec_of_run(run, config)
