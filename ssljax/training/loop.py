"""The whole of a pretraining run. Nothing here depends on which objective it is."""

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import jax
from jax.experimental import multihost_utils
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.files import write_atomically
from ssljax.objectives.base import Refreshing
from ssljax.ops.keys import key_for
from ssljax.training.allocator import keep_freed_memory
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.data_record import DataRecord, read_data_record
from ssljax.training.evaluate import quick_evaluation, require_evaluable
from ssljax.training.experiment import Experiment, build
from ssljax.training.metrics import MetricsWindow, MetricsWriter
from ssljax.training.opening import opening
from ssljax.training.preemption import StopRequest
from ssljax.training.progress import Progress
from ssljax.training.sharding_rules import describe_sharding
from ssljax.training.state import TrainState
from ssljax.training.tree_paths import named_leaves
from ssljax.training.warm_start import init_from
from ssljax.training.workdir import begun, claim, lock


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
      experiment: what was run.
      state: the last state.
      signal: that ended it early, or None.
      already_finished: there was nothing left to do.
    """

    experiment: Experiment
    state: TrainState
    signal: int | None = None
    already_finished: bool = False


def pretrain(
    config: ConfigDict, workdir: pathlib.Path, *, say: Callable[[str], None] = print
) -> Outcome:
    """Run a config from wherever `workdir` stands to its last step.

    Args:
      config: complete, see `ssljax.training.config`.
      workdir: of a new run, or of one to continue.
      say: takes a line for the user.

    Raises:
      UserError: whatever the user can mend; NonFiniteLoss among them.
    """
    with contextlib.ExitStack() as exits:
        # ── What the config describes ───────────────────────────────────────────────────────────
        exits.enter_context(lock(workdir))
        keep_freed_memory()
        stored = read_data_record(workdir) if begun(workdir) else None
        if stored is not None and stored.imported:
            raise UserError(
                f"{workdir} holds imported weights, without data; start a run from them in another "
                f"workdir, with config.init_from=({{'workdir': {str(workdir)!r}}},)"
            )
        experiment = build(config, stored.spec if stored else None, with_source=True)
        objective, pipeline = experiment.objective, experiment.pipeline()
        if config.evaluation.final or config.evaluation.every:
            require_evaluable(experiment, final=config.evaluation.final)
        data = DataRecord(pipeline.fingerprint(), objective.run.spec)
        if change := claim(workdir, config, data):
            say(change)
        if jax.process_index() == 0:  # for people: the group of each parameter, where each array is
            write_atomically(workdir / "parameters.txt", experiment.optimizer.describe() + "\n")
            write_atomically(
                workdir / "state.txt", describe_sharding(experiment.abstract_state) + "\n"
            )
        if experiment.source.report:
            say(experiment.source.report)
        for line in opening(experiment):
            say(line)

        # ── Where the run stands ────────────────────────────────────────────────────────────────
        stop = exits.enter_context(StopRequest())  # left after all below has been written
        keep = config.checkpoint
        checkpoints = exits.enter_context(
            contextlib.closing(
                Checkpointer(
                    workdir,
                    keep_last=keep.keep_last,
                    keep_best=keep.keep_best,
                    best_metric="knn",
                    report=say,
                )
            )
        )
        restored = checkpoints.restore(experiment.abstract_state)
        first, state = restored[:2] if restored else (0, experiment.init())
        if not restored:
            state = init_from(state, config.init_from, objective=objective, say=say)
        if first == config.steps:
            return Outcome(experiment, state, already_finished=True)
        say(f"continuing at step {first:,}" if restored else f"starting: {config.steps:,} steps")

        # Before the compilation, so that files that cannot be written are told at once.
        writer = exits.enter_context(contextlib.closing(MetricsWriter(workdir, first_step=first)))
        say("compiling the train step ...")
        began = time.perf_counter()
        train_step = experiment.compile_step()
        say(f"compiled in {time.perf_counter() - began:.1f} s")
        if jax.process_count() > 1:  # the first collectives do not wait long for one that compiles
            multihost_utils.sync_global_devices("the step is compiled")
        window = MetricsWindow(workdir, list(named_leaves(state.params)), pipeline.ids)
        progress = exits.enter_context(contextlib.closing(Progress(first, config)))
        profiler = exits.enter_context(Profiler(workdir, *config.profile))

        def log(step: int) -> None:
            if means := window.drain(step):
                means["learning_rate"] = float(experiment.optimizer.learning_rate(step - 1))
                means["examples_per_second"] = progress.rate(step)
                writer.write(step, means)
                progress.show(loss=means["loss"])

        # ── Train ───────────────────────────────────────────────────────────────────────────────
        step = first
        stop.begin()
        batches = exits.enter_context(contextlib.closing(pipeline.iterate(first, config.steps)))
        for batch in batches:
            if isinstance(objective, Refreshing) and objective.refresh_due(step):
                key = key_for(config.seed, "refresh", step)
                state = objective.refresh(state, experiment.epoch, key=key)
                state = jax.device_put(state, experiment.shardings)
            profiler.before(step)
            state, metrics = train_step(state, experiment.put(batch))
            window.add(step, metrics)
            step += 1
            progress.advance(step)

            stopping = stop.due(step) or step == config.steps
            evaluating = config.evaluation.every and step % config.evaluation.every == 0
            # A score is of its checkpoint's own step: where the best are kept, save what is scored.
            saving = stopping or step % keep.every == 0 or (evaluating and keep.keep_best)
            if saving or evaluating:
                log(step)  # raises if the loss is not finite: such a state is not saved
            elif step % config.log_every == 0:
                log(step - 1)  # without the newest step, which is still being computed
            scores = quick_evaluation(experiment, state) if evaluating else {}
            if evaluating:
                writer.write(step, scores)
                progress.show_scores(scores)
                progress.restart(step)
            if saving:
                checkpoints.save(step, state, meta=_meta(config, pipeline), metrics=scores)
            if stopping:
                break
        return Outcome(experiment, state, signal=stop.signal if step < config.steps else None)


def _meta(config: ConfigDict, pipeline: Any) -> dict[str, Any]:
    packages = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint")
    return {
        "config": config.to_dict(),
        "data": pipeline.fingerprint(),
        "packages": {name: metadata.version(name) for name in packages},
    }


class Profiler(contextlib.AbstractContextManager):
    """Traces `count` steps from `first` on into WORKDIR/profile, for TensorBoard or Perfetto."""

    def __init__(self, workdir: pathlib.Path, first: int, count: int):
        self._folder, self._first, self._end = workdir / "profile", first, first + count
        self._tracing = False

    def before(self, step: int) -> None:
        """Start or stop as the coming step demands."""
        if self._tracing and step >= self._end:
            self._stop()
        elif not self._tracing and self._first <= step < self._end:
            jax.profiler.start_trace(str(self._folder))
            self._tracing = True

    def _stop(self) -> None:
        jax.profiler.stop_trace()
        self._tracing = False

    def __exit__(self, *error: Any) -> None:
        if self._tracing:
            self._stop()
