import dataclasses
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax.errors import UserError
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.checkpoint import checkpointer as implementation
from ssljax.training.checkpoint.checksums import MANIFEST, write_manifest
from ssljax.training.checkpoint.contents import lacking
from ssljax.training.state import TrainState
from ssljax.training.workdir import lock


def mesh_of(count):
    return Mesh(np.array(jax.devices()[:count]), ("data",))


def make_state(seed=0, devices=8, size=16):
    """A state with every kind of array, one of them sharded."""
    rng = np.random.default_rng(seed)
    params = {
        "encoder": {"kernel": jnp.asarray(rng.normal(size=(8, size)), jnp.float32)},
        "head": {"kernel": jnp.asarray(rng.normal(size=(4,)), jnp.bfloat16)},
    }
    params["encoder"]["kernel"] = (
        params["encoder"]["kernel"].at[0, :3].set(jnp.array([-0.0, jnp.nan, 1e-42]))
    )
    state = TrainState(
        step=jnp.int32(seed),
        params=params,
        objective_state={
            "labels": jnp.asarray(rng.integers(0, 9, 8), jnp.int32),
            "mask": jnp.ones(3, bool),
            "empty": jnp.zeros((0, 4)),
        },
        opt_state=optax.adamw(1e-3).init(params),
    )
    return jax.device_put(state, shardings(state, devices))


def shardings(state, devices):
    mesh = mesh_of(devices)
    return jax.tree.map(
        lambda x: NamedSharding(
            mesh,
            PartitionSpec("data" if x.shape[:1] == (8,) else None) if x.ndim else PartitionSpec(),
        ),
        state,
    )


def abstract(state, devices=8):
    return jax.tree.map(
        lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s),
        state,
        shardings(state, devices),
    )


def bits(tree):
    return [(x.dtype, x.shape, np.asarray(x).tobytes()) for x in jax.tree.leaves(tree)]


@pytest.fixture
def make(tmp_path):
    made, lines = [], []

    def checkpointer(workdir=tmp_path, keep_last=2, **options):
        made.append(Checkpointer(workdir, keep_last=keep_last, report=lines.append, **options))
        return made[-1]

    checkpointer.lines = lines
    yield checkpointer
    for one in made:
        one.close()


def test_round_trip_keeps_every_bit_and_the_tree(make):
    state = make_state(3)
    meta = {"config": {"steps": 7, "views": [1, 2]}, "jax": jax.__version__}
    assert make().save(3, state, meta=meta, wait=True)
    step, restored, got = make().restore(abstract(state))
    assert (step, got) == (3, meta)
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    assert bits(restored) == bits(state)
    assert restored.params["encoder"]["kernel"].sharding.spec == PartitionSpec("data")


def test_a_checkpoint_whose_optimizer_counts_steps_is_told_from_one_of_another_config(make):
    older = make_state()  # opt_state/0/count and so on
    make().save(1, older, meta={}, wait=True)
    newer = older.replace(opt_state={"adam": older.opt_state[0]})
    with pytest.raises(UserError, match="written by an earlier version .* counted the steps"):
        make().restore(abstract(newer))


def test_eight_devices_to_one_and_back(make, tmp_path):
    state = make_state(1, devices=8)
    make(tmp_path / "a").save(1, state, meta={}, wait=True)
    _, on_one, _ = make(tmp_path / "a").restore(abstract(state, devices=1))
    assert all(len(leaf.sharding.device_set) == 1 for leaf in jax.tree.leaves(on_one))
    make(tmp_path / "b").save(1, on_one, meta={}, wait=True)
    _, on_eight, _ = make(tmp_path / "b").restore(abstract(state, devices=8))
    assert all(len(leaf.sharding.device_set) == 8 for leaf in jax.tree.leaves(on_eight))
    assert bits(on_eight) == bits(on_one) == bits(state)


