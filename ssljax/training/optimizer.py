"""The optimizer of a run, from its config: AdamW, SGD, LARS or LAMB with parameter groups."""

import dataclasses
import functools
import re
from collections.abc import Callable, Container, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ssljax.errors import UserError
from ssljax.ops.schedule import cosine
from ssljax.schema import parse
from ssljax.training import sections
from ssljax.training.learning_rate import (
    Schedule,
    peak_learning_rate,
    require_used,
    warmup_then,
)
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS, ParamGroup, param_groups
from ssljax.training.tree_paths import named_leaves, path_name

OPTIMIZERS = {
    "adamw": "Adam with decoupled weight decay (arXiv:1711.05101)",
    "sgd": "SGD with momentum; weight decay is added to the gradient",
    "lars": "SGD whose step is proportional to each layer's norm (arXiv:1708.03888)",
    "lamb": "AdamW whose step is proportional to each layer's norm (arXiv:1904.00962)",
}

CLIPPED = {
    "global": "all parameters together",
    "component": "those of an encoder, a head, ... together: the first key of their paths",
    "parameter": "each for itself; query, key and value of an attention are one array in the "
    "official codes and count as one, layers of a scan are apart",
}

# What happens to a parameter's update: (its group, the update, the parameter) -> the update.
Change = Callable[[ParamGroup, jax.Array, jax.Array], jax.Array]

_PROJECTIONS = re.compile("/(query|key|value)/")


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """What the train step applies, and what it does to whom.

    Attributes:
      transform: the gradient transformation; its update is to be added to the parameters. It takes
        the number of the step, `update(grads, state, params, step=step)`, and its state holds no
        counter but Adam's of the moments' updates, which corrects their bias.
      learning_rate: as a function of the step; the one that `transform` applies.
      decay_scale: what weight decay is multiplied by, as a function of the step.
      param_groups: by parameter path.
      shapes: of the parameters, by path.
    """

    transform: optax.GradientTransformationExtraArgs
    learning_rate: Schedule
    decay_scale: Schedule
    param_groups: Mapping[str, ParamGroup]
    shapes: Mapping[str, tuple[int, ...]]

    def describe(self) -> str:
        """Return a table for people: one line for each parameter, with its group."""
        rows = [("parameter", "shape", "group", "weight decay", "learning rate", "trust ratio")]
        for path, one in self.param_groups.items():
            shape = "x".join(map(str, self.shapes[path])) or "scalar"
            how = ("frozen", "", "") if one.frozen else _as_text(one)
            rows.append((path, shape, one.name, *how))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        return "\n".join(lines)


def _as_text(one: ParamGroup) -> tuple[str, str, str]:
    scales = np.ravel(one.scale)
    scale = f"x{scales[0]:.3g}" + (f" to x{scales[-1]:.3g}" if len(scales) > 1 else "")
    scale += f", {one.schedule}" if one.schedule else ""
    scale += f", from step {one.frozen_steps:,}" if one.frozen_steps else ""
    return f"{one.weight_decay:.3g}", scale, "yes" if one.trust_ratio else "no"


def build_optimizer(
    config: Mapping[str, Any],
    *,
    steps: int,
    batch_size: int,
    params: Any,
    frozen: Container[str] = (),
) -> Optimizer:
    """Return the optimizer that `config` describes.

    Args:
      config: any of the keys of `ssljax.training.sections.Optimizer`. `learning_rate` is for 256
        examples where `scale_by_batch` is "linear" or "sqrt"; `param_groups` is explained at the
        function of that name, and stands for `DEFAULT_PARAM_GROUPS` where empty. Hyper-parameters
        that belong to another optimizer than the one named are not read.
      steps: updates in the whole run, for the schedule.
      batch_size: examples of an update, over all devices.
      params: arrays or ShapeDtypeStructs, float32.
      frozen: components that the objective does not train.

    Raises:
      UserError: an unknown key, optimizer or schedule, a value out of range, or groups that
        do not fit the parameters.
    """
    options = _checked(config)
    by_name, decay_scale = _schedules(options, steps, batch_size)
    learning_rate = by_name(options["schedule"])
    by_path = param_groups(
        params,
        options["param_groups"] or DEFAULT_PARAM_GROUPS,
        weight_decay=options["weight_decay"],
        layer_decay=options["layer_decay"],
        frozen=frozen,
    )
    shapes = {}
    for path, leaf in named_leaves(params).items():
        shapes[path] = tuple(leaf.shape)
        if not by_path[path].frozen and leaf.dtype != jnp.float32:
            raise UserError(
                f"parameter {path} is {leaf.dtype}; what is trained is float32 (a lower precision "
                "is for computing only)"
            )
    rates = {
        name: by_name(name) if name else learning_rate
        for name in {one.schedule for one in by_path.values()}
    }
    require_used({options["schedule"], *rates}, options["milestones"], options["cooldown_steps"])
    transform = _all_but_frozen(_trained(options, rates, decay_scale, by_path), by_path)
    return Optimizer(transform, learning_rate, decay_scale, by_path, shapes)


