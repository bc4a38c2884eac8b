import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.schedule import SCHEDULES, cosine, geometric, linear, sine

every_shape = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)


def test_cosine_is_byols():
    for step in (0, 1, 333, 999, 1000):
        expected = 1 - (1 - 0.996) * (math.cos(math.pi * step / 1000) + 1) / 2
        got = float(cosine(step, start=0.996, end=1.0, steps=1000))
        assert got == pytest.approx(expected, abs=1e-7)


def test_linear_by_hand():
    got = [float(linear(step, start=2.0, end=-2.0, steps=8)) for step in (0, 2, 4, 7, 8, 9)]
    assert got == [2.0, 1.0, 0.0, -1.5, -2.0, -2.0]


def test_sine_is_that_of_the_port_of_tico():
    for epoch in (0, 1, 50, 99):
        expected = 0.99 + (1 - 0.99) * np.sin((np.pi / 2) * epoch / (100 - 1))
        got = float(sine(epoch, start=0.99, end=1.0, steps=99))
        assert got == pytest.approx(expected, abs=1e-7)


@every_shape
def test_it_rises_and_stays_at_its_end(schedule):
    steps = jnp.arange(0, 300, 7)
    values = jax.vmap(lambda s: schedule(s, start=0.9, end=0.99, steps=200))(steps)
    assert values[0] == np.float32(0.9) and (jnp.diff(values) >= 0).all()
    np.testing.assert_allclose(values[steps >= 200], 0.99, rtol=1e-6)


@every_shape
def test_no_steps_is_the_end_and_fewer_are_refused(schedule):
    assert schedule(0, start=0.1, end=0.5, steps=0) == np.float32(0.5)
    with pytest.raises(ValueError, match="steps must be at least 0, got -1"):
        schedule(0, start=0.9, end=1.0, steps=-1)


def test_geometric_is_the_temperature_of_wav2vec2():
    """fairseq, gumbel_vector_quantizer.py (set_num_updates), with (2, .5, .999995)."""
    for step in (0, 1, 1000, 100_000, 277_000, 300_000, 400_000):
        expected = max(2 * 0.999995**step, 0.5)
        found = geometric(step, start=2.0, end=0.5, factor=0.999995)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="factor must be above 0 and at most 1, got 1.5"):
        geometric(0, start=2.0, end=0.5, factor=1.5)