def test_donating_the_state_right_after_an_asynchronous_save_changes_nothing_saved(make):
    """On a CPU the copy that is written may share memory with the array that is donated."""
    state = make_state(0, size=100_000)
    expected = bits(state)
    restored_to = abstract(state)
    overwrite = jax.jit(lambda s: jax.tree.map(lambda x: x * 0 + 1, s), donate_argnums=0)
    checkpointer = make()
    checkpointer.save(0, state, meta={})
    for _ in range(3):
        state = overwrite(state)
    jax.block_until_ready(state)
    checkpointer.wait()
    assert bits(checkpointer.restore(restored_to)[1]) == expected
    assert bits(state) != expected


def test_nothing_saved_is_none(make):
    assert make().restore(abstract(make_state())) is None
    assert make().steps() == []


def test_the_newest_are_kept(make):
    checkpointer = make(keep_last=2)
    for step in (1, 5, 10, 20):
        assert checkpointer.save(step, make_state(step), meta={})
    checkpointer.wait()
    assert checkpointer.steps() == [10, 20]
    assert sorted(path.name for path in checkpointer.folder.iterdir()) == ["10", "20"]


@pytest.mark.parametrize("mode, expected", [("max", [2, 3, 6]), ("min", [1, 4, 6])])
def test_the_best_are_kept_besides(make, mode, expected):
    checkpointer = make(keep_last=1, keep_best=2, best_metric="knn", best_mode=mode)
    values = {1: 0.2, 2: 0.9, 3: 0.8, 4: 0.1, 5: float("nan")}
    for step, value in values.items():
        checkpointer.save(step, make_state(), meta={}, metrics={"knn": value, "loss": 1.0})
    checkpointer.save(6, make_state(), meta={}, metrics={"loss": 0.0}, wait=True)
    assert checkpointer.steps() == expected


def test_a_step_that_is_there_is_not_written_again(make):
    checkpointer = make()
    checkpointer.save(1, make_state(1), meta={"a": 1}, wait=True)
    assert not checkpointer.save(1, make_state(2), meta={"a": 2}, wait=True)
    step, state, meta = checkpointer.restore(abstract(make_state()))
    assert (int(state.step), meta) == (1, {"a": 1})


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def largest(folder):
    return max(files_of(folder), key=lambda path: path.stat().st_size)