def schedules(config: Mapping[str, Any], *, steps: int, batch_size: int) -> dict[str, Schedule]:
    """Return what the optimizer changes over a run, as functions of the step: "learning rate", that
    of each param group with a schedule of its own, and "weight decay" as a factor.

    Arguments and errors are those of `build_optimizer`.
    """
    options = _checked(config)
    by_name, decay_scale = _schedules(options, steps, batch_size)
    of_groups = {
        f"learning rate of param group {group['name']!r}": by_name(group["learning_rate_schedule"])
        for group in options["param_groups"]
        if group.get("learning_rate_schedule")
    }
    rate = by_name(options["schedule"])
    return {"learning rate": rate, **of_groups, "weight decay": decay_scale}


def _schedules(
    options: Mapping[str, Any], steps: int, batch_size: int
) -> tuple[Callable[[str], Schedule], Schedule]:
    """Return the learning rate by the name of its schedule, and the factor of the weight decay."""
    length = int(steps * options["schedule_length"])
    by_name = functools.partial(
        warmup_then,
        peak=peak_learning_rate(options["learning_rate"], options["scale_by_batch"], batch_size),
        steps=length,
        warmup_steps=options["warmup_steps"],
        warmup_init_scale=options["warmup_init_scale"],
        final_scale=options["final_scale"],
        milestones=options["milestones"],
        gamma=options["gamma"],
        cooldown_steps=options["cooldown_steps"],
    )
    decay_scale = functools.partial(
        cosine, start=1.0, end=options["final_decay_scale"], steps=length
    )
    return by_name, decay_scale


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
    options = vars(parse(sections.Optimizer, config, "config.optimizer"))
    if options["clip_by"] != "global" and not options["clip_norm"]:
        raise UserError(
            f"optimizer.clip_by is {options['clip_by']!r}, but optimizer.clip_norm is 0, so that "
            "nothing is clipped"
        )
    return options


def _trained(
    options: Mapping[str, Any],
    rates: Mapping[str, Schedule],
    decay_scale: Schedule,
    by_path: Mapping[str, ParamGroup],
) -> optax.GradientTransformationExtraArgs:
    """Return the chain for the parameters that are trained, in the order of the official codes."""
    adam = optax.scale_by_adam(options["b1"], options["b2"], options["eps"], mu_dtype=jnp.float32)
    momentum = optax.trace(options["momentum"], options["nesterov"], jnp.float32)
    coefficient = options["trust_coefficient"] if options["name"] == "lars" else 1.0

    def decayed(step: jax.Array) -> Change:
        scale = decay_scale(step)
        return lambda one, u, p: u + one.weight_decay * scale * p if one.weight_decay else u

    def adapted(step: jax.Array) -> Change:
        return lambda one, u, p: u * _trust_ratio(one, u, p, coefficient)

    def scaled(step: jax.Array) -> Change:
        now = {name: rate(step) for name, rate in rates.items()}

        def change(one: ParamGroup, u: jax.Array, p: jax.Array) -> jax.Array:
            rate = now[one.schedule]
            # What is held for a while has its moments, so that they are warm when it is let go.
            rate = jnp.where(step < one.frozen_steps, 0.0, rate) if one.frozen_steps else rate
            return -rate * one.scale * u

        return change

    links = {
        "clip": _clip(by_path, options["clip_by"], options["clip_norm"]),
        "adam": adam,
        "momentum": momentum,
        "decay": _per_parameter(by_path, decayed),
        "trust": _per_parameter(by_path, adapted),
        "rate": _per_parameter(by_path, scaled),
    }
    moved = ("rate", "momentum") if options["rate_in_momentum"] else ("momentum", "rate")
    chains = {
        "adamw": ("adam", "decay", "rate"),
        "sgd": ("decay", "momentum", "rate"),  # the rate after the momentum, as in PyTorch
        "lars": ("decay", "trust", *moved),
        "lamb": ("adam", "decay", "trust", "rate"),
    }
    clip = ("clip",) if options["clip_norm"] else ()
    # By name: moments have the same path in runs with and without clipping.
    return optax.named_chain(*((name, links[name]) for name in clip + chains[options["name"]]))


