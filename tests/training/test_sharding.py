"""The mesh, the rules of the state, and the errors of both."""

import contextlib
import functools
import math

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec

from ssljax.errors import UserError
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.config import complete
from ssljax.training.experiment import build
from ssljax.training.logical_axes import evaluated, mesh_axes
from ssljax.training.sharding import AXES, check_batch_size, local_rows, make_mesh
from ssljax.training.sharding_rules import describe_sharding, state_sharding
from ssljax.training.tree_paths import named_leaves
from tests.objectives.cases import config_of
from tests.objectives.conftest import trial


def _mesh(data=-1, fsdp=1, tensor=1):
    return make_mesh({"data": data, "fsdp": fsdp, "tensor": tensor})


@pytest.mark.parametrize(
    "sizes, shape", [((-1, 1, 1), (8, 1, 1)), ((-1, 2, 2), (2, 2, 2)), ((1, -1, 1), (1, 8, 1))]
)
def test_minus_one_is_what_is_left(sizes, shape):
    assert tuple(_mesh(*sizes).shape.values()) == shape


@pytest.mark.parametrize("sizes", [(3, 1, 1), (-1, 3, 1), (-1, -1, 1), (4, 1, 1), (0, 1, 1)])
def test_a_mesh_that_does_not_fit_is_refused(sizes):
    with pytest.raises(UserError, match="does not divide 8 devices"):
        _mesh(*sizes)


def test_batch_size_error_names_the_nearest():
    with pytest.raises(UserError, match="nearest that does is 96"):
        check_batch_size(100, _mesh(), accumulate=2)
    with pytest.raises(UserError, match="nearest that does is 8"):
        check_batch_size(3, _mesh())
    check_batch_size(64, _mesh(), accumulate=2)


@pytest.mark.parametrize(
    "sizes, local, rows",
    [
        ((8, 1, 1), (2, 3), [4, 5, 6, 7]),
        ((2, 2, 2), (2, 3), [4, 5, 6, 7]),
        ((1, 2, 4), (2, 3), [0, 1, 2, 3, 4, 5, 6, 7]),  # as the host of devices 0 and 1
        ((8, 1, 1), (0, 5), [0, 1, 10, 11]),  # neighbours on a torus need not be so in the mesh
    ],
)
def test_the_rows_of_a_batch_that_a_host_holds(sizes, local, rows, monkeypatch):
    mesh = make_mesh(dict(zip(AXES, sizes, strict=True)))
    devices = [jax.devices()[i] for i in local]
    monkeypatch.setattr(type(mesh), "local_devices", property(lambda self: devices))
    assert local_rows(mesh, 16).tolist() == rows


def test_large_arrays_go_over_fsdp_on_their_largest_divisible_dimension():
    mesh = _mesh(2, 4, 1)
    state = {
        "large": jax.ShapeDtypeStruct((512, 1024), jnp.float32),
        "odd": jax.ShapeDtypeStruct((512, 1023), jnp.float32),
        "small": jax.ShapeDtypeStruct((16, 16), jnp.float32),
        "prime": jax.ShapeDtypeStruct((521, 523), jnp.float32),
    }
    specs = jax.tree.map(lambda s: s.spec, state_sharding(mesh, state))
    assert specs["large"] == PartitionSpec(None, "fsdp")
    assert specs["odd"] == PartitionSpec("fsdp")
    assert specs["small"] == specs["prime"] == PartitionSpec()


def test_the_first_rule_that_matches_decides():
    mesh = _mesh(2, 2, 2)
    state = {"queue": {"rows": jnp.zeros((64, 8))}, "other": jnp.zeros((64, 8))}
    rules = [("queue/rows", ("tensor", None)), ("queue", (None, "fsdp"))]
    specs = jax.tree.map(lambda s: s.spec, state_sharding(mesh, state, rules))
    assert specs["queue"]["rows"] == PartitionSpec("tensor")
    assert specs["other"] == PartitionSpec()


