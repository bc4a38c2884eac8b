"""From a config to what it describes: data, encoder, objective, optimizer, mesh, train step."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from ssljax.data import (
    Mixture,
    Pipeline,
    Source,
    Together,
    epoch,
    measured_spec,
    mixture_of,
    names_of,
)
from ssljax.data.host import CropGroup, given_length, shipped
from ssljax.errors import UserError
from ssljax.models import build_encoder, encoder_class
from ssljax.objectives import Objective, Run, build_objective, outputs_of
from ssljax.spec import Field, Spec
from ssljax.training import logical_axes
from ssljax.training.consistency import (
    argument_checks_told,
    require_consistent,
    require_enough,
    require_sizes,
    require_trained,
)
from ssljax.training.data_sets import mixed_in, require_fields, sampling, training_parts
from ssljax.training.optimizer import Optimizer, build_optimizer
from ssljax.training.output import Output, find_output
from ssljax.training.selection import classes_of, selects
from ssljax.training.sharding import (
    batch_sharding,
    check_batch_size,
    local_rows,
    make_mesh,
    replicated,
)
from ssljax.training.sharding_rules import state_sharding
from ssljax.training.state import TrainState
from ssljax.training.step import init_state, make_train_step
from ssljax.training.transfer import normalised_as_before

Batch = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What a config describes, built but not run.

    Attributes:
      config: complete.
      source: of the training examples; None if it was built without.
      objective: what is learned.
      optimizer: with its learning-rate schedule.
      mesh: of devices.
      abstract_state: the train state as ShapeDtypeStructs with shardings.
      crops: that hosts make of images and ship instead, by the name of their entry in a batch;
        None where they ship the images.
    """

    config: ConfigDict
    source: Source | None
    objective: Objective
    optimizer: Optimizer
    mesh: Mesh
    abstract_state: TrainState
    crops: Mapping[str, CropGroup] | None = None

    @property
    def shardings(self) -> TrainState:
        """Where each array of the state lies."""
        return jax.tree.map(lambda leaf: leaf.sharding, self.abstract_state)

    @property
    def abstract_batch(self) -> Batch:
        """A batch as ShapeDtypeStructs with shardings."""
        spec = self.objective.run.spec
        if self.crops:
            spec = shipped(spec, self.crops)
        return spec.batch(self.config.batch_size, batch_sharding(self.mesh))

    def init(self, seed: int | None = None) -> TrainState:
        """Return the first state, by default of the config's seed, made in place on the devices."""
        seed = self.config.seed if seed is None else seed

        def init() -> TrainState:
            return init_state(self.objective, self.optimizer.transform, seed=seed)

        return jax.jit(init, out_shardings=self.shardings)()

    def compile_step(
        self,
    ) -> Callable[[TrainState, Batch], tuple[TrainState, dict[str, jax.Array]]]:
        """Return the compiled train step; it donates the state: the old one is gone."""
        return self.trace_step().lower().compile()

    def trace_step(self) -> jax.stages.Traced:
        """Return the jitted train step, traced: it can be counted, lowered and compiled."""
        step = make_train_step(
            self.objective,
            self.optimizer.transform,
            seed=self.config.seed,
            accumulate=self.config.accumulate,
        )
        jitted = jax.jit(
            step,
            in_shardings=(self.shardings, batch_sharding(self.mesh)),
            out_shardings=(self.shardings, replicated(self.mesh)),
            donate_argnums=0,
        )
        with jax.set_mesh(self.mesh):  # for losses that send their logits' columns round a ring
            with argument_checks_told(), self._whole_images_told():
                return jitted.trace(self.abstract_state, self.abstract_batch)

    @contextlib.contextmanager
    def _whole_images_told(self) -> Iterator[None]:
        """Turn the error of a loss that reads images that are not in the batch into a UserError."""
        try:
            yield
        except KeyError as error:
            if not self.crops or error.args != (self.objective.run.name,):
                raise
            raise UserError(
                f"the loss of {type(self.objective).__name__} reads whole images, which "
                "config.data.ship='crops' does not ship; set config.data.ship='square'"
            ) from error

    @functools.cached_property
    def shown(self) -> dict[str, Field]:
        """The fields of the data by name, with the shapes that evaluation shows; no labels."""
        return {
            name: _as_evaluated(field, self.config.evaluation)
            for name, field in self.objective.run.spec.fields.items()
            if field.modality not in ("label", "presence")
        }

    @functools.cached_property
    def output(self) -> Output:
        """The output that is evaluated: `evaluation.output`, by default the objective's first.

        Raises:
          UserError: see `find_output`.
        """
        state, name = self.abstract_state, self.config.evaluation.output
        return find_output(self.objective, state.params, state.objective_state, self.shown, name)

    @functools.cached_property
    def embed(self) -> Callable[[dict[str, Any], Any, Batch], jax.Array]:
        """The jitted features [B, D] of (params, objective state, batch): those of `output`."""
        return self.jitted(self.output.name)

    def jitted(self, name: str) -> Callable[[dict[str, Any], Any, Batch], jax.Array]:
        """Return the jitted function of (params, objective state, batch) that gives an output."""
        if name not in self._jitted:  # or every call would compile it anew

            def embed(params: Any, state: Any, batch: Batch) -> jax.Array:
                with jax.sharding.use_abstract_mesh(self.mesh.abstract_mesh):  # as in a step
                    return outputs_of(self.objective, params, state, batch)[name]

            self._jitted[name] = jax.jit(embed, out_shardings=replicated(self.mesh))
        return self._jitted[name]

    @functools.cached_property
    def _jitted(self) -> dict[str, Callable]:
        return {}

    def pipeline(self) -> Pipeline:
        """Return the batches of the run, this host's part of each."""
        data = self.config.data
        return Pipeline(
            self.source,
            seed=self.config.seed,
            batch_size=self.config.batch_size,
            rows=local_rows(self.mesh, self.config.batch_size),
            image_size=data.image_size or None,
            length=given_length(data.length),
            clips=sampling(data, data.clips),
            host_crop=data.host_crop or None,
            crops=self.crops,
            workers=data.workers,
            labels=bool(data.labels),
            mixture=self._mixture(),
            together=self._together(),
            repeats=selects(data),
        )

    def _mixture(self) -> Mixture | None:
        mixed = mixed_in(self.config)
        if not mixed:
            return None
        weights = (1.0, *(one.weight for one in mixed))
        return mixture_of(self.source.counts, weights, self.config.batch_size)

    def _together(self) -> Together | None:
        count = self.config.data.per_label
        return Together(classes_of(self.source, key="per_label"), count) if count else None

    def put(self, batch: dict[str, np.ndarray]) -> Batch:
        """Place this host's part of a batch on the mesh."""
        sharding = batch_sharding(self.mesh)
        place = functools.partial(jax.make_array_from_process_local_data, sharding)
        return jax.tree.map(place, batch)

    def epoch(self) -> Iterator[Batch]:
        """Yield the training set once, in order, un-augmented; the last batch is padded."""
        return self.sequential(self.source, self.config.batch_size)

    def sequential(
        self, source: Source, batch_size: int, *, labels: bool = False
    ) -> Iterator[Batch]:
        """Yield the batches of any source once, in order, placed on the mesh."""
        for batch in epoch(
            source,
            batch_size,
            self.config.data.image_size or None,
            length=given_length(self.config.data.length),
            clips=sampling(self.config.data),
            labels=labels,
            rows=local_rows(self.mesh, batch_size),
            workers=self.config.data.workers,
        ):
            yield self.put(batch)


