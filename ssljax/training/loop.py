"""The whole of a pretraining run. Nothing here depends on which objective it is."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator

import jax
from ml_collections import ConfigDict

from ssljax.evaluation.quick import quick_evaluation
from ssljax.objectives.base import Refreshing
from ssljax.ops.keys import key_for
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.experiment import Batch, Experiment, build
from ssljax.training.health import MetricsWindow
from ssljax.training.metrics import MetricsWriter, Progress
from ssljax.training.paths import named_leaves
from ssljax.training.signals import StopRequest
from ssljax.training.state import TrainState
from ssljax.training.workdir import claim, lock


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
      experiment: what was run.
      state: the last state.
      signal: the signal that ended it early, or None.
      already_finished: nothing was left to do.
    """

    experiment: Experiment
    state: TrainState
    signal: int | None
    already_finished: bool


def pretrain(config: ConfigDict, workdir: pathlib.Path, *, say: Callable[[str], None] = print) -> Outcome:
    """Run a config from wherever `workdir` stands to its last step.

    Args:
      config: complete, see `ssljax.training.config`.
      workdir: of a new run or of one to continue.
      say: takes a line for the user.

    Raises:
      UserError: whatever the user can mend; NonFiniteLoss among them.
    """
    # ── What the config describes ─────────────────────────────────────────────────────────────────────────────────────
    held = lock(workdir)
    experiment = build(config)
    claim(workdir, config, experiment.source.fingerprint())
    objective, pipeline = experiment.objective, experiment.pipeline()
    refreshing = objective if isinstance(objective, Refreshing) else None

    # ── Where the run stands ──────────────────────────────────────────────────────────────────────────────────────────
    checkpoints = Checkpointer(
        workdir, keep_last=config.checkpoint.keep_last, keep_best=config.checkpoint.keep_best,
        best_metric="knn", report=say,
    )
    restored = checkpoints.restore(experiment.abstract_state)
    first, state = restored[:2] if restored else (0, experiment.init())
    if first == config.steps:
        return Outcome(experiment, state, signal=None, already_finished=True)
    say(f"resuming at step {first:,}" if restored else f"starting at step 0 of {config.steps:,}")

    train_step = experiment.compile_step()
    writer = MetricsWriter(workdir, first_step=first)
    window = MetricsWindow(workdir, list(named_leaves(state.params)), pipeline.ids)
    progress = Progress(first=first, total=config.steps, batch_size=config.batch_size, shown=config.progress)
    profiler = _Profiler(workdir, *config.profile)

    def log(step: int) -> None:
        means = window.drain(step)
        if means:
            means |= {"learning_rate": float(experiment.optimizer.learning_rate(step - 1)),
                      "examples_per_second": progress.rate(step)}
            writer.write(step, means)
            progress.show(loss=f"{means['loss']:.4f}", images_per_s=f"{means['examples_per_second']:.0f}")

    # ── Train ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    step, scores = first, None
    with StopRequest() as stop:
        for batch in _placed(experiment, pipeline.iterate(first, config.steps)):
            if refreshing and refreshing.refresh_due(step):
                state = refreshing.refresh(state, experiment.epoch, key=key_for(config.seed, "refresh", step))
                state = jax.device_put(state, experiment.shardings)
            with profiler.at(step):
                state, metrics = train_step(state, batch)
            window.add(step, metrics)
            step += 1
            progress.advance(step)

            if step % config.log_every == 0:
                log(step - 1)  # all but the newest, which is still being computed
            if config.evaluation.every and step % config.evaluation.every == 0:
                log(step)
                scores = quick_evaluation(experiment, state)
                writer.write(step, scores)
            last = step == config.steps or stop.signal is not None
            if last or step % config.checkpoint.every == 0:
                log(step)  # a state that is not finite is never saved
                checkpoints.save(step, state, metrics=scores, meta={"config": config.to_dict()})
            if last:
                break
    # ── Leave everything whole ────────────────────────────────────────────────────────────────────────────────────────
    checkpoints.close()
    return Outcome(experiment, state, signal=stop.signal, already_finished=False)
