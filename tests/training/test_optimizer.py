import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder, init
from ssljax.training.optimizer import OPTIMIZERS, build_optimizer
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS
from ssljax.training.tree_paths import named_leaves
from tests.reference import optimizers as reference

STEPS = 6
SHAPES = {
    "encoder": {
        "stem": {"kernel": (3, 4)},
        "block_0": {"dense": {"kernel": (4, 4), "bias": (4,)}, "norm": {"scale": (4,)}},
        "block_1": {"dense": {"kernel": (4, 4), "bias": (4,)}, "norm": {"scale": (4,)}},
        "norm": {"scale": (4,), "bias": (4,)},
    },
    "head": {"kernel": (4, 2), "bias": (2,)},
}
KERNELS = [
    path.endswith("kernel")
    for path in named_leaves(
        jax.tree.map(lambda shape: np.zeros(shape), SHAPES, is_leaf=lambda x: isinstance(x, tuple))
    )
]


def random_tree(seed):
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda shape: rng.normal(size=shape).astype(np.float32),
        SHAPES,
        is_leaf=lambda x: isinstance(x, tuple),
    )


PARAMS = random_tree(0)
GRADS = [random_tree(step + 1) for step in range(STEPS)]


def build(params=PARAMS, *, steps=STEPS, batch_size=256, **config):
    return build_optimizer(config, steps=steps, batch_size=batch_size, params=params)


def train(optimizer, params=PARAMS, grads=GRADS):
    @jax.jit
    def take(params, state, grads, step):
        updates, state = optimizer.transform.update(grads, state, params, step=step)
        return optax.apply_updates(params, updates), state

    state = optimizer.transform.init(params)
    for step, grad in enumerate(grads):
        params, state = take(params, state, grad, step)
    return params, state


def as_arrays(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def assert_close(tree, expected, rtol=2e-5):
    for name, one, other in zip(named_leaves(tree), jax.tree.leaves(tree), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-6, err_msg=name)


SCHEDULED = dict(learning_rate=0.05, schedule="cosine", warmup_steps=2, final_scale=0.1)
ORACLES = {
    "adamw": (dict(b1=0.8, b2=0.95, eps=1e-6), dict(b1=0.8, b2=0.95, eps=1e-6)),
    "lamb": (dict(b1=0.8, b2=0.95, eps=1e-6), dict(b1=0.8, b2=0.95, eps=1e-6, adapted=KERNELS)),
    "sgd": (dict(momentum=0.7), dict(momentum=0.7, nesterov=False)),
    "sgd nesterov": (dict(momentum=0.7, nesterov=True), dict(momentum=0.7, nesterov=True)),
    "lars": (
        dict(momentum=0.7, trust_coefficient=0.01),
        dict(momentum=0.7, nesterov=False, adapted=KERNELS, eeta=0.01),
    ),
    "lars outside": (
        dict(momentum=0.7, trust_coefficient=0.01, rate_in_momentum=False),
        dict(momentum=0.7, nesterov=False, adapted=KERNELS, eeta=0.01, inside=False),
    ),
    "lars nesterov": (
        dict(momentum=0.7, nesterov=True, trust_coefficient=0.01),
        dict(momentum=0.7, nesterov=True, adapted=KERNELS, eeta=0.01),
    ),
}


@pytest.mark.parametrize("case", ORACLES)
def test_optimizer_is_the_numpy_loop(case):
    name = case.split()[0]
    config, options = ORACLES[case]
    optimizer = build(name=name, weight_decay=0.3, **config, **SCHEDULED)
    rates = jax.device_get(jax.jit(jax.vmap(optimizer.learning_rate))(np.arange(STEPS)))
    expected = getattr(reference, name)(
        as_arrays(PARAMS),
        [as_arrays(grad) for grad in GRADS],
        rates,
        decays=[0.3 if kernel else 0.0 for kernel in KERNELS],
        **options,
    )
    assert_close(train(optimizer)[0], expected)


@pytest.mark.parametrize("name", ["lars", "lamb"])
def test_a_zero_parameter_still_moves_under_a_trust_ratio(name):
    params = jax.tree.map(jnp.zeros_like, PARAMS)
    moved, _ = train(build(name=name, learning_rate=0.1, schedule="constant"), params)
    assert all(np.isfinite(leaf).all() and leaf.any() for leaf in as_arrays(moved))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_all_state_is_float32_or_a_counter(name):
    state = build(name=name, momentum=0.9).transform.init(PARAMS)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(state)} <= {"float32", "int32"}