def _as_evaluated(field: Field, options: ConfigDict) -> Field:
    """Return a field as evaluation shows it: images of a size, videos as clips, of their own."""
    if field.modality == "video":
        count, crops = options.clips, options.get("crops", 1)
        length, height, width, channels = field.shape[-4:]
        if crops > 1:
            height = width = min(height, width)
        several = (count * crops,) if count * crops > 1 else ()
        return field.replace(shape=(*several, length, height, width, channels))
    if not options.size or field.modality != "image":
        return field
    return field.replace(shape=(options.size, options.size, field.shape[2]))


def _encoders(sections: Mapping[str, Mapping[str, Any]], spec: Spec) -> dict[str, Any]:
    """Return the encoders of further fields, by the name of the field."""
    require_fields(sections, spec.fields)
    return {
        name: build_encoder(section, spec.fields[name], f"encoders.{name}")
        for name, section in sections.items()
    }


def build(
    config: ConfigDict,
    spec: Spec | None = None,
    *,
    with_source: bool | None = None,
    trains: bool = True,
    devices: Sequence[jax.Device] | None = None,
) -> Experiment:
    """Build what a complete config describes, and check that it fits together.

    Args:
      config: complete.
      spec: what the data are like, where that is known; by default they are measured.
      with_source: whether to open the training data; by default only without `spec`. What is
        built without them can be compiled and evaluated, but not trained.
      trains: whether steps will be run, so that the batch has to divide over the devices.
      devices: of the mesh, by default all there are.

    Raises:
      UserError: naming the key and what would be right.
    """
    require_consistent(config)
    mesh = make_mesh(config.mesh, devices)
    if trains:
        check_batch_size(config.batch_size, mesh, config.accumulate)
    with_source = spec is None if with_source is None else with_source
    parts = training_parts(config) if with_source else None
    source = parts.train if parts else None
    if spec is None:  # examples are normalised alike, however few of them are trained on
        spec = measured_spec(parts.whole, config.data)
        spec = dataclasses.replace(spec, num_examples=len(source))
        spec = normalised_as_before(spec, config)
    _, field = spec.field_of(encoder_class(config.encoder.name).modality)
    run = Run(
        encoder=build_encoder(config.encoder, field),
        encoders=_encoders(config.encoders, spec),
        spec=spec,
        steps=config.steps,
        batch_size=config.batch_size,
    )
    if trains:
        require_enough(config, run.spec.num_examples)
        require_sizes(config, run.spec)
    objective = build_objective(config.objective, run)
    if parts and (labels := getattr(parts.whole, "labels", None)) is not None:
        objective.check_labels(labels, names_of(parts.whole))
    if config.data.pack and not objective.takes_packed:
        raise UserError(
            f"config.data.pack={config.data.pack} packs several examples into a row, which "
            f"config.objective.name={config.objective.name!r} does not take; set it to 0"
        )
    crops = objective.host_crops() if config.data.ship == "crops" else None
    with argument_checks_told():
        abstract_params, objective_state, names = logical_axes.evaluated(objective)
    optimizer = build_optimizer(
        config.optimizer,
        steps=config.steps,
        batch_size=config.batch_size,
        params=abstract_params,
        frozen=objective.frozen,
    )
    if trains:
        require_trained(optimizer.param_groups, config.steps)
    opt_state = jax.eval_shape(optimizer.transform.init, abstract_params)
    number = jax.ShapeDtypeStruct((), jnp.int32)
    abstract_state = TrainState(number, abstract_params, objective_state, opt_state)
    shardings = state_sharding(
        mesh,
        abstract_state,
        config.sharding_rules,
        names=names,
        min_size=config.mesh.fsdp_min_size,
    )
    abstract_state = jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
        abstract_state,
        shardings,
    )
    return Experiment(config, source, objective, optimizer, mesh, abstract_state, crops)
