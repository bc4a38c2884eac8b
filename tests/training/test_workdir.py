"""The folder of a run as the second of two hosts meets it."""

import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.training import workdir
from ssljax.training.config import default_config


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


@pytest.mark.parametrize("there", [None, "", "77"])
def test_a_folder_that_only_this_host_sees(second_host, tmp_path, there):
    if there is not None:
        (tmp_path / "lock").write_text(there)
    with pytest.raises(UserError, match="is not that of process 0; give a folder that all hosts"):
        with workdir.lock(tmp_path):
            pass


def test_hosts_with_other_configs_or_data_are_refused(second_host, tmp_path, monkeypatch):
    config, data = default_config(), {"version": 1}
    with monkeypatch.context() as first_host:
        first_host.setattr(workdir.jax, "process_index", lambda: 0)
        workdir.claim(tmp_path, config, data)
    workdir.claim(tmp_path, config, data)
    with pytest.raises(UserError, match="data set .* .version: 1 then, 2 now"):
        workdir.claim(tmp_path, config, {"version": 2})
    config.data.workers = 3
    workdir.claim(tmp_path, config, data)
    config.checkpoint.every = 7
    with pytest.raises(UserError, match="checkpoint.every: 500 in the run, 7 now"):
        workdir.claim(tmp_path, config, data)
    config.steps = 7
    with pytest.raises(UserError, match="steps: 1000 in the run, 7 now"):
        workdir.claim(tmp_path, config, data)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "data.json"]