@pytest.mark.parametrize(
    "schedule, expected",
    [
        ("cosine", [0.0, 0.5, 1.0, 0.55, 0.1]),
        ("linear", [0.0, 0.5, 1.0, 0.55, 0.1]),
        ("constant", [0.0, 0.5, 1.0, 1.0, 1.0]),
    ],
)
def test_schedules_at_their_landmarks(schedule, expected):
    rate = build(
        learning_rate=1.0, schedule=schedule, warmup_steps=10, final_scale=0.1, steps=110
    ).learning_rate
    np.testing.assert_allclose([rate(step) for step in (0, 5, 10, 60, 110)], expected, atol=1e-6)


def test_a_rate_that_falls_in_steps_is_that_of_multistep_lr():
    """PyTorch's MultiStepLR, milestones counted in steps: the rate is lower from a milestone on."""
    config = dict(schedule="step", milestones=(20, 30), gamma=0.5, warmup_steps=10)
    rate = build(learning_rate=2.0, steps=40, **config).learning_rate
    at = [5, 10, 19, 20, 29, 30, 39]
    np.testing.assert_allclose([rate(step) for step in at], [1, 2, 2, 1, 1, 0.5, 0.5], rtol=1e-6)


def test_warmup_stable_decay_ends_in_a_line_to_the_last_rate():
    config = dict(schedule="wsd", cooldown_steps=20, warmup_steps=10, final_scale=0.1)
    rate = build(learning_rate=1.0, steps=110, **config).learning_rate
    at = [0, 10, 90, 100, 110]
    np.testing.assert_allclose([rate(step) for step in at], [0, 1, 1, 0.55, 0.1], atol=1e-6)


def test_three_stages_end_in_equal_factors():
    """fairseq's tri_stage: lr = peak exp(t log(final_scale) / decay_steps) in the last stage."""
    config = dict(schedule="tri_stage", cooldown_steps=20, warmup_steps=10, final_scale=0.01)
    rate = build(learning_rate=2.0, steps=110, **config).learning_rate
    at = [0, 5, 10, 90, 100, 110, 200]
    wanted = [0, 1, 2, 2, 0.2, 0.02, 0.02]
    np.testing.assert_allclose([rate(step) for step in at], wanted, rtol=1e-5)


def test_the_inverse_square_root_goes_on_from_the_warmup():
    """fairseq's inverse_sqrt: lr = peak sqrt(warmup) / sqrt(step)."""
    rate = build(learning_rate=2.0, steps=1000, schedule="rsqrt", warmup_steps=10).learning_rate
    at = [0, 5, 10, 40, 90, 1000]
    wanted = [0, 1, 2, 1, 2 / 3, 0.2]
    np.testing.assert_allclose([rate(step) for step in at], wanted, rtol=1e-6)


def test_a_schedule_longer_than_the_run_is_cut_off_and_a_warmup_can_start_above_0():
    """MSN's WarmupCosineSchedule and CosineWDSchedule, made for 1.25 times the run."""
    optimizer = build(
        learning_rate=1e-3,
        warmup_steps=20,
        warmup_init_scale=0.2,
        final_scale=1e-3,
        schedule_length=1.25,
        weight_decay=0.04,
        final_decay_scale=10.0,
        steps=80,
    )
    for step in (0, 5, 20, 50, 79):
        part = np.cos(np.pi * (step - 20) / (100 - 20))
        warm = 2e-4 + step / 20 * (1e-3 - 2e-4)
        expected = warm if step < 20 else 1e-6 + (1e-3 - 1e-6) * 0.5 * (1 + part)
        np.testing.assert_allclose(optimizer.learning_rate(step), expected, rtol=1e-5)
        decay = 0.4 + (0.04 - 0.4) * 0.5 * (1 + np.cos(np.pi * step / 100))
        np.testing.assert_allclose(0.04 * optimizer.decay_scale(step), decay, rtol=1e-5)


