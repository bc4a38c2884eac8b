"""Which settings are tried, and in which order, to make a step fit."""

import dataclasses

import pytest

from ssljax.planning.fit import candidates, search
from ssljax.planning.plan import Plan
from ssljax.planning.program import Memory
from ssljax.training.config import complete

GIB = 2**30


def _plan(*, state: float, peak: float, settings=None, chips: int = 64) -> Plan:
    return Plan(
        topology="tpu:v5e:8x8",
        chips=chips,
        mesh={"data": chips, "fsdp": 1, "tensor": 1},
        batch_size=1024,
        settings=settings or {},
        parts=(),
        memory=Memory(state * GIB, 0, None, peak * GIB, 16 * GIB),
    )


def _config(objective: str = "mae", encoder: str = "vit_s", **changes):
    return complete(
        {"batch_size": 1024, "encoder": {"name": encoder}, "objective": {"name": objective}}
        | changes
    )


def test_large_activations_are_computed_again_before_anything_is_cut():
    tried = list(candidates(_config(), _plan(state=1, peak=20)))
    assert tried[0] == {"encoder.remat": "dots"}
    assert {"encoder.remat": "full"} in tried
    assert tried.index({"encoder.remat": "full"}) < next(
        number for number, settings in enumerate(tried) if "mesh.fsdp" in settings
    )


def test_a_large_state_is_cut_first_over_no_more_chips_than_it_takes():
    tried = list(candidates(_config(), _plan(state=30, peak=40)))
    assert tried[0] == {"mesh.data": -1, "mesh.fsdp": 8}  # 30 / 8 is a quarter of 16, at most
    assert all("mesh.fsdp" in settings for settings in tried)


def test_micro_batches_come_last_and_divide_the_batch():
    tried = list(candidates(_config(), _plan(state=1, peak=20)))
    counts = [settings.get("accumulate", 1) for settings in tried]
    assert counts == sorted(counts) and max(counts) == 16  # 1024 = 64 chips x 16


@pytest.mark.parametrize("encoder, wanted", [("resnet50", set()), ("vit_s", {2, 4, 8, 16})])
def test_where_the_loss_needs_the_whole_batch_only_the_encoder_takes_it_in_parts(encoder, wanted):
    tried = list(candidates(_config("simclr", encoder), _plan(state=1, peak=20)))
    assert tried and not any("accumulate" in settings for settings in tried)
    assert {settings.get("encoder.grad_cache", 1) for settings in tried} - {1} == wanted
    assert any("encoder.remat" in settings for settings in tried) == (encoder == "vit_s")


def test_what_computes_everything_again_already_goes_on_from_there():
    config = _config(encoder="vit_s")
    config.encoder.remat = "full"
    assert not any(
        "encoder.remat" in settings for settings in candidates(config, _plan(state=1, peak=20))
    )


def test_the_search_ends_at_the_first_that_fits():
    def plan(settings):
        peak = {"dots": 18, "full": 12}.get(settings.get("encoder.remat"), 17)
        return _plan(state=1, peak=peak, settings=settings)

    plans = search(_config(), _plan(state=1, peak=20), plan)
    assert not any(one.memory.fits for one in plans[:-1])
    assert plans[-1].memory.fits and plans[-1].settings == {"encoder.remat": "full"}


def test_what_fits_is_left_as_it_is():
    first = _plan(state=1, peak=4)
    assert search(_config(), first, lambda settings: pytest.fail("tried")) == [first]


def test_where_nothing_fits_all_was_tried():
    first = _plan(state=1, peak=40)
    plans = search(_config(), first, lambda settings: dataclasses.replace(first, settings=settings))
    assert len(plans) == 1 + len(list(candidates(_config(), first)))
