import errno
import gzip
import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import urllib.error

import numpy as np
import pytest

from ssljax.data import data_directory, open_source, prepare, storage
from ssljax.data.prepare import fashion_mnist, registry
from ssljax.data.prepare.debian import Unavailable, fetch_package
from ssljax.errors import UserError
from tests.data.conftest import picture


def idx(array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


@pytest.fixture
def small_original(tmp_path, monkeypatch):
    """The four files with 30 + 20 made-up images, served from a file:// address."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, count in {"train": 30, "t10k": 20}.items():
        pixels = rng.integers(0, 256, (count, 28, 28), np.uint8)
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(idx(pixels))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(
            idx(np.arange(count, dtype="u1") % 10)
        )
    monkeypatch.setattr(fashion_mnist, "_FILES", {"train": ("train", 30), "test": ("t10k", 20)})
    sums = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
    monkeypatch.setattr(fashion_mnist, "SHA256", sums)
    monkeypatch.setattr(fashion_mnist.download, "__defaults__", (folder.as_uri(), 5))
    return folder


@pytest.fixture
def no_debian(monkeypatch):
    def refuse(*_):
        raise Unavailable("apt-get is not on this machine")

    monkeypatch.setattr(registry, "fetch_package", refuse)


def names_in(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_a_prepared_set_is_used_again(fashion_mnist_dir, monkeypatch):
    monkeypatch.setattr(registry, "scratch", None)  # nothing may be written
    prepared = prepare("tfds:fashion_mnist", fashion_mnist_dir)
    assert prepared.name == "tfds:fashion_mnist" and "already prepared" in prepared.sentence


def test_it_is_the_tfds_data_set(fashion_mnist_dir):
    import tensorflow_datasets as tfds

    info = tfds.builder_from_directory(f"{fashion_mnist_dir}/fashion_mnist/3.0.1").info
    assert info.name == "fashion_mnist" and str(info.version) == "3.0.1"
    assert info.features["label"].names == list(fashion_mnist.CLASSES)
    assert info.supervised_keys == ("image", "label")
    assert "tensorflow" not in sys.modules


def test_without_debian_it_comes_from_upstream(tmp_path, small_original, no_debian):
    prepared = prepare("fashion_mnist", tmp_path / "data")
    assert prepared.name == "tfds:fashion_mnist" and "TFDS downloads" in prepared.sentence
    source = open_source("tfds:fashion_mnist", split="test", data_dir=str(tmp_path / "data"))
    original = fashion_mnist.read_idx(small_original / "t10k-images-idx3-ubyte.gz")
    np.testing.assert_array_equal(source.arrays["image"][..., 0], original)  # in the original order
    assert source.arrays["label"].tolist() == [i % 10 for i in range(20)]
    assert names_in(tmp_path / "data") == ["fashion_mnist"]


def test_nothing_to_be_had_falls_back_and_says_so(tmp_path, small_original, no_debian):
    file = small_original / "train-labels-idx1-ubyte.gz"
    file.write_bytes(file.read_bytes() + b"!")
    prepared = prepare("fashion_mnist", tmp_path / "data")
    assert prepared.name == "sklearn:digits"
    assert "apt-get is not on this machine" in prepared.sentence
    assert "train-labels-idx1-ubyte.gz is not the file that TFDS knows" in prepared.sentence
    assert "Falling back to sklearn:digits" in prepared.sentence
    assert names_in(tmp_path / "data") == []
    assert len(open_source(prepared.name)) == 1438


def test_an_unreachable_host_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="cannot be reached"):
        fashion_mnist.download(tmp_path / "x", "http://127.0.0.1:9", timeout=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "cannot read"),
        (idx(np.zeros((3, 2), np.uint8))[:-6], "cannot read"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x05abc"), "holds 3 bytes where its header says 5"),
        (gzip.compress(b"\0\0\x0d\x01\0\0\0\x05abc"), "no IDX file of bytes"),
        (gzip.compress(b"\0\0"), "no IDX file of bytes"),
        (gzip.compress(b"\0\0\x08\x03\0"), "no IDX file of bytes"),
    ],
    ids=["not gzip", "cut off", "too short", "not of bytes", "no header", "cut header"],
)
def test_idx_files_that_are_none(tmp_path, content, message):
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(Unavailable, match=message):
        fashion_mnist.read_idx(tmp_path / "x.gz")


def test_a_machine_without_apt(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="apt-get is not on this machine"):
        fetch_package("anything", tmp_path)


def fake_tool(folder, name, script):
    tool = folder / name
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        ("echo 'E: Unable to locate package x' >&2; exit 100", Unavailable, "Unable to locate"),
        ("exec sleep 60", Unavailable, "took more than 1 s"),
        ("exit 0", Unavailable, "did not download x"),
        ("echo 'E: write: No space left on device' >&2; exit 1", UserError, "no space left"),
    ],
)
def test_an_apt_that_fails(tmp_path, monkeypatch, script, error, message):
    tools = tmp_path / "bin"
    tools.mkdir()
    fake_tool(tools, "apt-get", script)
    fake_tool(tools, "dpkg", "exit 0")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(error, match=message):
        fetch_package("x", work, timeout=1)


# --- whole or not at all --------------------------------------------------------------------------


def test_an_interrupted_preparation_leaves_nothing(
    tmp_path, small_original, no_debian, monkeypatch
):
    monkeypatch.setattr(registry.os, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        prepare("fashion_mnist", tmp_path / "data")
    assert names_in(tmp_path / "data") == []


KILLED = """
import os, sys
from ssljax.data.prepare import registry
rename = os.rename
def publish(*args):
    print("writing is done", flush=True)
    __import__("time").sleep(60)
registry._publish = publish
registry.fetch_package = lambda name, folder: folder
registry.fashion_mnist.DEBIAN_FOLDER = ""
def write_tfds(files, data):
    (data / "fashion_mnist" / "3.0.1").mkdir(parents=True)
    return data / "fashion_mnist" / "3.0.1"
registry.fashion_mnist.read_arrays = lambda files: {}
registry.fashion_mnist.write_tfds = write_tfds
registry.prepare("fashion_mnist", sys.argv[1])
"""


def test_a_killed_preparation_is_cleared_away_by_the_next(tmp_path, small_original, no_debian):
    data = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(data)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert "writing is done" in process.stdout.readline()
        assert names_in(data) == [".fashion_mnist.unfinished"]
        with pytest.raises(UserError, match="is not prepared in"):
            open_source("tfds:fashion_mnist", data_dir=str(data))
        process.send_signal(signal.SIGKILL)
    assert prepare("fashion_mnist", data).name == "tfds:fashion_mnist"
    assert names_in(data) == ["fashion_mnist"]


def test_two_preparations_at_once_take_turns(tmp_path):
    held = []
    with storage.scratch(tmp_path, "set"):
        waiting = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import pathlib, sys; from ssljax.data import storage\n"
                "print('ready', flush=True)\n"
                "with storage.scratch(pathlib.Path(sys.argv[1]), 'set'): print('in', flush=True)",
                str(tmp_path),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert waiting.stdout.readline() == "ready\n"
        time.sleep(0.3)
        held.append(waiting.poll())
    assert waiting.communicate(timeout=30)[0] == "in\n" and held == [None]


def test_a_full_disk_is_told_in_one_line(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=10_000_000)
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match="has 10 MB free, 300 MB are needed; free some"):
        prepare("fashion_mnist", tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("Failed to finalize writing: write() failed: No space left on device; at 7"),
    ],
)
def test_a_disk_that_fills_up_leaves_nothing(
    tmp_path, small_original, no_debian, monkeypatch, error
):
    def full(*_):
        raise error

    monkeypatch.setattr(fashion_mnist, "write_tfds", full)
    with pytest.raises(UserError, match="no space left on the disk of"):
        prepare("fashion_mnist", tmp_path / "data")
    assert names_in(tmp_path / "data") == []


def test_a_folder_one_may_not_write_in(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match="cannot write in .*file.*set SSLJAX_DATA_DIR"):
            prepare("fashion_mnist", place)

    def deny(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(storage.pathlib.Path, "mkdir", deny)
    with pytest.raises(UserError, match="cannot write in .*Permission denied"):
        prepare("fashion_mnist", tmp_path / "data")


# --- the arrays kept beside a prepared set --------------------------------------------------------


def test_kept_arrays_are_dropped_when_the_records_change(tmp_path, small_original, no_debian):
    prepare("fashion_mnist", tmp_path)
    folder = tmp_path / "fashion_mnist" / "3.0.1"
    assert not list(folder.glob("*.lock"))
    cache = folder / "ssljax-train.npz"
    before = cache.stat().st_mtime_ns
    kept = open_source("tfds:fashion_mnist", data_dir=str(tmp_path))
    assert cache.stat().st_mtime_ns == before  # as prepared: nothing to decode
    cache.write_bytes(cache.read_bytes()[:1000])
    again = open_source("tfds:fashion_mnist", data_dir=str(tmp_path))
    np.testing.assert_array_equal(again.arrays["image"], kept.arrays["image"])
    with np.load(cache) as arrays:
        np.savez(cache, image=arrays["image"] * 0, label=arrays["label"], content="another")
    again = open_source("tfds:fashion_mnist", data_dir=str(tmp_path))
    np.testing.assert_array_equal(again.arrays["image"], kept.arrays["image"])
    assert not [p for p in folder.iterdir() if p.name.endswith("unfinished")]


def test_a_prepared_set_that_lost_a_part(tmp_path, small_original, no_debian):
    prepare("fashion_mnist", tmp_path)
    folder = tmp_path / "fashion_mnist" / "3.0.1"
    (folder / "fashion_mnist-train.array_record-00000-of-00001").unlink()
    with pytest.raises(UserError, match="train.array_record.* is missing.*prepare it again"):
        open_source("tfds:fashion_mnist", data_dir=str(tmp_path))
    info = json.loads((folder / "dataset_info.json").read_text())
    (folder / "dataset_info.json").write_text(json.dumps(info)[:100])
    with pytest.raises(UserError, match="is no data set that TFDS can read"):
        open_source("tfds:fashion_mnist", data_dir=str(tmp_path))


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "../x", "fashion mnist", "/etc"])
def test_names_that_are_none(tmp_path, name):
    with pytest.raises(UserError, match="is no TFDS name"):
        prepare(name, tmp_path)


def test_a_name_that_tfds_does_not_know(tmp_path):
    with pytest.raises(UserError, match="TFDS knows no data set 'fashion_mnits'"):
        prepare("fashion_mnits", tmp_path)
    assert names_in(tmp_path) == []


def test_where_data_live(monkeypatch):
    monkeypatch.delenv("SSLJAX_DATA_DIR", raising=False)
    assert str(data_directory()).endswith("/.cache/ssljax/data")
    monkeypatch.setenv("SSLJAX_DATA_DIR", "/elsewhere")
    assert str(data_directory()) == "/elsewhere" and str(data_directory("/here")) == "/here"


def test_hosts_that_do_not_answer(monkeypatch):
    asked = []

    def refuse(request, timeout):
        asked.append(request.full_url)
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(registry.urllib.request, "urlopen", refuse)
    urls = ["https://a.example/1", "https://a.example/2", "http://b.example/1"]
    with pytest.raises(UserError, match="no answer from a.example, b.example"):
        registry._require_reachable("mnist", urls)
    assert len(asked) == 2
    registry._require_reachable("made_up", [])  # nothing to download


def test_any_tfds_name_is_prepared_by_tfds(tmp_path):
    import tensorflow_datasets as tfds

    class SsljaxColours(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.2.0")

        def _info(self):
            features = {"image": tfds.features.Image(shape=(None, None, 3))}
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for number in range(5):
                yield number, {"image": picture(number, 4 + number, 6)}

    prepared = prepare("ssljax_colours", tmp_path)
    assert prepared.name == "tfds:ssljax_colours" and "by TFDS" in prepared.sentence
    source = open_source(prepared.name, data_dir=str(tmp_path))
    assert len(source) == 5 and None in source.fields["image"].shape and source.num_classes is None
    heights = {source[i]["image"][0, 0, 0]: source[i]["image"].shape[0] for i in range(5)}
    assert heights == {number: 4 + number for number in range(5)}
    assert len(open_source("tfds:ssljax_colours:1.2.0", data_dir=str(tmp_path))) == 5
    with pytest.raises(UserError, match="is not prepared in"):
        open_source("tfds:ssljax_colours:9.9.9", data_dir=str(tmp_path))