def test_cosine_is_not_a_line_and_needs_no_warmup():
    rate = build(learning_rate=1.0, steps=100).learning_rate
    quarter = 0.5 * (1 + np.cos(np.pi / 4))
    np.testing.assert_allclose([rate(0), rate(25), rate(100)], [1.0, quarter, 0.0], atol=1e-6)


@pytest.mark.parametrize("scaling, expected", [("none", 0.3), ("linear", 4.8), ("sqrt", 1.2)])
def test_scaling_by_the_batch(scaling, expected):
    optimizer = build(learning_rate=0.3, scale_by_batch=scaling, batch_size=4096)
    np.testing.assert_allclose(optimizer.learning_rate(0), expected, rtol=1e-6)


def test_clipping_sees_the_norm_of_the_whole_gradient_but_not_of_frozen_parts():
    freeze = {"name": "freeze", "match": "^head/", "frozen": True}
    plain = dict(name="sgd", momentum=0.0, learning_rate=1.0, schedule="constant", clip_norm=0.5)
    grads = jax.tree.map(jnp.copy, GRADS[0])
    grads["head"] = jax.tree.map(lambda g: g * 1e6, grads["head"])
    optimizer = build(param_groups=(freeze, *DEFAULT_PARAM_GROUPS), **plain)
    updates, _ = optimizer.transform.update(grads, optimizer.transform.init(PARAMS), PARAMS, step=0)
    np.testing.assert_allclose(optax.tree.norm(updates), 0.5, rtol=1e-5)
    np.testing.assert_allclose(
        updates["encoder"]["stem"]["kernel"],
        -0.5 * grads["encoder"]["stem"]["kernel"] / optax.tree.norm(grads["encoder"]),
        rtol=1e-5,
    )


PATHS = list(named_leaves(PARAMS))
GROUPS = {
    "global": ["" for _ in PATHS],
    "component": [path.split("/")[0] for path in PATHS],
    "parameter": PATHS,
}


def clipped(params, grads, **config):
    groups = ({"name": "all", "match": ""},)
    config = {
        "name": "sgd",
        "momentum": 0.0,
        "learning_rate": 1.0,
        "param_groups": groups,
        **config,
    }
    transform = build(params, schedule="constant", **config).transform
    updates, _ = jax.jit(transform.update)(grads, transform.init(params), params, step=0)
    return jax.tree.map(jnp.negative, updates)


@pytest.mark.parametrize("clip_by", GROUPS)
@pytest.mark.parametrize("spared", [False, True])
def test_clipping_is_that_of_pytorch_by_group(clip_by, spared):
    """Every norm of a kernel is above 1.5, every norm of a bias below."""
    grads = jax.tree.map(lambda g: g / 4 if g.ndim == 1 else g, GRADS[0])
    groups = ({"name": "head", "match": "^head/", "clip": not spared}, {"name": "all", "match": ""})
    found = clipped(PARAMS, grads, clip_norm=1.5, clip_by=clip_by, param_groups=groups)
    groups = [
        None if spared and path.startswith("head/") else group
        for path, group in zip(PATHS, GROUPS[clip_by], strict=True)
    ]
    expected = reference.clip(as_arrays(grads), 1.5, groups)
    assert_close(found, expected)
    assert not np.allclose(as_arrays(grads)[1], expected[1])