@pytest.mark.parametrize(
    "rule, message",
    [
        (("w", ("tensors",)), "did you mean 'tensor'"),
        (("w", ("fsdp",)), "fsdp do not divide the dimension 6 of w"),
        (("w", (None, ("data", "fsdp"))), "data and fsdp do not divide the dimension 4"),
        (("w", ("data", "data")), "'data' twice"),
        (("w", (None,) * 3), "3 axes"),
        (("v", (None,)), "matches nothing"),
        (("(", (None,)), "not a regular expression"),
        (("w", "fsdp"), "a rule is"),
        ("w", "a rule is"),
    ],
)
def test_a_bad_rule_is_named(rule, message):
    with pytest.raises(UserError, match=message):
        state_sharding(_mesh(2, 4, 1), {"w": jnp.zeros((6, 4))}, [rule])


def test_a_rule_may_cut_a_dimension_over_several_axes():
    shardings = state_sharding(
        _mesh(2, 2, 2), {"w": jnp.zeros((8, 4))}, [("w", (("fsdp", "tensor"),))]
    )
    assert shardings["w"].shard_shape((8, 4)) == (2, 4)


@functools.cache
def _placed(case, sizes=(2, 2, 2)):
    """The arrays of an objective's state by path, shapes and layouts alone."""
    return named_leaves(build(_config(case, sizes)).abstract_state)


def _config(case, sizes):
    config = config_of(case)
    config.mesh = dict(zip(AXES, sizes, strict=True)) | {"fsdp_min_size": 50}
    config.optimizer.eps = 1e-3  # so that rounding stays small where gradients vanish
    return complete(config)


TRUNK = "encoder/trunk/blocks"
CUT = [
    ("dinov2", f"{TRUNK}/attention/query/kernel", (None, "fsdp", "tensor")),
    ("dinov2", f"{TRUNK}/attention/key/kernel", (None, "fsdp", "tensor")),
    ("dinov2", f"{TRUNK}/attention/value/bias", (None, "tensor")),
    ("dinov2", f"{TRUNK}/attention/out/kernel", (None, "tensor", "fsdp")),
    ("dinov2", f"{TRUNK}/mlp/fc1/kernel", (None, "fsdp", "tensor")),
    ("dinov2", f"{TRUNK}/mlp/fc1/bias", (None, "tensor")),
    ("dinov2", f"{TRUNK}/mlp/fc2/kernel", (None, "tensor", "fsdp")),
    ("dinov2", f"{TRUNK}/mlp/fc2/bias", ()),
    ("dinov2", "/head/prototypes", ("fsdp", "tensor")),
    ("dinov2", "patch_head/prototypes", ("fsdp", "tensor")),
    ("beit", "params/head/output/kernel", ("fsdp", "tensor")),
    ("beit", "params/head/output/bias", ("tensor",)),
    ("vq_vae", "codebook/sums", ("tensor",)),
    ("vq_vae", "codebook/counts", ("tensor",)),
    ("swav", "prototypes/rows", ("tensor",)),
    ("swav", "objective_state/queue/0/rows", ("tensor", "fsdp")),
    ("deepcluster_v2", "objective_state/prototypes/0", ("tensor",)),
    ("moco_v2", "objective_state/queue/rows", ("tensor", "fsdp")),
    ("dino", "objective_state/center", ("tensor",)),
    ("ibot", "objective_state/patch_center", ("tensor",)),
]


@pytest.mark.parametrize("case, name, axes", CUT)
def test_a_parameter_its_moments_and_its_copy_in_a_teacher_lie_alike(case, name, axes):
    found = {path: leaf for path, leaf in _placed(case).items() if path.endswith(name)}
    assert {leaf.sharding.spec for leaf in found.values()} == {PartitionSpec(*axes)}
    if not name.startswith("objective_state") and case == "dinov2":
        assert len(found) == 4  # itself, two moments, the teacher's


