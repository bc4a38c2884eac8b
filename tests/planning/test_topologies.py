"""Topologies by name, and the time that follows from their peaks."""

import importlib.util
import math

import pytest

from ssljax.errors import UserError
from ssljax.planning.collectives import Collective
from ssljax.planning.cost import Cost
from ssljax.planning.roofline import mfu, roofline
from ssljax.planning.topologies import CHIPS, known, parse
from ssljax.training.sharding import make_mesh


@pytest.mark.parametrize(
    "spec, platform, size",
    [
        ("tpu:v5e:16x16", "tpu", 256),
        ("tpu:v5p:4x8x8", "tpu", 256),
        ("tpu:v5p:16x16x16", "tpu", 4096),
        ("tpu:v6e:8x8", "tpu", 64),
        ("gpu:h100:8", "gpu", 8),
        ("gpu:h100:8x8", "gpu", 64),
        ("gpu:a100:2x4", "gpu", 8),
        ("cpu:8", "cpu", 8),
    ],
)
def test_a_topology_by_its_name(spec, platform, size):
    topology = parse(spec)
    assert (topology.platform, topology.size) == (platform, size)


@pytest.mark.parametrize("spec", known())
def test_every_name_that_is_offered_is_one(spec):
    topology = parse(spec)
    assert topology.size >= 1 and topology.memory > 2**30


@pytest.mark.parametrize(
    "spec, message",
    [
        ("tpu:v5e:16x17", "did you mean 'tpu:v5e:16x16'"),
        ("tpu:v5:16x16", "did you mean 'tpu:v5"),
        ("tpu:v5e", "did you mean 'tpu:v5e:"),
        ("tpu:v5e:4x4x4", "did you mean 'tpu:v5"),
        ("gpu:h10:8", "did you mean 'gpu:h100:8'"),
        ("gpu:h100:8x16", "16 must be from 1 to 8"),
        ("gpu:h100:eight", "gpu:h100:8 (one host)"),
        ("cpu:0", "0 must be from 1 to 512"),
        ("cpu:two", "write tpu:v5e:16x16"),
        ("", "unknown topology ''"),
    ],
)
def test_a_topology_that_does_not_exist_names_the_nearest(spec, message):
    with pytest.raises(UserError) as error:
        parse(spec)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_the_largest_of_three_times_is_that_of_a_step():
    topology = parse("tpu:v5e:16x16")
    reduction = Collective("all-reduce", "f32", 200e9, tuple(range(256)))
    slow = Cost(nbytes=819e9, collectives=((reduction, 3),))
    line = roofline(2 * 197e12, slow, topology)
    assert (line.compute, line.memory) == (2.0, 1.0)
    assert line.network == pytest.approx(3 * 2 * 255 / 256)
    assert (line.seconds, line.bound) == (line.network, "network")
    assert roofline(8 * 197e12, slow, topology).bound == "compute"


def test_a_time_that_is_not_known_bounds_nothing():
    line = roofline(197e12, Cost(nbytes=None), parse("tpu:v5e:16x16"))
    assert (line.memory, line.seconds, line.bound) == (None, 1.0, "compute")


def test_all_chips_of_a_tpu_slice_are_joined_by_links_and_hosts_of_gpus_by_a_network():
    reduction = Cost(collectives=((Collective("all-reduce", "f32", 64e9, tuple(range(64))), 1),))
    tpu = roofline(0, reduction, parse("tpu:v5e:8x8"))
    assert tpu.network == pytest.approx(2 * 64 * 63 / 64 / 200)
    hosts = roofline(0, reduction, parse("gpu:h100:8x8"))
    assert hosts.network == pytest.approx(2 * 8 * 7 / 8 / 50)
    small_hosts = roofline(0, reduction, parse("gpu:h100:16x4"))
    assert small_hosts.network == pytest.approx(2 * 16 * 15 / 16 / 50)


def test_utilisation_is_one_at_the_peak():
    topology = parse("tpu:v5p:4x8x8")
    assert mfu(256 * 459e12, 1.0, topology) == 1
    assert mfu(256 * 459e12, 4.0, topology) == 0.25


def test_a_cpu_has_no_peaks():
    assert roofline(1e12, Cost(), parse("cpu:8")) is None


@pytest.mark.parametrize("name", CHIPS)
def test_peaks_are_of_their_order(name):
    chip = CHIPS[name]
    assert 1e14 < chip.flops < 1e15 and 8e11 < chip.bandwidth < 8e12
    assert 1e11 < chip.link < 1e12 and chip.memory < 2**38
    # Between hosts of GPUs there is a slower network; a slice of TPUs has links throughout.
    assert chip.network == math.inf if not chip.per_host else chip.network < chip.link


@pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None,
    reason="needs libtpu: pip install -e '.[plan-tpu]'",
)
@pytest.mark.parametrize("spec", ["tpu:v5e:16x16", "tpu:v5p:4x8x8", "tpu:v6e:16x16"])
@pytest.mark.parametrize("fsdp", [2, 4, 16, 256])
def test_every_mesh_of_a_torus_can_be_built(spec, fsdp, monkeypatch):
    for name, value in parse(spec).environment.items():
        monkeypatch.setenv(name, value)
    mesh = make_mesh({"data": -1, "fsdp": fsdp, "tensor": 1}, parse(spec).devices())
    assert dict(mesh.shape) == {"data": 256 // fsdp, "fsdp": fsdp, "tensor": 1}
    assert len(set(mesh.devices.flat)) == 256