def test_clipping_by_parameter_takes_attention_as_one_and_layers_of_a_scan_apart():
    rng = np.random.default_rng(0)
    names = ("query", "key", "value", "out")
    attention = {name: {"kernel": rng.normal(size=(2, 3, 3))} for name in names}
    attention["query"]["kernel"][1] *= 1e-3
    grads = {"encoder": {"trunk": {"blocks": {"attention": attention}}}}
    grads = jax.tree.map(lambda g: jnp.asarray(g, jnp.float32), grads)
    found = clipped(grads, grads, clip_norm=2.5, clip_by="parameter")
    for layer in range(2):
        one = jax.tree.map(lambda g, layer=layer: np.asarray(g[layer]), grads)
        groups = ["out" if "/out/" in path else "qkv" for path in named_leaves(one)]
        expected = reference.clip(as_arrays(one), 2.5, groups)
        assert_close(jax.tree.map(lambda g, layer=layer: g[layer], found), expected)


def test_frozen_parameters_keep_every_bit_and_have_no_slots():
    params = jax.tree.map(jnp.copy, PARAMS)
    params["encoder"]["stem"]["kernel"] = params["encoder"]["stem"]["kernel"].at[0, 0].set(-0.0)
    freeze = {"name": "freeze", "match": "^encoder/stem/", "frozen": True}
    optimizer = build(params, weight_decay=0.1, param_groups=(freeze, *DEFAULT_PARAM_GROUPS))
    bad = jax.tree.map(jnp.copy, GRADS[0])
    bad["encoder"]["stem"]["kernel"] *= jnp.nan
    trained, state = train(optimizer, params, [bad, *GRADS[1:]])
    before, after = named_leaves(params), named_leaves(trained)
    stem = "encoder/stem/kernel"
    assert np.asarray(before[stem]).tobytes() == np.asarray(after[stem]).tobytes()
    assert all((before[path] != after[path]).any() for path in before if path != stem)
    assert not any("stem" in path for path in named_leaves(state))
    assert any("block_0" in path for path in named_leaves(state))


def test_groups_change_decay_and_learning_rate_and_the_first_match_wins():
    groups = (
        {"name": "fast", "match": "^head/", "learning_rate_scale": 10.0, "weight_decay": 0.0},
        {"name": "head", "match": "head", "learning_rate_scale": 0.0},
        {"name": "rest", "match": ".*"},
    )
    optimizer = build(
        name="sgd",
        momentum=0.0,
        learning_rate=0.1,
        schedule="constant",
        weight_decay=0.5,
        param_groups=groups,
    )
    trained, _ = train(optimizer, grads=GRADS[:1])
    head, stem = PARAMS["head"]["kernel"], PARAMS["encoder"]["stem"]["kernel"]
    np.testing.assert_allclose(
        trained["head"]["kernel"], head - GRADS[0]["head"]["kernel"], rtol=1e-5, atol=1e-6
    )
    expected = stem - 0.1 * (GRADS[0]["encoder"]["stem"]["kernel"] + 0.5 * stem)
    np.testing.assert_allclose(trained["encoder"]["stem"]["kernel"], expected, rtol=1e-5, atol=1e-6)
    assert optimizer.param_groups["head/bias"].name == "fast"


def test_layer_decay_counts_from_the_head():
    optimizer = build(layer_decay=0.5, param_groups=({"name": "all", "match": ".*"},))
    scales = {path: one.scale for path, one in optimizer.param_groups.items()}
    assert scales["encoder/stem/kernel"] == 0.125
    assert scales["encoder/block_0/dense/kernel"] == 0.25
    assert scales["encoder/block_1/norm/scale"] == 0.5
    assert scales["encoder/norm/scale"] == scales["head/kernel"] == 1.0


def test_layer_decay_of_stages_follows_the_depth():
    params = {
        "encoder": {
            f"stage_{s}": {f"block_{b}": {"kernel": jnp.ones(2)} for b in range(2)}
            for s in range(2)
        }
    }
    treated = build(params, layer_decay=0.5).param_groups
    assert [one.scale for one in treated.values()] == [0.0625, 0.125, 0.25, 0.5]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_stacked_layers_train_as_separate_layers_do(name):
    """With decay per layer and norms per layer, scanning over layers changes nothing."""

    def stack(tree):
        blocks = [tree["encoder"][f"block_{i}"] for i in range(2)]
        rest = {key: tree["encoder"][key] for key in ("stem", "norm")}
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *blocks)
        return {**tree, "encoder": {**rest, "blocks": stacked}}

    config = dict(name=name, weight_decay=0.1, layer_decay=0.6, learning_rate=0.1, warmup_steps=1)
    apart, _ = train(build(**config))
    stacked = stack(PARAMS)
    together, _ = train(build(stacked, **config), stacked, [stack(grad) for grad in GRADS])
    assert_close(together, as_arrays(stack(apart)), rtol=1e-6)