def test_names_do_not_show_in_a_state():
    one = trial("dinov2")
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(one.state))
    params, _ = jax.eval_shape(one.objective.init_networks, jax.random.key(0))
    assert jax.tree.structure(params) == jax.tree.structure(one.state.params)
    params, kept, _ = evaluated(one.objective)
    assert jax.tree.structure(params) == jax.tree.structure(one.state.params)
    assert jax.tree.structure(kept) == jax.tree.structure(one.state.objective_state)


def test_a_name_that_is_none_is_refused():
    with pytest.raises(UserError, match="logical axis of head/kernel: 'vocabs'.*'vocab'"):
        mesh_axes((None, "vocabs"), "head/kernel")


def test_what_tensor_does_not_divide_is_cut_by_fsdp_alone():
    """Three heads' width of 15 over tensor=2."""
    state, names = {"params": {"query": jnp.zeros((64, 15))}}, {"params/query": ("embed", "heads")}
    shardings = state_sharding(_mesh(2, 2, 2), state, names=names, min_size=64)
    assert shardings["params"]["query"].spec == PartitionSpec("fsdp")


def test_the_layers_of_a_scan_are_not_dealt_out():
    """Each is needed whole, by all devices at once."""
    state = {"trunk/blocks/norm/scale": jnp.zeros((64, 15))}
    (sharding,) = jax.tree.leaves(state_sharding(_mesh(2, 4, 1), state, min_size=64))
    assert sharding.spec == PartitionSpec()


def test_the_cells_of_a_convolution_are_not_dealt_out():
    """XLA gets gradients wrong where they are (jaxlib 0.10.2)."""
    state = {"conv/kernel": jnp.zeros((8, 8, 1, 4))}
    (sharding,) = jax.tree.leaves(state_sharding(_mesh(2, 4, 1), state, min_size=64))
    assert sharding.spec == PartitionSpec(None, None, None, "fsdp")


def test_the_sharding_of_a_state_is_told_to_people():
    mesh = _mesh(2, 2, 2)
    state = {"w": jnp.zeros((1024, 512)), "n": jnp.zeros((), jnp.int32)}
    shardings = state_sharding(mesh, state, [("w", (("data", "fsdp"), None))])
    lines = describe_sharding(jax.tree.map(_abstract, state, shardings)).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["n", "scalar", "int32", "replicated", "0.000"],
        ["w", "1024x512", "float32", "data+fsdp", "x", "-", "0.500"],
        ["total", "0.500"],
    ]


def _abstract(leaf, sharding):
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def test_a_run_goes_on_on_fewer_devices_and_on_more(tmp_path):
    """The loss curve is that of eight devices, whatever the devices of its parts."""
    half, eight, one = 4, (2, 2, 2), (1, 1, 1)
    whole = _losses(eight, tmp_path / "eight", save_at=half)
    assert _losses(one, tmp_path / "one", save_at=half) == pytest.approx(whole, rel=1e-5)
    for sizes in ((1, 2, 2), (2, 1, 1), one):
        assert _losses(sizes, tmp_path / "eight") == pytest.approx(whole[half:], rel=1e-5)
    assert _losses(eight, tmp_path / "one") == pytest.approx(whole[half:], rel=1e-5)


def _losses(sizes, workdir, save_at=None):
    """Return the losses from where `workdir` stands to the end."""
    experiment, step = _compiled(sizes)
    with contextlib.closing(Checkpointer(workdir, keep_last=1)) as checkpoints:
        restored = checkpoints.restore(experiment.abstract_state)
        first, state = restored[:2] if restored else (0, experiment.init())
        losses = []
        batches = experiment.pipeline().iterate(first, experiment.config.steps)
        for number, batch in enumerate(batches, first):
            if number == save_at:
                checkpoints.save(number, state, meta={}, wait=True)
            state, metrics = step(state, experiment.put(batch))
            losses.append(float(metrics["loss"]))
    return losses


@functools.cache
def _compiled(sizes):
    experiment = build(_config("mae", sizes), devices=jax.devices()[: math.prod(sizes)])
    return experiment, experiment.compile_step()
