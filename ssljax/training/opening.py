"""What a run says of itself before it starts: its data, its model and its devices."""

import math
from collections import Counter
from collections.abc import Iterator

import jax

from ssljax.data import sides
from ssljax.training.experiment import Experiment


def opening(experiment: Experiment) -> Iterator[str]:
    """Yield a line each on the data, on what is trained, and on the devices."""
    source, config = experiment.source, experiment.config
    run = experiment.objective.run
    fields = []
    for name in (run.name, *run.encoders):
        read, seen = source.fields[name], run.spec.fields[name]
        resized = f", seen as {sides(seen)}" if seen.shape != read.shape else ""
        fields.append(f"{name} {sides(read)}{resized}")
    yield (
        f"data: {len(source):,} examples in {source.split!r} of {source.name}: {'; '.join(fields)}"
    )

    leaves = jax.tree.leaves(experiment.abstract_state.params)
    count = sum(math.prod(leaf.shape) for leaf in leaves)
    encoders = [section.name for section in (config.encoder, *config.encoders.values())]
    yield (
        f"model: {count:,} parameters ({config.objective.name} on {' and '.join(encoders)}, "
        f"{config.optimizer.name})"
    )

    devices = experiment.mesh.devices.flatten().tolist()
    kinds = Counter(device.device_kind for device in devices)
    what = ", ".join(f"{number} x {kind}" for kind, number in kinds.items())
    hosts = f" of {jax.process_count()} processes" if jax.process_count() > 1 else ""
    mesh = ", ".join(f"{axis}={size}" for axis, size in experiment.mesh.shape.items())
    yield f"devices: {what}{hosts}, mesh {mesh}"
