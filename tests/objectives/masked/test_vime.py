"""VIME: the values that are imputed, and cells that were replaced."""

import jax
import numpy as np

from tests.objectives.conftest import BATCH, COLUMNS, trial


def test_values_are_numbers_and_one_hot_categories():
    one = trial("vime")
    values = one.objective.values(one.batches[0]["table"])
    assert values.shape == (BATCH, sum(size or 1 for size in COLUMNS))
    out = one.state.params["value_head"]["output"]["bias"].shape
    assert out == values.shape[1:]
    assert one.state.params["mask_head"]["output"]["bias"].shape == (len(COLUMNS),)


def test_of_equal_rows_no_cell_is_corrupted():
    one = trial("vime")
    same = {**one.batches[0], "table": np.repeat(one.batches[0]["table"][:1], BATCH, axis=0)}
    args = one.state.params, one.state.objective_state
    _, aux = one.objective.value(*args, same, key=jax.random.key(0), step=0)
    assert aux.metrics["corrupted"] == 0

    def corrupted(key):
        _, aux = one.objective.value(*args, one.batches[0], key=key, step=0)
        return aux.metrics["corrupted"]

    shares = jax.jit(jax.vmap(corrupted))(jax.random.split(jax.random.key(0), 200))
    assert 0.15 < np.mean(shares) < 0.3  # some cells are replaced by an equal category