@pytest.mark.parametrize("clip_by", GROUPS)
def test_one_and_eight_devices_take_the_same_step(clip_by):
    mesh = jax.make_mesh((8,), ("data",))
    params = {
        "head": {"kernel": jnp.asarray(np.random.default_rng(0).normal(size=(16, 4)), jnp.float32)}
    }
    grads = [jax.tree.map(lambda p, k=k: jnp.sin(p * k), params) for k in (1, 2, 3)]
    optimizer = build(params, name="lars", clip_norm=0.1, clip_by=clip_by, weight_decay=0.1)
    single, _ = train(optimizer, params, grads)
    place = NamedSharding(mesh, PartitionSpec("data"))
    sharded, _ = train(optimizer, *jax.device_put((params, grads), place))
    np.testing.assert_allclose(sharded["head"]["kernel"], single["head"]["kernel"], rtol=1e-6)


def test_default_groups_take_a_posterior_for_no_positions():
    params = {"posterior": {"output": {"kernel": jnp.ones((2, 2))}}, **PARAMS}
    assert build(params, weight_decay=0.1).param_groups["posterior/output/kernel"].weight_decay > 0


def test_default_groups_spare_biases_norms_and_tokens():
    names = ["dense/bias", "norm/scale", "pos_embed", "cls_token", "mask_token", "bn1/scale"]
    spared = {"encoder": {f"{i}": nest(name) for i, name in enumerate(names)}}
    treated = build({**spared, **PARAMS}, name="lars", weight_decay=0.1).param_groups
    for path, one in treated.items():
        assert (one.weight_decay == 0.0) == (not path.endswith("kernel")), path
        assert one.trust_ratio == path.endswith("kernel"), path


ENCODERS = {
    "resnet": {"name": "resnet18", "width": 8},
    "scanned": {"name": "vit_ti", "registers": 2, "layer_scale": 0.1, "qk_norm": True},
    "unrolled": {"name": "vit_ti", "registers": 2, "layer_scale": 0.1, "scan": False},
}


def shapes_of(encoder):
    module = build_encoder({**ENCODERS[encoder]})
    images = jnp.zeros((1, 224, 224, 3))
    params = jax.eval_shape(lambda: init(module, jax.random.key(0), images, train=False)[0])
    projector = {"linear_0": {"kernel": jax.ShapeDtypeStruct((4, 4), jnp.float32)}}
    return {"encoder": params, "projector": projector}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_of_our_encoders_the_kernels_decay_and_nothing_else_does(encoder):
    treated = build(shapes_of(encoder), name="lars", weight_decay=0.1).param_groups
    for path, one in treated.items():
        assert (one.weight_decay > 0) == one.trust_ratio == path.endswith("kernel"), path
        assert one.stacked == ("/blocks/" in path), path


@pytest.mark.parametrize("encoder, depth", [("scanned", 12), ("unrolled", 12), ("resnet", 8)])
def test_layer_decay_runs_through_our_encoders(encoder, depth):
    treated = build(shapes_of(encoder), layer_decay=0.5).param_groups
    for path, one in treated.items():
        first = path.split("/")[1]
        if path.startswith("projector") or path.startswith("encoder/trunk/norm"):
            assert one.scale == 1.0, path
        elif first.startswith(("stem", "patch_embed", "pos", "cls", "register")):
            assert one.scale == 0.5 ** (depth + 1), path
        elif one.stacked:
            np.testing.assert_allclose(np.ravel(one.scale), 0.5 ** np.arange(12, 0, -1.0))
    found = {float(scale) for one in treated.values() for scale in np.ravel(one.scale)}
    assert found == {0.5**power for power in range(depth + 2)}


