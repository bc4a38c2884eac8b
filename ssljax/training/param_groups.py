"""Parameter groups: what the optimizer does to each parameter, by regexes on its path."""

import dataclasses
import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ssljax.errors import UserError, unknown
from ssljax.training.tree_paths import named_leaves

DEFAULT_PARAM_GROUPS: tuple[Mapping[str, Any], ...] = (
    {
        "name": "no_decay",
        "match": r"(^|/)(bias|scale|gamma|[^/]*norm[^/]*|bn[^/]*|pos(?!t)[^/]*|cls[^/]*|"
        r"class_token|mask_token|register[^/]*|column_embed|input_embed)(/|$)",
        "weight_decay": 0.0,
        "trust_ratio": False,
    },
    {"name": "rest", "match": ".*"},
)

KEYS = {
    "name": str,
    "match": str,
    "weight_decay": (int, float),
    "learning_rate_scale": (int, float),
    "learning_rate_schedule": str,
    "trust_ratio": bool,
    "clip": bool,
    "frozen": bool,
    "frozen_steps": int,
}

_NUMBERED = re.compile(r"(?:stage|layer|block)s?_?(\d+)")
_STACKED = re.compile(r"(?:layer|block)s?")
_INPUT = re.compile(r"(stem|patch|pos|cls|class_token|mask_token|register|.*embed).*")


@dataclasses.dataclass(frozen=True)
class ParamGroup:
    """How the optimizer treats one parameter.

    Attributes:
      name: of the group.
      weight_decay: the coefficient of this parameter.
      scale: times the learning rate; an array [L, 1, ...] for the stacked layers of a scan.
      schedule: that the learning rate follows after the warm-up; "": the optimizer's.
      trust_ratio: whether LARS and LAMB adapt the step to the norm of the parameter.
      clip: whether clipping of the gradient counts and shortens it.
      frozen: neither updated nor given optimizer state.
      frozen_steps: not updated in so many first steps.
      stacked: axis 0 counts layers, so norms are taken for each layer of it.
    """

    name: str
    weight_decay: float
    scale: float | np.ndarray
    schedule: str
    trust_ratio: bool
    clip: bool
    frozen: bool
    frozen_steps: int
    stacked: bool


def param_groups(
    params: Any,
    groups: Sequence[Mapping[str, Any]],
    *,
    weight_decay: float,
    layer_decay: float = 1.0,
    frozen: Container[str] = (),
) -> dict[str, ParamGroup]:
    """Return the group of every parameter, by path: the first of `groups` that matches.

    Args:
      params: the parameters, or their shapes.
      groups: mappings with "name", "match" (a regular expression looked for anywhere in the path)
        and any of "weight_decay", "learning_rate_scale", "learning_rate_schedule", "trust_ratio",
        "clip", "frozen", "frozen_steps". A sequence and not a mapping, because ConfigDict sorts the
        keys of a mapping and the order decides.
      weight_decay: of the groups that name none.
      layer_decay: see `layer_scales`.
      frozen: components, such as "encoder", that are frozen whatever their group says.

    Raises:
      UserError: a parameter without a group, a group without a parameter, or a malformed group.
    """
    leaves = named_leaves(params)
    patterns = _compiled(groups)
    scales = layer_scales(params, layer_decay)
    result: dict[str, ParamGroup] = {}
    used: set[str] = set()
    for path, leaf in leaves.items():
        matching = [group for group in groups if patterns[group["name"]].search(path)]
        if not matching:
            continue
        used.update(group["name"] for group in matching)
        group = matching[0]
        result[path] = ParamGroup(
            name=group["name"],
            weight_decay=float(group.get("weight_decay", weight_decay)),
            scale=group.get("learning_rate_scale", 1.0) * scales.get(path, 1.0),
            schedule=group.get("learning_rate_schedule", ""),
            trust_ratio=group.get("trust_ratio", True),
            clip=group.get("clip", True),
            frozen=group.get("frozen", False) or path.split("/", 1)[0] in frozen,
            frozen_steps=group.get("frozen_steps", 0),
            stacked=is_stacked(path) and len(leaf.shape) > 0,
        )
    if missing := [path for path in leaves if path not in result]:
        raise UserError(
            f"optimizer.param_groups have no group for {_some(missing)}; end them with one that "
            "matches '.*'"
        )
    for group in groups:
        if group["name"] not in used and group not in DEFAULT_PARAM_GROUPS:
            raise UserError(
                f"param group {group['name']!r} matches no parameter: {group['match']!r} is found "
                f"in none of {_some(list(leaves))}"
            )
    return result


