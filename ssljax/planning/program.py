"""A train step, compiled ahead of time for hardware that need not be there."""

import dataclasses
import re
import time
from typing import Any

import jax
from ml_collections import ConfigDict

from ssljax.models import encoder_class
from ssljax.planning import flops, hlo
from ssljax.planning.cost import Cost, cost
from ssljax.planning.topologies import Topology
from ssljax.training.experiment import Experiment, build

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
# Fields of an encoder, and the values under which nothing is computed twice or padded.
_ONCE = {"remat": "none", "grad_cache": 1, "attention": "xla"}
# The compiler of TPUs at its least effort, from -1 to 1. Beside much of the work on instructions it
# then leaves out the choice of the arrays that stay in memory on the chip.
_QUICK = {"exec_time_optimization_effort": -1.0}


@dataclasses.dataclass(frozen=True)
class Memory:
    """Bytes on each chip while a step runs.

    Attributes:
      state: parameters, memory of the objective, optimizer state.
      batch: of examples.
      temporaries: activations and all else that is gone after the step; None where the step was
        refused for want of memory.
      peak: of all, with the program itself.
      capacity: what a program may use.
    """

    state: float
    batch: float
    temporaries: float | None
    peak: float
    capacity: float

    @property
    def fits(self) -> bool:
        """Return whether there is room."""
        return self.peak <= self.capacity


@dataclasses.dataclass(frozen=True)
class Program:
    """What the compiler made of a step.

    Attributes:
      memory: that it takes.
      cost: of a step on each chip, its bytes of memory None if they were not to be known; None
        where it does not fit and was not compiled.
      compile_seconds: wall time of the compiler, here and now.
      compile_cpu_seconds: of all cores together: on an idle machine it takes no longer.
    """

    memory: Memory
    cost: Cost | None
    compile_seconds: float
    compile_cpu_seconds: float


def compile_step(experiment: Experiment, topology: Topology, *, quick: bool = False) -> Program:
    """Compile the train step of `experiment`, whose mesh is of the devices of `topology`.

    With `quick`, TPUs' compiler makes its least effort, and bytes of memory are not counted.
    """
    state, batch = experiment.abstract_state, experiment.abstract_batch
    return compile_traced(experiment.trace_step(), topology, state, batch, quick=quick)


def compile_traced(
    traced: jax.stages.Traced, topology: Topology, state: Any, batch: Any, *, quick: bool = False
) -> Program:
    """Compile a function of (state, batch), trees of ShapeDtypeStructs with shardings; see
    `compile_step`."""
    quick = quick and topology.platform == "tpu"  # other compilers have no such level
    state = sum(map(_held, jax.tree.leaves(state)))
    batch = sum(map(_held, jax.tree.leaves(batch)))
    start = time.perf_counter(), time.process_time()
    try:
        lowered = traced.lower(lowering_platforms=topology.lowering_platforms)
        options = topology.compiler_options | (_QUICK if quick else {})
        compiled = lowered.compile(compiler_options=options or None)
    except jax.errors.JaxRuntimeError as error:
        needed = _exhausted(str(error), held=state + batch)
        if needed is None:
            raise
        memory = Memory(state, batch, None, needed, topology.memory)
        return Program(memory, None, *_since(start))
    seconds = _since(start)
    peak, temporaries = _peak_and_temporaries(compiled.memory_analysis(), topology)
    memory = Memory(state, batch, temporaries, peak, topology.memory)
    on_chip = topology.chip.on_chip if topology.chip else ()
    counted = cost(hlo.parse(compiled.as_text()), on_chip=on_chip, devices=topology.size)
    if topology.platform == "gpu":
        # Products are calls of libraries there, whose shapes the program does not tell.
        counted = dataclasses.replace(
            counted, flops=flops.traced(traced.jaxpr.jaxpr) // topology.size
        )
    else:
        kernels = flops.traced(traced.jaxpr.jaxpr, only_kernels=True) // topology.size
        counted = dataclasses.replace(counted, flops=counted.flops + kernels)
    if quick:
        counted = dataclasses.replace(counted, nbytes=None)
    return Program(memory, counted, *seconds)


def _since(start: tuple[float, float]) -> tuple[float, float]:
    return time.perf_counter() - start[0], time.process_time() - start[1]


def model_flops(config: ConfigDict, experiment: Experiment, devices: Any) -> int:
    """Return the FLOPs of a step over all chips, without what is computed again to save memory."""
    once = ConfigDict(config.to_dict())
    for section in (once.encoder, *once.encoders.values()):
        fields = {field.name for field in dataclasses.fields(encoder_class(section.name))}
        section.update({key: value for key, value in _ONCE.items() if key in fields})
    if once != config:
        experiment = build(once, experiment.objective.run.spec, devices=devices)
    return flops.traced(experiment.trace_step().jaxpr.jaxpr)


def _peak_and_temporaries(stats: Any, topology: Topology) -> tuple[int, int]:
    """Return bytes at the peak, and those of them that are neither arguments nor program."""
    if topology.platform == "tpu":
        # Its allocator, which refuses what does not fit, counts what lives at the same time; its
        # sum of temporaries does not.
        peak = stats.peak_memory_in_bytes
        return peak, peak - stats.argument_size_in_bytes
    held = stats.argument_size_in_bytes + stats.output_size_in_bytes - stats.alias_size_in_bytes
    temporaries = stats.temp_size_in_bytes
    return held + temporaries + stats.generated_code_size_in_bytes, temporaries


def _held(leaf: jax.ShapeDtypeStruct) -> int:
    """Return the bytes of an array on each device."""
    shard = jax.ShapeDtypeStruct(leaf.sharding.shard_shape(leaf.shape), leaf.dtype)
    return shard.size * shard.dtype.itemsize


def _exhausted(message: str, held: float) -> float | None:
    """Return the bytes that the compiler says a program needs, if that is why it failed.

    Args:
      message: of its error.
      held: bytes of state and batch, which one of its messages does not count.

    >>> _exhausted("... Ran out of memory in memory space hbm. Used 20.00G of 15.75G hbm. ...", 3.0)
    21474836480.0
    >>> _exhausted("... required for HLO temporaries (2.00K) exceeds available HBM (15.75G).", 3.0)
    2051.0
    """
    if whole := re.search(r"Used ([\d.]+)([KMGT]?) of [\d.]+[KMGT]? hbm", message):
        return float(whole[1]) * _UNITS[whole[2]]
    rest = re.search(r"required for HLO temporaries \(([\d.]+)([KMGT]?)\) exceeds", message)
    return held + float(rest[1]) * _UNITS[rest[2]] if rest else None