def nest(path):
    tree = jnp.ones(2)
    for key in reversed(path.split("/")):
        tree = {key: tree}
    return tree


def test_shapes_suffice_and_a_config_dict_will_do():
    groups = ({"name": "kernels", "match": "kernel$"}, {"name": "any", "match": ""})
    config = ConfigDict({"name": "lars", "param_groups": groups})
    shapes = jax.eval_shape(lambda: PARAMS)
    optimizer = build_optimizer(config, steps=3, batch_size=8, params=shapes)
    assert optimizer.param_groups["head/kernel"].name == "kernels"
    assert optimizer.param_groups["head/bias"].name == "any"
    again = json.loads(config.to_json())
    assert build_optimizer(again, steps=3, batch_size=8, params=shapes).param_groups == (
        optimizer.param_groups
    )


def test_the_table_has_a_line_for_each_parameter():
    freeze = {"name": "freeze", "match": "^head/", "frozen": True}
    table = build(
        weight_decay=0.1, layer_decay=0.5, param_groups=(freeze, *DEFAULT_PARAM_GROUPS)
    ).describe()
    lines = {line.split()[0]: line.split()[1:] for line in table.splitlines()}
    assert lines["head/kernel"] == ["4x2", "freeze", "frozen"]
    assert lines["encoder/block_0/dense/kernel"] == ["4x4", "rest", "0.1", "x0.25", "yes"]
    assert lines["encoder/norm/bias"] == ["4", "no_decay", "0", "x1", "no"]
    assert len(lines) == len(KERNELS) + 1


ALL = {"name": "all", "match": ".*"}


