"""A run that starts from parts of others: a tokenizer, a teacher, an encoder trained before."""

from collections.abc import Callable, Mapping, Sequence

import jax

from ssljax.errors import UserError, unknown
from ssljax.objectives import Objective
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.state import TrainState
from ssljax.training.transfer import ENCODERS, is_encoder, start_from_encoder
from ssljax.training.tree_paths import named_leaves

KEYS = ("workdir", "take", "put")
OWN = "step"  # part of the state that is always the run's own


def init_from(
    state: TrainState,
    parts: Sequence[Mapping[str, str]],
    *,
    objective: Objective,
    say: Callable[[str], None],
) -> TrainState:
    """Return a first state some parts of which come from the newest checkpoints of other runs.

    Args:
      state: the fresh one.
      parts: each {"workdir": of the other run, "take": path in its state, "put": path in this one},
        such as {"workdir": "runs/vq_vae", "take": "params", "put": "objective_state/tokenizer"}.
        Paths are those of `state.txt` in a workdir, or the beginnings of such. All that lies under
        `put` is replaced, so the other run must have it all, in the same shapes. With "opt_state"
        the moments of the optimizer go along; the step, and so every schedule, starts at 0.
        Or {"workdir": of the other run}, perhaps with "encoder": "student" or "teacher", and with
        "field", whose encoder is meant: it is fitted to this run's data, see
        `ssljax.training.transfer`.
      objective: of this run.
      say: takes a line for the user.

    Raises:
      UserError: a part that is not such a mapping, no such path or workdir, other shapes, or the
        step, which is the run's own.
    """
    for number, part in enumerate(parts):
        where = f"config.init_from[{number}]"
        if is_encoder(part):
            if part.get("encoder", "student") not in ENCODERS:
                raise unknown(f"{where}.encoder", part["encoder"], ENCODERS)
            state = start_from_encoder(state, objective, part, where, say=say)
            continue
        if not isinstance(part, Mapping) or set(part) != {*KEYS}:
            raise UserError(
                f"{where}={part!r}; it must have the keys {', '.join(KEYS)}, or workdir alone"
            )
        if part["put"] == OWN:
            raise UserError(
                f"{where}: put={OWN!r}: a run counts its own steps; to go on with another run, "
                "raise config.steps in its own workdir"
            )
        state = _with_part(state, part, where)
        say(f"{part['put']} starts as {part['take']} of {part['workdir']}")
    return state


def _with_part(state: TrainState, part: Mapping[str, str], where: str) -> TrainState:
    leaves = named_leaves(state)
    wanted = {path: part["take"] + path.removeprefix(part["put"]) for path in leaves}
    wanted = {
        path: source for path, source in wanted.items() if f"{path}/".startswith(f"{part['put']}/")
    }
    if not wanted:
        parents = {path.rsplit("/", n)[0] for path in leaves for n in range(path.count("/") + 1)}
        raise unknown(f"{where}: part of the state", part["put"], parents)
    checkpoints = Checkpointer(part["workdir"], keep_last=1)
    try:
        arrays = checkpoints.restore_part(
            {
                source: jax.ShapeDtypeStruct(
                    leaves[path].shape, leaves[path].dtype, sharding=leaves[path].sharding
                )
                for path, source in wanted.items()
            }
        )
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    finally:
        checkpoints.close()
    if arrays is None:
        raise UserError(f"{where}: there is no checkpoint in {part['workdir']}")
    new = [arrays[wanted[path]] if path in wanted else leaf for path, leaf in leaves.items()]
    return jax.tree.unflatten(jax.tree.structure(state), new)