def truncate(folder):
    os.truncate(largest(folder), largest(folder).stat().st_size // 2)


def zero_bytes(folder):
    path = largest(folder)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    path.write_bytes(data)


def flip_one_bit(folder):
    path = largest(folder)
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def forget_an_array(folder):
    """Files that are all as the manifest says, and do not hold the arrays that it names."""
    manifest = json.loads((folder / MANIFEST).read_text())["content"]
    leaves = {**manifest.pop("leaves"), "params/extra": ["float32", [2]]}
    (folder / MANIFEST).unlink()
    write_manifest(folder, {**manifest, "leaves": leaves}, except_for=("_CHECKPOINT_METADATA",))


def change_the_manifest(folder):
    text = (folder / MANIFEST).read_text()
    assert '"note": 2' in text
    (folder / MANIFEST).write_text(text.replace('"note": 2', '"note": 3'))


DAMAGES = {
    "truncated": (truncate, "bytes instead of"),
    "zeroed": (zero_bytes, "has changed"),
    "one bit": (flip_one_bit, "has changed"),
    "deleted file": (lambda folder: (folder / "manifest.ocdbt").unlink(), "is missing"),
    "no manifest": (lambda folder: (folder / MANIFEST).unlink(), f"{MANIFEST} is missing"),
    "cut manifest": (lambda folder: os.truncate(folder / MANIFEST, 0), "cut short"),
    "changed manifest": (change_the_manifest, "has changed"),
    "empty manifest": (
        lambda folder: (folder / MANIFEST).write_text('{"content": [], "crc32": 223132457}'),
        "no manifest",
    ),
    "lacking array": (forget_an_array, "1 of 11 arrays are missing, such as params/extra"),
    "empty folder": (lambda folder: [shutil.rmtree(folder), folder.mkdir()], "is missing"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over_and_told_and_can_be_saved_again(make, damage):
    states = {step: make_state(step, size=1000) for step in (1, 2)}
    first = make()
    for step, state in states.items():
        first.save(step, state, meta={"note": step}, wait=True)
    hurt, reason = DAMAGES[damage]
    hurt(first.folder / "2")
    resumed = make(keep_last=1)
    step, state, meta = resumed.restore(abstract(states[1]))
    assert (step, meta, bits(state)) == (1, {"note": 1}, bits(states[1]))
    (line,) = make.lines
    assert str(first.folder / "2") in line and reason in line
    assert resumed.steps() == [1]
    assert resumed.save(2, states[2], meta={"note": 2}, wait=True)
    step, state, meta = make().restore(abstract(states[1]))
    assert (step, meta, bits(state)) == (2, {"note": 2}, bits(states[2]))
    assert len(make.lines) == 1 and resumed.steps() == [2]


def test_what_the_index_lacks_is_found(make):
    state = make_state(size=1000)
    checkpointer = make()
    checkpointer.save(1, state, meta={}, wait=True)
    folder = checkpointer.folder / "1"
    leaves = json.loads((folder / MANIFEST).read_text())["content"]["leaves"]
    assert lacking(folder, leaves) is None
    other = {**leaves, "params/encoder/kernel": ["float32", [8, 99]]}
    assert "kernel has the shape [8, 1000] instead of [8, 99]" in lacking(folder, other)
    assert "arrays are missing" in lacking(folder / "nowhere", leaves)
    for file in (folder / "ocdbt.process_0").rglob("*"):  # what the index points to
        file.unlink() if file.is_file() else None
    assert "the data of 8 of 38 chunks are missing" in lacking(folder, leaves)


def test_a_checkpoint_that_was_not_written_in_full_is_no_checkpoint(make, tmp_path, monkeypatch):
    """In a folder of this name, Orbax does not find the parts that it has to bring together."""
    monkeypatch.setattr(implementation, "require_plain", lambda path: None)
    checkpointer = make(tmp_path / "run[1]")
    with pytest.raises(UserError, match="checkpoints/1 was not written in full: 10 of 10 arrays"):
        checkpointer.save(1, make_state(1), meta={}, wait=True)
    assert checkpointer.steps() == [] and not list(checkpointer.folder.iterdir())


@pytest.mark.parametrize(
    "name", ["run[1]", "a*", "what?", "]", "back\\slash", "run[1]/below", "\udce9"]
)
def test_a_path_in_which_orbax_does_not_find_its_files_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="choose a"):
        Checkpointer(tmp_path / name, keep_last=1)
    with pytest.raises(UserError, match="choose a"), lock(tmp_path / name):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a b", "50%", "%20", "ü漢", "a\nb", "-a", "~a", "{a}#&:'\"$;,"])
def test_other_unusual_paths_will_do(make, tmp_path, name):
    make(tmp_path / name).save(1, make_state(1), meta={}, wait=True)
    _, state, _ = make(tmp_path / name).restore(abstract(make_state()))
    assert bits(state) == bits(make_state(1))


def test_every_file_but_orbax_own_notes_is_recorded(make):
    checkpointer = make()
    checkpointer.save(1, make_state(), meta={}, wait=True)
    record = json.loads((checkpointer.folder / "1" / MANIFEST).read_text())["content"]
    found = {
        p.relative_to(checkpointer.folder / "1").as_posix()
        for p in files_of(checkpointer.folder / "1")
    }
    unrecorded = found - set(record["files"])
    assert unrecorded - {"commit_success.txt"} == {MANIFEST, "_CHECKPOINT_METADATA"}
    for name in unrecorded - {MANIFEST}:
        (checkpointer.folder / "1" / name).unlink()
    assert checkpointer.restore(abstract(make_state()))[0] == 1


def test_when_all_are_damaged_the_run_does_not_silently_start_again(make):
    checkpointer = make()
    checkpointer.save(1, make_state(), meta={}, wait=True)
    truncate(checkpointer.folder / "1")
    with pytest.raises(UserError, match="all checkpoints in .* are damaged .steps 1"):
        checkpointer.restore(abstract(make_state()))


def test_one_step_can_be_asked_for(make):
    checkpointer = make(keep_last=3)
    for step in (1, 2):
        checkpointer.save(step, make_state(step), meta={}, wait=True)
    assert checkpointer.restore(abstract(make_state()), step=1)[0] == 1
    with pytest.raises(UserError, match="no checkpoint of step 7 .* there are: 1, 2"):
        checkpointer.restore(abstract(make_state()), step=7)
    truncate(checkpointer.folder / "1")
    with pytest.raises(UserError, match="damaged .* there are: 2"):
        checkpointer.restore(abstract(make_state()), step=1)


def test_a_state_of_another_config_is_refused_by_path(make):
    state = make_state()
    make().save(1, state, meta={}, wait=True)
    params = {**state.params, "extra": jnp.zeros(3)}
    params["encoder"] = {"kernel": jnp.zeros((8, 17))}
    other = dataclasses.replace(state, params=params)
    with pytest.raises(UserError) as error:
        make().restore(abstract(other))
    message = str(error.value)
    assert "params/encoder/kernel is float32[8, 16] there and float32[8, 17] here" in message
    assert "params/extra is absent there and float32[3] here" in message
    low = dataclasses.replace(state, params=jax.tree.map(lambda x: x.astype("float16"), params))
    with pytest.raises(UserError, match="is bfloat16.4. there and float16.4. here"):
        make().restore(abstract(low))


def test_random_keys_are_refused(make):
    with pytest.raises(TypeError, match="random key at objective_state/key"):
        state = dataclasses.replace(make_state(), objective_state={"key": jax.random.key(0)})
        make().save(1, state, meta={})


def test_readers_change_nothing_and_leave_saves_of_others_alone(make, tmp_path):
    make().save(1, make_state(), meta={}, wait=True)
    partial = tmp_path / "checkpoints" / "2.orbax-checkpoint-tmp"
    partial.mkdir()
    reader = make()
    reader.restore(abstract(make_state()))
    assert partial.exists()
    reader.save(3, make_state(), meta={}, wait=True)
    assert not partial.exists() and reader.steps() == [1, 3]


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_full_disk_is_told_and_the_last_good_checkpoint_stays(
    make, full_disk, asynchronous, caplog
):
    disk, reason = full_disk
    small, big = make_state(1), make_state(2, size=100_000)
    checkpointer = make(disk, asynchronous=asynchronous)
    checkpointer.save(1, small, meta={})
    with pytest.raises(UserError) as error:
        checkpointer.save(2, big, meta={})
        checkpointer.wait()
    message = str(error.value)
    assert message == (
        f"cannot write the checkpoint {disk}/checkpoints/2: {reason}; the last good one is step 1"
    )
    assert [path.name for path in checkpointer.folder.iterdir()] == ["1"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    step, state, _ = make(disk).restore(abstract(small))
    assert step == 1 and bits(state) == bits(small)
    assert checkpointer.save(3, small, meta={}, wait=True)


def test_a_failed_save_is_removed_although_others_of_its_writes_go_on(make, monkeypatch):
    checkpointer = make()
    partial = checkpointer.folder / "2.orbax-checkpoint-tmp"
    partial.mkdir(parents=True)
    pauses, late = [], (1, 3, 8)  # the last one after four quiet looks

    def write_late(seconds):
        pauses.append(seconds)
        if len(pauses) in late:
            partial.mkdir()
            (partial / "late file").touch()

    monkeypatch.setattr(time, "sleep", write_late)
    checkpointer._steps.remove_failed()
    assert len(pauses) > max(late) and not partial.exists()


def test_a_place_that_cannot_be_written_is_told(make, tmp_path):
    (tmp_path / "checkpoints").write_text("a file")
    with pytest.raises(UserError, match="cannot read the folder .*/checkpoints: Not a directory"):
        make().save(1, make_state(), meta={}, wait=True)


def test_a_read_only_place_is_told(make, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", "checkpoints")

    monkeypatch.setattr(pathlib.Path, "mkdir", refuse)
    with pytest.raises(UserError, match="Permission denied; there is none yet"):
        make().save(1, make_state(), meta={}, wait=True)


def test_an_old_checkpoint_that_cannot_be_removed_stops_nothing(make, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    checkpointer = make(keep_last=1)
    checkpointer.save(1, make_state(), meta={}, wait=True)
    monkeypatch.setattr(pathlib.Path, "rename", refuse)
    assert checkpointer.save(2, make_state(), meta={}, wait=True)
    assert checkpointer.steps() == [1, 2]
    assert "cannot remove an old checkpoint" in make.lines[0]


def test_bad_options_are_refused(tmp_path):
    with pytest.raises(UserError, match="keep_last=0"):
        Checkpointer(tmp_path, keep_last=0)
    with pytest.raises(ValueError, match="best_metric"):
        Checkpointer(tmp_path, keep_last=1, keep_best=1)


PROCESS = """
import os
import sys
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.multihost_utils import sync_global_devices
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.checkpoint.checksums import MANIFEST
folder, address, index = sys.argv[1], sys.argv[2], int(sys.argv[3])
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(address, 2, index)
mesh = Mesh(np.array(jax.devices()), ("data",))
shardings = [NamedSharding(mesh, PartitionSpec(axis)) for axis in ("data", None)]
make = lambda step: jax.jit(lambda: [jnp.arange(8) + step, jnp.ones(3) * step],
                            out_shardings=shardings)()
abstract = [jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s) for x, s in zip(make(0), shardings)]
checkpointer = Checkpointer(folder, keep_last=2, report=lambda line: None)
for step in (1, 2, 3):
    checkpointer.save(step, make(step), meta={})
checkpointer.wait()
sync_global_devices("saved")
if index == 0:
    os.truncate(f"{folder}/checkpoints/3/{MANIFEST}", 10)
sync_global_devices("damaged")
step, state, _ = checkpointer.restore(abstract)
local = [np.array(x.addressable_shards[0].data).tolist() for x in state]
again = checkpointer.save(3, make(3), meta={}, wait=True)
print([step, local, again, checkpointer.restore(abstract)[0], checkpointer.steps()])
"""


def test_two_processes_save_one_checkpoint_and_agree_on_which_to_restore(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    env = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path), address, str(index)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        )
        for index in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    for index, (out, err) in enumerate(outputs):
        assert out.strip(), err
        mine = [[2, 3, 4, 5], [6, 7, 8, 9]][index]
        assert json.loads(out.splitlines()[-1].replace("True", "true")) == [
            2,
            [mine, [2.0, 2.0, 2.0]],
            True,
            3,
            [2, 3],
        ]


ROUNDS = 3

WRITER = """
import sys
import jax
import jax.numpy as jnp
from ssljax.training.checkpoint import Checkpointer
checkpointer = Checkpointer(sys.argv[1], keep_last=1)
start = (checkpointer.steps() or [0])[-1] + 1
keys = jax.random.split(jax.random.key(0), 3)
noise = {str(i): jax.random.normal(key, (300_000,)) for i, key in enumerate(keys)}
for step in range(start, 10_000):
    state = {"step": jnp.int32(step), "x": jax.tree.map(lambda x: x + step, noise)}
    checkpointer.save(step, state, meta={"step": step})
    print(step, flush=True)
"""


def test_killing_a_run_at_any_moment_loses_no_finished_checkpoint(make, tmp_path):
    rng = random.Random(0)
    abstract_state = {
        "step": jax.ShapeDtypeStruct((), jnp.int32),
        "x": {str(i): jax.ShapeDtypeStruct((300_000,), jnp.float32) for i in range(3)},
    }
    noise = [jax.random.normal(key, (300_000,)) for key in jax.random.split(jax.random.key(0), 3)]
    before = 0
    for _ in range(ROUNDS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            try:
                begun = 0
                while begun < before + 3:  # its saves up to the one before `begun` are finished
                    begun = int(writer.stdout.readline())
                time.sleep(rng.uniform(0.0, 0.15))
            finally:
                writer.kill()  # SIGKILL
        step, state, meta = make().restore(abstract_state)
        assert step >= begun - 1 and step == int(state["step"]) == meta["step"]
        for i, one in enumerate(noise):
            np.testing.assert_array_equal(state["x"][str(i)], one + step)
        before = step
    assert make.lines == []
