"""What a run writes down: metrics.jsonl and the TensorBoard files."""

import json
import struct

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from ssljax.errors import UserError
from ssljax.training.metrics import MetricsWriter, read_metrics


def _events(folder):
    """Return the events of all TensorBoard files of a workdir, in the order of the files."""
    found = []
    for path in sorted((folder / "tensorboard").iterdir()):
        data, start = path.read_bytes(), 0
        while start < len(data):
            (size,) = struct.unpack_from("<Q", data, start)
            found.append(Event.FromString(data[start + 12 : start + 12 + size]))
            start += 12 + size + 4  # the length and the content each have a checksum
    return found


def test_scalars_come_back_from_both_files(tmp_path):
    writer = MetricsWriter(tmp_path, first_step=3)
    writer.write(4, {"loss": 0.5, "knn": float("nan")})
    writer.close()
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["loss"] == 0.5
    version, start, *scalars = _events(tmp_path)
    assert version.file_version == "brain.Event:2"
    assert start.step == 4 and start.session_log.status == start.session_log.START
    values = {one.summary.value[0].tag: one.summary.value[0].simple_value for one in scalars}
    assert values["loss"] == 0.5 and np.isnan(values["knn"])
    assert {one.step for one in scalars} == {4} and all(one.wall_time > 1e9 for one in scalars)


STRANGE = [
    "5",
    "[1]",
    "null",
    "{",
    "",
    '{"step": "4"}',
    '{"step": true}',
    '{"loss": 1}',
    "[" * 9999,
]


def test_lines_that_are_not_ours_and_those_after_the_checkpoint_are_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    good = ['{"step": 1, "loss": 2.5}', '{"step": 2}', '{"step": 3}']
    lines = [line.encode() for pair in zip(good, STRANGE, strict=False) for line in pair]
    lines += [b'\xff{"step": 1}', *(line.encode() for line in STRANGE), b'{"step": 2, "lo']
    path.write_bytes(b"\n".join(lines))
    assert [line["step"] for line in read_metrics(path)] == [1, 2, 3]
    MetricsWriter(tmp_path, first_step=2).close()
    assert path.read_text().splitlines() == good[:2]


@pytest.mark.parametrize("name", ["metrics.jsonl", "tensorboard"])
def test_what_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / name).mkdir() if name == "metrics.jsonl" else (tmp_path / name).touch()
    with pytest.raises(UserError, match=f"cannot .*{name}"):
        MetricsWriter(tmp_path, first_step=0)


def test_a_full_disk_is_told_and_stops_nothing_from_ending(full_disk):
    """SummaryWriter of tensorboardX would wait for ever for its thread, which is dead by then."""
    disk, reason = full_disk
    writer = MetricsWriter(disk, first_step=0)
    with pytest.raises(UserError, match=f"cannot write metrics to .*: {reason}"):
        for step in range(2000):
            writer.write(step, {"loss" * 200: 1.0})
    with pytest.raises(UserError, match=reason):
        writer.close()
    kept = [line["step"] for line in read_metrics(disk / "metrics.jsonl")]
    assert kept == list(range(len(kept))) and kept