@pytest.mark.parametrize(
    "config, message",
    [
        ({"name": "adamv"}, "did you mean 'adamw'"),
        ({"learning_rte": 0.1}, "did you mean 'optimizer.learning_rate'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"scale_by_batch": "lin"}, "unknown optimizer.scale_by_batch 'lin'"),
        ({"learning_rate": -1.0}, "optimizer.learning_rate=-1.0; it must be above 0"),
        ({"learning_rate": "1e-3"}, "learning_rate='1e-3' is of type str"),
        ({"weight_decay": float("nan")}, "weight_decay=nan; it must be a finite number"),
        ({"warmup_steps": 6}, "warmup_steps is 6: it must be a whole number, at least 0 and below"),
        ({"warmup_steps": 0.5}, "warmup_steps=0.5 is of type float"),
        ({"learning_rate": float("inf")}, "learning_rate=inf; it must be a finite number"),
        ({"final_scale": 2.0}, "final_scale=2.0; it must be between 0 and 1"),
        ({"schedule_length": 0.5}, "schedule_length=0.5; it must be at least 1"),
        ({"clip_by": "paramter", "clip_norm": 1.0}, "did you mean 'parameter'"),
        ({"clip_by": "parameter"}, "clip_by is 'parameter', but optimizer.clip_norm is 0"),
        ({"schedule": "step"}, "milestones is (): with schedule 'step' it must be steps in"),
        ({"schedule": "step", "milestones": (4, 2)}, "milestones is (4, 2)"),
        ({"schedule": "step", "milestones": (2, 4), "warmup_steps": 2}, "above the 2 of the warm"),
        ({"milestones": (2, 4)}, "milestones is (2, 4), which only optimizer.schedule='step'"),
        ({"schedule": "wsd"}, "cooldown_steps is 0: with schedule 'wsd' it must be a whole number"),
        ({"schedule": "wsd", "cooldown_steps": 5, "warmup_steps": 2}, "and at most 4, the steps"),
        ({"schedule": "tri_stage"}, "with schedule 'tri_stage' it must be a whole number"),
        ({"schedule": "tri_stage", "cooldown_steps": 2}, "final_scale is 0.0: with schedule 'tri"),
        ({"schedule": "rsqrt", "warmup_steps": 0}, "warmup_steps is 0: with schedule 'rsqrt'"),
        (
            {"cooldown_steps": 3},
            "cooldown_steps is 3, which only optimizer.schedule='wsd' or 'tri_stage'",
        ),
        ({"param_groups": {"all": {"match": ".*"}}}, "it must be tuple of a section"),
        ({"param_groups": ({"match": ".*"},)}, "needs 'name' and 'match'"),
        ({"param_groups": ({**ALL, "weight_decy": 0.0},)}, "did you mean 'weight_decay'"),
        ({"param_groups": ({**ALL, "weight_decay": -0.1},)}, "weight_decay is -0.1"),
        ({"param_groups": ({**ALL, "frozen": "yes"},)}, "frozen is 'yes'; it must be bool"),
        ({"param_groups": ({"name": "all", "match": "("},)}, "is not a regular expression"),
        ({"param_groups": (ALL, ALL)}, "two param groups are called 'all'"),
        (
            {"param_groups": ({"name": "typo", "match": "encodr"}, ALL)},
            "param group 'typo' matches no parameter",
        ),
        (
            {"param_groups": ({"name": "encoder", "match": "^encoder"},)},
            "no group for head/bias, head/ker",
        ),
    ],
)
def test_bad_configs_are_refused(config, message):
    with pytest.raises(UserError) as error:
        build(**config)
    assert message in str(error.value)


def test_layer_decay_without_layers_is_refused():
    with pytest.raises(UserError, match="no component named '...encoder...' has blocks"):
        build({"head": {"kernel": jnp.ones(3)}}, layer_decay=0.5)


def test_training_in_low_precision_is_refused():
    with pytest.raises(UserError, match="head/kernel is bfloat16"):
        build({"head": {"kernel": jnp.ones(3, jnp.bfloat16)}})


def rate_and_update(path, **config):
    """Return |update| of a parameter at each step, for gradients of one sign."""
    optimizer = build(name="sgd", momentum=0.0, **config)
    state, sizes = optimizer.transform.init(PARAMS), []
    for step in range(STEPS):
        ones = jax.tree.map(jnp.ones_like, PARAMS)
        updates, state = optimizer.transform.update(ones, state, PARAMS, step=step)
        sizes.append(float(np.abs(named_leaves(updates)[path]).max()))
    return sizes


def test_weight_decay_follows_half_a_cosine_from_first_to_last():
    config = dict(learning_rate=0.05, weight_decay=0.04, schedule="constant")
    decays = [0.4 + (0.04 - 0.4) * (1 + np.cos(np.pi * step / STEPS)) / 2 for step in range(STEPS)]
    params, state = PARAMS, None
    optimizer = build(name="sgd", momentum=0.0, final_decay_scale=10.0, **config)
    state = optimizer.transform.init(params)
    zeros = jax.tree.map(jnp.zeros_like, params)
    for step, decay in enumerate(decays):
        updates, state = optimizer.transform.update(zeros, state, params, step=step)
        np.testing.assert_allclose(
            updates["head"]["kernel"], -0.05 * decay * params["head"]["kernel"], rtol=1e-5
        )
        assert not np.any(updates["head"]["bias"])


def test_a_group_can_keep_the_learning_rate_from_decaying():
    groups = (
        {"name": "head", "match": "^head/", "learning_rate_schedule": "constant"},
        {"name": "rest", "match": ".*"},
    )
    config = dict(learning_rate=0.5, schedule="cosine", warmup_steps=2, param_groups=groups)
    np.testing.assert_allclose(
        rate_and_update("head/bias", **config), [0, 0.25, 0.5, 0.5, 0.5, 0.5], rtol=1e-6
    )
    assert rate_and_update("encoder/norm/bias", **config)[-1] < 0.1


def test_a_group_can_hold_parameters_for_some_steps():
    groups = (
        {"name": "head", "match": "^head/", "frozen_steps": 4},
        {"name": "rest", "match": ".*"},
    )
    config = dict(learning_rate=0.5, schedule="constant", weight_decay=0.1, param_groups=groups)
    sizes = rate_and_update("head/kernel", **config)
    assert sizes[:4] == [0] * 4 and min(sizes[4:]) > 0
    assert min(rate_and_update("encoder/stem/kernel", **config)) > 0
    assert ", from step 4" in build(**config).describe()
