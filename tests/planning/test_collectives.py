"""What a device sends, and how long that takes."""

import pytest

from ssljax.planning import hlo
from ssljax.planning.collectives import Collective
from ssljax.planning.cost import cost
from tests.planning.programs import one_instruction

MB = 1e6


def _one(operands: str, line: str, devices: int) -> Collective:
    ((found, times),) = cost(
        hlo.parse(one_instruction(operands, line)), devices=devices
    ).collectives
    assert times == 1
    return found


@pytest.mark.parametrize(
    "line, kind, payload, group",
    [
        ("f32[64]{0} all-reduce(%p0), replica_groups={{0,2},{1,3}}", "all-reduce", 256, (0, 2)),
        ("f32[64]{0} all-reduce(%p0), replica_groups={}", "all-reduce", 256, (0, 1, 2, 3)),
        ("f32[64]{0} all-reduce-start(%p0), replica_groups=[2,2]<=[4]", "all-reduce", 256, (0, 1)),
        (
            "f32[64]{0} all-reduce(%p0), replica_groups=[2,2]<=[2,2]T(1,0)",
            "all-reduce",
            256,
            (0, 2),
        ),
        ("f32[128]{0} all-gather(%p0), replica_groups=[2,2]<=[4]", "all-gather", 512, (0, 1)),
        (
            "f32[64]{0} all-reduce(%p0), replica_groups=mesh['a'=2,'b'=2] {'b'}, to_apply=%add",
            "all-reduce",
            256,
            (0, 1),
        ),
        (
            "f32[64]{0} all-reduce(%p0), replica_groups=mesh['a'=2,'b'=2] {'a','b'}",
            "all-reduce",
            256,
            (0, 1, 2, 3),
        ),
        (
            "f32[64]{0} all-reduce(%p0), replica_groups=mesh['a'=2,'b'=2], "
            "device_ids=([2,2]T(1,0)) {'b'}, use_global_device_ids=true",
            "all-reduce",
            256,
            (0, 2),
        ),
        (
            "f32[64]{0} all-reduce(%p0), replica_groups=mesh['a'=4] {'a':(1)2}",
            "all-reduce",
            256,
            (0, 2),
        ),
        (
            "f32[32]{0} reduce-scatter(%p0), replica_groups=[2,2]<=[4]",
            "reduce-scatter",
            256,
            (0, 1),
        ),
        (
            "f32[64]{0} collective-permute(%p0), source_target_pairs={{0,1},{1,2},{2,3},{3,0}}",
            "collective-permute",
            256,
            (3, 0),
        ),
    ],
)
def test_a_collective_is_read(line, kind, payload, group):
    found = _one("f32[64]{0}", f"%y = {line}", devices=4)
    assert (found.kind, found.payload, found.group) == (kind, payload, group)
    assert found.dtype == "f32"


def test_padding_is_not_sent():
    line = "%y = f32[3]{0:T(128)} all-reduce(%p0), replica_groups=[1,4]<=[4]"
    assert _one("f32[3]{0:T(128)}", line, 4).payload == 12


def test_the_end_of_an_asynchronous_collective_is_not_another():
    text = one_instruction("f32[8]{0}", "%y = f32[8]{0} all-reduce-done(%p0)")
    assert cost(hlo.parse(text), devices=4).collectives == ()


