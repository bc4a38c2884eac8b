"""BEiT: a tokenizer that no one trains names the patches that are hidden."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.ops.keys import per_example
from ssljax.training.tree_paths import named_leaves
from tests.objectives.cases import CASES
from tests.objectives.cases.small import RESNET
from tests.objectives.conftest import BATCH, SPEC, STEPS, trial

ENCODER, SECTION = CASES["beit"]


def build(encoder=ENCODER, without=(), **changes):
    run = Run(build_encoder(encoder), SPEC, steps=STEPS, batch_size=4)
    fields = {**SECTION, "views": {"crop": {}}, **changes}
    return build_objective(ConfigDict({k: v for k, v in fields.items() if k not in without}), run)


def test_equal_scores_cost_the_logarithm_of_the_number_of_codes():
    one = trial("beit")
    params = {**one.state.params, "head": jax.tree.map(jnp.zeros_like, one.state.params["head"])}
    loss = jax.jit(
        lambda: one.objective.value(
            params, one.state.objective_state, one.batches[0], key=jax.random.key(0), step=0
        )[0]
    )()
    assert float(loss) == pytest.approx(np.log(8), rel=1e-6)


def test_the_labels_are_the_tokenizers_ids_of_the_hidden_patches():
    one, objective, key = trial("beit"), build(), jax.random.key(0)
    batch, memory = one.batches[0], one.state.objective_state
    tokenizer = memory["tokenizer"]
    images = (jnp.asarray(batch["image"], jnp.float32) / 255 - 0.3) / 0.4
    tokenize = jax.jit(objective.vq_vae.tokenize)
    ids = np.asarray(tokenize(tokenizer["params"], tokenizer["objective_state"], images))
    masked = objective.mask(per_example(jax.random.split(key, 3)[1], batch["row"]))
    guess = np.bincount(ids.ravel()).argmax()
    right = np.mean(ids[np.asarray(masked)] == guess)
    assert ids.shape == (BATCH, 16) and 0 < right < 1

    always = {"output": {"kernel": jnp.zeros((16, 8)), "bias": 50.0 * jnp.eye(8)[guess]}}
    params = {**one.state.params, "head": always}
    loss, aux = jax.jit(lambda: objective.value(params, memory, batch, key=key, step=0))()
    assert float(aux.metrics["accuracy"]) == pytest.approx(right)
    assert float(loss) == pytest.approx(50 * (1 - right), rel=1e-3)


def test_a_run_of_the_vq_vae_has_all_that_the_tokenizer_needs():
    encoder, fields = CASES["vq_vae"]
    tokenizer = {"encoder": encoder, **{k: fields[k] for k in ("codes", "code_dim")}}
    memory = jax.eval_shape(lambda: build(tokenizer=tokenizer).memory(jax.random.key(0)))
    run = trial("vq_vae").state
    for part in ("params", "objective_state"):
        theirs = named_leaves(getattr(run, part))
        for path, leaf in named_leaves(memory["tokenizer"][part]).items():
            assert (leaf.shape, leaf.dtype) == (theirs[path].shape, theirs[path].dtype), path


def test_the_tokenizer_stays_as_it_is():
    one = trial("beit")
    state = one.step(one.state, one.batches[0])[0]
    jax.tree.map(np.testing.assert_array_equal, state.objective_state, one.state.objective_state)
    assert set(state.objective_state["tokenizer"]["params"]) == {"encoder", "to_code"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mask_patches": 16}, "count must lie between 0 and 16 patches, got 16"),
        ({"smallest_block": 0}, "objective.smallest_block=0; it must be at least 1"),
        ({"tokenizer": {"codes": 8}}, "tokenizer lacks tokenizer.encoder"),
        ({"tokenizer": {"encoder": RESNET, "code": 8}}, "tokenizer.code'; did you mean"),
        (
            {"tokenizer": {"encoder": {**ENCODER, "patch_size": 4}}},
            "tokenizer makes 4 tokens of an image that has 16 patches",
        ),
        ({"without": ("tokenizer",)}, "objective lacks objective.tokenizer"),
        ({"encoder": RESNET}, "beit masks patches"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_run(changes, message):
    with pytest.raises(UserError, match=message):
        build(**changes)
