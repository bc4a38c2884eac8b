"""A plan: what a run would take on hardware that one does not have."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from ssljax.planning.collectives import Collective
from ssljax.planning.cost import Cost
from ssljax.planning.program import Memory, compile_step, model_flops
from ssljax.planning.roofline import Roofline, mfu, roofline
from ssljax.planning.topologies import Topology
from ssljax.spec import Spec
from ssljax.training.experiment import Experiment, build
from ssljax.training.tree_paths import named_leaves


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of the state.

    Attributes:
      name: such as "params/encoder".
      elements: numbers in it.
      nbytes: that it takes, once.
      per_chip: bytes that each chip holds of it.
    """

    name: str
    elements: int
    nbytes: int
    per_chip: int


@dataclasses.dataclass(frozen=True)
class Exchange:
    """Collectives of one kind and size of group, in one step.

    Attributes:
      kind: such as "all-reduce".
      dtype: of what is sent.
      chips: of a group.
      count: how many there are.
      sent: bytes that each chip sends.
    """

    kind: str
    dtype: str
    chips: int
    count: int
    sent: float


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run takes on a topology. Times are the roofline's.

    Attributes:
      topology: as the user wrote it.
      chips: their number.
      mesh: chips along each axis.
      batch_size: examples of a step.
      settings: changes to the config that were made for it to fit, by key.
      parts: of the state.
      memory: of each chip.
      flops: matrix products and convolutions of a step and chip, in the optimized program.
      hbm_bytes: read and written by a step and chip; None if compiled with `quick` for TPUs.
      exchanges: collectives of a step and chip.
      least: bytes that each chip must send for gradients and parameters, given their sharding.
      roofline: seconds of a step; None for a CPU.
      model_flops: of a step, over all chips, without recomputation.
      mfu: at the roofline.
      examples_per_second: likewise.
      hours: of the whole run, likewise.
      unknown_loops: loops that were counted once for want of a trip count.
      compile_seconds: wall time of the compiler.
      compile_cpu_seconds: of all cores together.
    """

    topology: str
    chips: int
    mesh: dict[str, int]
    batch_size: int
    settings: dict[str, Any]
    parts: tuple[Part, ...]
    memory: Memory
    flops: float | None = None
    hbm_bytes: float | None = None
    exchanges: tuple[Exchange, ...] = ()
    least: float = 0.0
    roofline: Roofline | None = None
    model_flops: float | None = None
    mfu: float | None = None
    examples_per_second: float | None = None
    hours: float | None = None
    unknown_loops: int = 0
    compile_seconds: float = 0.0
    compile_cpu_seconds: float = 0.0

    @property
    def sent(self) -> float:
        """Return the bytes that each chip sends in a step."""
        return sum(one.sent for one in self.exchanges)

    @property
    def chip_hours(self) -> float | None:
        """Return the hours of all chips together."""
        return None if self.hours is None else self.hours * self.chips


def to_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON-able values, with what follows from them."""
    derived = {"fits": plan.memory.fits, "sent": plan.sent, "chip_hours": plan.chip_hours}
    if plan.roofline:
        derived |= {"seconds": plan.roofline.seconds, "bound": plan.roofline.bound}
    return {**json.loads(json.dumps(dataclasses.asdict(plan))), **derived}


def from_json(values: dict[str, Any]) -> Plan:
    """Return the plan that `to_json` wrote."""
    known = {field.name for field in dataclasses.fields(Plan)}
    plan = {key: value for key, value in values.items() if key in known}
    plan["memory"] = Memory(**plan["memory"])
    plan["parts"] = tuple(Part(**part) for part in plan["parts"])
    plan["exchanges"] = tuple(Exchange(**one) for one in plan["exchanges"])
    plan["roofline"] = plan["roofline"] and Roofline(**plan["roofline"])
    return Plan(**plan)