def test_a_collective_that_runs_beside_other_work_is_one():
    """As a TPU's compiler writes it: a start, a product beside it, and an end."""
    text = """\
%start (a: f32[64,8]) -> (f32[64,8], f32[512,8]) {
  %a = f32[64,8]{1,0} parameter(0)
  %g1 = f32[512,8]{1,0} all-gather(%a), channel_id=5, replica_groups=[1,8]<=[8], dimensions={0}
  ROOT %s = (f32[64,8]{1,0}, f32[512,8]{1,0}) custom-call(%g1), custom_call_target="AsyncCollectiveStart"
}

%beside (b: f32[64,8], c: f32[512,8], x: f32[8,8]) -> (f32[8,8], f32[64,8], f32[512,8]) {
  %b = f32[64,8]{1,0} parameter(0)
  %c = f32[512,8]{1,0} parameter(1)
  %x = f32[8,8]{1,0} parameter(2)
  %g2 = f32[512,8]{1,0} all-gather(%b), channel_id=5, replica_groups=[1,8]<=[8], dimensions={0}
  %y = f32[8,8]{1,0} dot(%x, %x), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT %t = (f32[8,8]{1,0}, f32[64,8]{1,0}, f32[512,8]{1,0}) tuple(%y, %b, %g2)
}

%end (d: f32[64,8], e: f32[512,8]) -> f32[512,8] {
  %d = f32[64,8]{1,0} parameter(0)
  %e = f32[512,8]{1,0} parameter(1)
  %g3 = f32[512,8]{1,0} all-gather(%d), channel_id=5, replica_groups=[1,8]<=[8], dimensions={0}
  ROOT %z = f32[512,8]{1,0} custom-call(%d, %e, %g3), custom_call_target="AsyncCollectiveDone"
}

ENTRY %main (p: f32[64,8], q: f32[8,8]) -> f32[512,8] {
  %p = f32[64,8]{1,0} parameter(0)
  %q = f32[8,8]{1,0} parameter(1)
  %f1 = (f32[64,8]{1,0}, f32[512,8]{1,0}) fusion(%p), kind=kCustom, calls=%start
  %h1 = f32[64,8]{1,0} get-tuple-element(%f1), index=0
  %i1 = f32[512,8]{1,0} get-tuple-element(%f1), index=1
  %f2 = (f32[8,8]{1,0}, f32[64,8]{1,0}, f32[512,8]{1,0}) fusion(%h1, %i1, %q), calls=%beside
  %h2 = f32[64,8]{1,0} get-tuple-element(%f2), index=1
  %i2 = f32[512,8]{1,0} get-tuple-element(%f2), index=2
  ROOT %f3 = f32[512,8]{1,0} fusion(%h2, %i2), kind=kCustom, calls=%end
}
"""  # noqa: E501
    counted = cost(hlo.parse(text), devices=8)
    ((gather, times),) = counted.collectives
    assert (gather.kind, gather.payload, times) == ("all-gather", 512 * 8 * 4, 1)
    # The gather reads a shard and writes the whole; the product reads and writes 8 x 8.
    assert counted.nbytes == 4 * (64 * 8 + 512 * 8 + 2 * 64)
    assert counted.flops == 2 * 8 * 8 * 8


def test_a_reduction_of_which_each_device_keeps_its_part_is_a_reduce_scatter():
    text = """\
%all-reduce-scatter.1 (a: f32[64,8], i: s32[]) -> f32[16,8] {
  %a = f32[64,8]{1,0} parameter(0)
  %i = s32[] parameter(1)
  %r = f32[64,8]{1,0} all-reduce(%a), channel_id=3, replica_groups={{0,1,2,3},{4,5,6,7}}
  ROOT %part = f32[16,8]{1,0} dynamic-slice(%r, %i, %i), dynamic_slice_sizes={16,8}
}

ENTRY %main (p: f32[64,8], j: s32[]) -> f32[16,8] {
  %p = f32[64,8]{1,0} parameter(0)
  %j = s32[] parameter(1)
  ROOT %f = f32[16,8]{1,0} fusion(%p, %j), kind=kCustom, calls=%all-reduce-scatter.1
}
"""
    counted = cost(hlo.parse(text), devices=8)
    ((one, _),) = counted.collectives
    assert (one.kind, one.sent) == ("reduce-scatter", 64 * 8 * 4 * 3 / 4)
    assert counted.nbytes == 4 * (64 * 8 + 16 * 8 + 1)


@pytest.mark.parametrize(
    "kind, sent",
    [
        ("all-reduce", 1.5),
        ("all-gather", 0.75),
        ("reduce-scatter", 0.75),
        ("all-to-all", 0.75),
        ("collective-permute", 1),
    ],
)
def test_bytes_sent_in_a_ring_of_four(kind, sent):
    assert Collective(kind, "f32", 8 * MB, (0, 1, 2, 3)).sent == sent * 8 * MB


def test_alone_a_device_sends_nothing():
    assert Collective("all-reduce", "f32", MB, (3,)).sent == 0
    assert Collective("collective-permute", "f32", MB, (0,)).sent == 0


def test_time_within_a_host_is_that_of_its_links():
    one = Collective("all-reduce", "f32", 8 * MB, tuple(range(8)))
    assert one.seconds(link=1 * MB, network=1.0, per_host=8) == pytest.approx(2 * 8 * 7 / 8)


def test_between_hosts_a_device_sends_its_share_of_what_the_host_has_summed():
    one = Collective("all-reduce", "f32", 8 * MB, tuple(range(16)))
    # An eighth of 8 MB, to and from the other of two hosts.
    assert one.seconds(link=1e12, network=MB, per_host=8) == pytest.approx(1.0)
    slow_links = one.seconds(link=MB, network=1e12, per_host=8)
    assert slow_links == pytest.approx(one.sent / MB - 1.0)  # the rest goes over links


def test_one_device_of_each_host_sends_all_over_the_network():
    one = Collective("all-gather", "f32", 8 * MB, (0, 8, 16, 24))
    assert one.seconds(link=1e12, network=MB, per_host=8) == pytest.approx(6.0)


def test_of_an_exchange_with_all_what_is_for_other_hosts_goes_over_the_network():
    one = Collective("all-to-all", "f32", 16 * MB, tuple(range(16)))
    assert one.seconds(link=1e12, network=MB, per_host=8) == pytest.approx(8.0)