def layer_scales(params: Any, layer_decay: float) -> dict[str, float | np.ndarray]:
    """Return the factors of layer-wise learning-rate decay, by path; none where it is off.

    With n blocks, scale = layer_decay ** (n + 1 - index): index 0 is the input (patches,
    positions, tokens, stem), block i is i + 1, and what follows the blocks is n + 1. Layers that
    a scan has stacked on axis 0 get one factor each. Only components whose name holds "encoder"
    count; projectors, decoders and heads come after them and keep 1. (BEiT, arXiv:2106.08254;
    MAE's util/lr_decay.py.)
    """
    if layer_decay == 1.0:
        return {}
    scales: dict[str, float | np.ndarray] = {}
    encoders: dict[str, dict[str, Any]] = {}
    for path, leaf in named_leaves(params).items():
        component = path.split("/", 1)[0]
        if "encoder" in component:
            encoders.setdefault(component, {})[path] = leaf
    for leaves in encoders.values():
        scales.update(_encoder_scales(leaves, layer_decay))
    if not scales:
        raise UserError(
            f"optimizer.layer_decay is {layer_decay}, but no component named '...encoder...' has "
            f"blocks; the parameters are {_some(list(named_leaves(params)))}"
        )
    return scales


def _encoder_scales(leaves: Mapping[str, Any], decay: float) -> dict[str, float | np.ndarray]:
    places = sorted({_block(path) for path in leaves} - {()})
    stacks = {leaf.shape[0] for path, leaf in leaves.items() if is_stacked(path)}
    if not places and not stacks:
        return {}
    depth = len(places) or max(stacks)
    scales: dict[str, float | np.ndarray] = {}
    for path, leaf in leaves.items():
        if is_stacked(path):
            factors = decay ** (depth - np.arange(leaf.shape[0], dtype=np.float32))
            scales[path] = factors.reshape(-1, *[1] * (len(leaf.shape) - 1))
        elif place := _block(path):
            scales[path] = decay ** (depth - places.index(place))
        elif any(_INPUT.fullmatch(key) for key in path.split("/")[1:]):
            scales[path] = decay ** (depth + 1)
        else:
            scales[path] = 1.0
    return scales


def _block(path: str) -> tuple[int, ...]:
    """Return the numbers in a path that place it in the depth: stage_1/block_0 is (1, 0)."""
    keys = (_NUMBERED.fullmatch(key) for key in path.split("/"))
    return tuple(int(key[1]) for key in keys if key)


def is_stacked(path: str) -> bool:
    """Whether axis 0 of what has this path counts the layers of a scan."""
    return not _block(path) and any(_STACKED.fullmatch(key) for key in path.split("/"))


def _compiled(groups: Sequence[Mapping[str, Any]]) -> dict[str, re.Pattern[str]]:
    if isinstance(groups, Mapping) or not all(isinstance(group, Mapping) for group in groups):
        raise UserError(
            "optimizer.param_groups must be a sequence of mappings, in the order in which they are "
            'tried: ({"name": "heads", "match": "^head/", "frozen": True}, ...)'
        )
    patterns: dict[str, re.Pattern[str]] = {}
    for group in groups:
        if not {"name", "match"} <= set(group):
            raise UserError(f"every param group needs 'name' and 'match'; got {dict(group)}")
        for key, value in group.items():
            if key not in KEYS:
                raise unknown(f"key of param group {group['name']!r}:", key, KEYS)
            kinds = KEYS[key]
            is_number = kinds in (int, (int, float))
            if not isinstance(value, kinds) or (
                is_number and (isinstance(value, bool) or not 0 <= value < math.inf)
            ):
                raise UserError(
                    f"param group {group['name']!r}: {key} is {value!r}; it must be "
                    f"{'a number of at least 0' if is_number else kinds.__name__}"
                )
        if group["name"] in patterns:
            raise UserError(f"two param groups are called {group['name']!r}")
        try:
            patterns[group["name"]] = re.compile(group["match"])
        except re.error as error:
            raise UserError(
                f"param group {group['name']!r}: match {group['match']!r} is not a regular "
                f"expression ({error})"
            ) from error
    return patterns


def _some(paths: Iterable[str], limit: int = 8) -> str:
    paths = list(paths)
    more = f" and {len(paths) - limit} more" if len(paths) > limit else ""
    return ", ".join(paths[:limit]) + more