def make_plan(
    config: ConfigDict,
    spec: Spec,
    topology: Topology,
    *,
    devices: Sequence[jax.Device],
    examples: int,
    settings: dict[str, Any],
    quick: bool = False,
) -> Plan:
    """Compile the train step of a config for a topology, and say what it takes.

    Args:
      config: complete, with `settings` applied.
      spec: what the data are like.
      topology: to compile for.
      devices: of it.
      examples: seen in the whole run.
      settings: see `Plan`.
      quick: see `compile_step`.

    Raises:
      UserError: whatever `build` refuses.
    """
    experiment = build(config, spec, devices=devices)
    program = compile_step(experiment, topology, quick=quick)
    plan = Plan(
        topology=topology.spec,
        chips=topology.size,
        mesh=dict(experiment.mesh.shape),
        batch_size=config.batch_size,
        settings=settings,
        parts=_parts(experiment),
        memory=program.memory,
        least=least_sent(experiment),
        compile_seconds=program.compile_seconds,
        compile_cpu_seconds=program.compile_cpu_seconds,
    )
    if program.cost is None:
        return plan
    return _with_cost(
        plan, program.cost, model_flops(config, experiment, devices), topology, examples
    )


def _with_cost(plan: Plan, cost: Cost, model: float, topology: Topology, examples: int) -> Plan:
    counted = dataclasses.replace(
        plan,
        flops=cost.flops,
        hbm_bytes=cost.nbytes,
        exchanges=_exchanges(cost.collectives),
        model_flops=model,
        unknown_loops=cost.unknown_loops,
    )
    line = roofline(cost.flops, cost, topology)
    if line is None:
        return counted
    rate = plan.batch_size / line.seconds
    return dataclasses.replace(
        counted,
        roofline=line,
        mfu=mfu(model, line.seconds, topology),
        examples_per_second=rate,
        hours=examples / rate / 3600,
    )


def _parts(experiment: Experiment) -> tuple[Part, ...]:
    """Return the components of parameters and memory, and the optimizer's state as one."""
    sums: dict[str, np.ndarray] = {}
    for path, leaf in named_leaves(experiment.abstract_state).items():
        section, *names = path.split("/")
        if section == "step":
            continue
        name = section if section == "opt_state" else "/".join([section, *names[:1]])
        shard = np.prod(leaf.sharding.shard_shape(leaf.shape), dtype=int)
        width = leaf.dtype.itemsize
        one = np.array([leaf.size, leaf.size * width, shard * width])
        sums[name] = sums.get(name, 0) + one
    return tuple(Part(name, *map(int, values)) for name, values in sums.items())


def _exchanges(collectives: Sequence[tuple[Collective, int]]) -> tuple[Exchange, ...]:
    sums: dict[tuple[str, str, int], tuple[int, float]] = {}
    for one, times in collectives:
        key = (one.kind, one.dtype, len(one.group))
        count, sent = sums.get(key, (0, 0.0))
        sums[key] = (count + times, sent + times * one.sent)
    rows = (Exchange(*key, count, sent) for key, (count, sent) in sums.items() if sent)
    return tuple(sorted(rows, key=lambda row: -row.sent))


def least_sent(experiment: Experiment) -> float:
    """Return the bytes that each chip must send in a step for parameters and their gradients.

    In the compute dtype. The gradient of an array that all chips hold whole is reduced over all
    that share a batch, 2 (n - 1) / n of its bytes; that of one cut over fsdp is reduced to its
    owners, and the shards among those of the data axis, while the array is gathered for the
    forward and for the backward pass. What the optimizer does not train is gathered once. What
    tensor parallelism and losses of the whole batch exchange comes on top.
    """
    mesh, total = dict(experiment.mesh.shape), 0.0
    data, fsdp = mesh["data"], mesh["fsdp"]
    width = 2 if experiment.objective.run.dtype == "bfloat16" else 4
    state = experiment.abstract_state
    for tree, trained in ((state.params, True), (state.objective_state, False)):
        for path, leaf in named_leaves(tree).items():
            frozen = not trained or experiment.optimizer.param_groups[path].frozen
            axes = {axis for axis in leaf.sharding.spec for axis in np.ravel(axis) if axis}
            nbytes = width * leaf.size / (mesh["tensor"] if "tensor" in axes else 1)
            if not jnp.issubdtype(leaf.dtype, jnp.floating):
                continue
            if "fsdp" in axes:
                total += (1 if frozen else 3) * nbytes * (fsdp - 1) / fsdp
                total += 0 if frozen else 2 * nbytes / fsdp * (data - 1) / data
            elif not frozen:
                total += 2 * nbytes * (data * fsdp - 1) / (data * fsdp)
    return total