def _per_parameter(
    by_path: Mapping[str, ParamGroup], change_at: Callable[[jax.Array], Change]
) -> optax.GradientTransformationExtraArgs:
    """Return the transformation of every parameter's update by the change of the step."""

    def update(
        updates: Any, state: optax.EmptyState, params: Any, *, step: jax.Array, **_: Any
    ) -> tuple[Any, optax.EmptyState]:
        change = change_at(step)
        changed = jax.tree_util.tree_map_with_path(
            lambda path, u, p: change(by_path[path_name(path)], u, p), updates, params
        )
        return changed, state

    return optax.GradientTransformationExtraArgs(lambda _: optax.EmptyState(), update)


def _clip(
    by_path: Mapping[str, ParamGroup], clip_by: str, largest: float
) -> optax.GradientTransformation:
    """Return the transformation that shortens what is longer than `largest`, group by group."""

    def group(path: str) -> str:
        if clip_by == "component":
            return path.split("/", 1)[0]
        return _PROJECTIONS.sub("/", path) if clip_by == "parameter" else ""

    def square(path: str, update: jax.Array) -> jax.Array:
        keep = clip_by == "parameter" and by_path[path].stacked
        return jnp.sum(jnp.square(update), axis=tuple(range(int(keep), update.ndim)), keepdims=keep)

    def clip(updates: Any, _: Any) -> Any:
        squares: dict[str, jax.Array] = {}
        for path, update in named_leaves(updates).items():
            if by_path[path].clip:
                squares[group(path)] = squares.get(group(path), 0.0) + square(path, update)
        norms = {name: jnp.sqrt(total) for name, total in squares.items()}
        scales = {n: jnp.where(norm < largest, 1.0, largest / norm) for n, norm in norms.items()}
        return jax.tree_util.tree_map_with_path(
            lambda path, u: (
                u * scales[group(path_name(path))] if by_path[path_name(path)].clip else u
            ),
            updates,
        )

    return optax.stateless(clip)


def _trust_ratio(
    one: ParamGroup, update: jax.Array, param: jax.Array, coefficient: float
) -> jax.Array | float:
    """Return coefficient * |param| / |update|, and 1 where either is zero."""
    if not one.trust_ratio:
        return 1.0
    axes = tuple(range(int(one.stacked), param.ndim))
    param_norm, update_norm = (
        jnp.sqrt(jnp.sum(jnp.square(x), axis=axes, keepdims=True)) for x in (param, update)
    )
    nonzero = (param_norm > 0) & (update_norm > 0)
    return jnp.where(nonzero, coefficient * param_norm / jnp.where(nonzero, update_norm, 1.0), 1.0)


def _all_but_frozen(
    trained: optax.GradientTransformationExtraArgs, by_path: Mapping[str, ParamGroup]
) -> optax.GradientTransformationExtraArgs:
    """Return `trained` for what is not frozen; its state is as if the frozen were not there."""
    if not any(one.frozen for one in by_path.values()):
        return trained

    def without(tree: Any) -> Any:
        return jax.tree_util.tree_map_with_path(
            lambda path, leaf: optax.MaskedNode() if by_path[path_name(path)].frozen else leaf, tree
        )

    def update(updates: Any, state: Any, params: Any, **extra: Any) -> tuple[Any, Any]:
        new, state = trained.update(without(updates), state, without(params), **extra)
        # -0.0 is the number that changes no other when added, not even a zero's sign.
        held = jax.tree.map(
            lambda u, n: jnp.full_like(u, -0.0) if isinstance(n, optax.MaskedNode) else n,
            updates,
            new,
        )
        return held, state

    return optax.GradientTransformationExtraArgs(
        lambda params: trained.init(without(params)), update
    )
