"""The folder of a run as the second of two hosts meets it."""

import dataclasses

import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.spec import image_spec
from ssljax.training import workdir
from ssljax.training.config import default_config
from ssljax.training.data_record import DataRecord, read_data_record

SPEC = image_spec((8, 16, 1), mean=(0.1 + 0.2,), std=(1 / 3,), num_examples=7)


@pytest.fixture
def second_host(monkeypatch):
    """Be process 1 of 2, and hear from process 0 that it has written 123."""
    monkeypatch.setattr(workdir.jax, "process_index", lambda: 1)
    monkeypatch.setattr(workdir.jax, "process_count", lambda: 2)
    monkeypatch.setattr(
        workdir.multihost_utils, "broadcast_one_to_all", lambda value: np.int32(123)
    )
    monkeypatch.setattr(workdir.multihost_utils, "sync_global_devices", lambda name: None)
    monkeypatch.setattr(workdir, "_PROPAGATION", 0.2)


def test_a_folder_that_all_hosts_see(second_host, tmp_path):
    (tmp_path / "lock").write_text("123")
    with workdir.lock(tmp_path):
        assert (tmp_path / "lock").read_text() == "123"


@pytest.mark.parametrize("missing", ["", "run", "deep/er/run"])
def test_a_refused_start_leaves_nothing_behind(tmp_path, missing):
    folder = tmp_path / missing
    (tmp_path / "notes.txt").write_text("of the user")
    with pytest.raises(UserError, match="refused"), workdir.lock(folder):
        (folder / "config.json").write_text("{}")
        (folder / "checkpoints").mkdir()
        (folder / "metrics.jsonl").touch()
        (folder / "tensorboard").mkdir()
        (folder / "tensorboard" / "events").write_text("none")
        raise UserError("refused")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_what_was_there_before_a_refused_start_stays(tmp_path):
    (tmp_path / "config.json").write_text("of an earlier start")
    with pytest.raises(UserError, match="refused"), workdir.lock(tmp_path):
        (tmp_path / "state.txt").write_text("state")
        raise UserError("refused")
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_run_that_has_begun_stays_with_its_folders(tmp_path):
    folder = tmp_path / "deep" / "run"
    with pytest.raises(UserError, match="stopped"), workdir.lock(folder):
        (folder / "metrics.jsonl").write_text('{"step": 1}')
        raise UserError("stopped")
    assert {path.name for path in folder.iterdir()} == {"lock", "metrics.jsonl"}


def test_folders_of_a_workdir_that_cannot_be_made_are_removed(tmp_path):
    long = "x" * 300  # no name of a file may be so long
    with pytest.raises(UserError, match="cannot write to the workdir .* name too long"):
        with workdir.lock(tmp_path / "deep" / long):
            pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("there", [None, "", "77"])
def test_a_folder_that_only_this_host_sees(second_host, tmp_path, there):
    if there is not None:
        (tmp_path / "lock").write_text(there)
    with pytest.raises(UserError, match="is not that of process 0; give a folder that all hosts"):
        with workdir.lock(tmp_path):
            pass


def test_hosts_with_other_configs_or_data_are_refused(second_host, tmp_path, monkeypatch):
    config, data = default_config(), DataRecord({"version": 1}, SPEC)
    with monkeypatch.context() as first_host:
        first_host.setattr(workdir.jax, "process_index", lambda: 0)
        workdir.claim(tmp_path, config, data)
    workdir.claim(tmp_path, config, data)
    with pytest.raises(UserError, match="data set .* .version: 1 then, 2 now"):
        workdir.claim(tmp_path, config, DataRecord({"version": 2}, SPEC))
    config.data.workers = 3
    workdir.claim(tmp_path, config, data)
    config.checkpoint.every = 7
    with pytest.raises(UserError, match="checkpoint.every: 500 in the run, 7 now"):
        workdir.claim(tmp_path, config, data)
    config.steps = 7
    with pytest.raises(UserError, match="steps: 1000 in the run, 7 now"):
        workdir.claim(tmp_path, config, data)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "data.json"]


def _data(spec, content):
    source = {"spec": spec, "split": "train", "count": 7, "content": content}
    return DataRecord({"source": source, "seed": 0, "host_crop": [0.5, 1.0]}, SPEC)


def test_the_same_data_may_move_and_others_may_not(tmp_path):
    config = default_config()
    config.data.source = "npz:/shared/a.npz"
    workdir.claim(tmp_path, config, _data("npz:/shared/a.npz", "c1"))
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n')
    config.data.source = "npz:/scratch/a.npz"
    other = _data("npz:/scratch/a.npz", "c1")
    workdir.claim(tmp_path, config, dataclasses.replace(other, spec=None))
    assert workdir.load_config(tmp_path).data.source == "npz:/scratch/a.npz"
    assert read_data_record(tmp_path) == _data("npz:/shared/a.npz", "c1")  # written once
    with pytest.raises(UserError, match="data set of the run in .* has changed .*c1.*c2"):
        workdir.claim(tmp_path, config, _data("npz:/scratch/a.npz", "c2"))
    config.data.source = "npz:/scratch/b.npz"
    with pytest.raises(UserError, match="data.source: 'npz:/scratch/a.npz' in the run"):
        workdir.claim(tmp_path, config, _data("npz:/scratch/b.npz", "c2"))
