"""Weights of other libraries as a run of ours: config, data record, checkpoint."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import jax
import numpy as np

from ssljax.data.tokenizers import AminoAcids
from ssljax.errors import UserError, unknown
from ssljax.hub.families import FAMILIES, Family, Plan
from ssljax.hub.files import Tensors, new_folder, read_json
from ssljax.hub.flat import placed, shapes
from ssljax.hub.given import Given
from ssljax.hub.names import renamed
from ssljax.hub.record import Record, write_record
from ssljax.hub.section import config_of
from ssljax.hub.shown import Shown, shown
from ssljax.hub.table import Absent, Fixed, Pair, absent, pairs
from ssljax.objectives import objective_class
from ssljax.spec import Spec, image_spec
from ssljax.training.checkpoint import Checkpointer, require_plain
from ssljax.training.config import to_json
from ssljax.training.data_record import IMPORTED, DataRecord, write_data_record
from ssljax.training.experiment import Experiment, build
from ssljax.training.run_tokenizer import keep_tokenizer
from ssljax.training.sharding_rules import describe_sharding

POOLING, SENTENCES = "1_Pooling/config.json", "sentence_bert_config.json"
_MODES = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first",
    "pooling_mode_lasttoken": "last",
}
COUNTER = "num_batches_tracked"
_FLOATS = ("float32", "float64", "float16", "bfloat16")
_CLOSE = 1e-5  # between a fixed tensor and ours
# timm's names of what is known, for those that come close.
_MODELS = [
    *(f"vit_{size}_patch16_224" for size in ("tiny", "small", "base", "large")),
    *("vit_small_patch14_dinov2", "vit_base_patch14_reg4_dinov2", "vit_giant_patch14_dinov2"),
    *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)),
]

Shapes = dict[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class Imported:
    """What became of the tensors of a source, and of the arrays of the run.

    Attributes:
      experiment: of the run.
      shown: how it shows images; None where it reads others.
      loaded: shapes of the tensors that were taken over, by name in the source.
      fixed: of those that are computed here, and were found to be equal.
      unused: of those that were left out.
      afresh: of our parameters that the source does not have, by path.
      teacher: components of which the teacher starts as a copy.
    """

    experiment: Experiment
    shown: Shown | None
    loaded: Shapes
    fixed: Shapes
    unused: Shapes
    afresh: Shapes
    teacher: Sequence[str]


def import_weights(
    place: pathlib.Path,
    workdir: pathlib.Path,
    *,
    library: str,
    model: str = "",
    objective: str = "",
) -> Imported:
    """Write the run of a checkpoint of another library, at step 0.

    Args:
      place: a folder with config.json and model.safetensors, or a .safetensors file.
      workdir: of the run; it must not exist.
      library: "hf" or "timm".
      model: name of timm's model, where there is no config.json.
      objective: of the run; by default that of the family.

    Raises:
      UserError: what is not there, not known, or does not fit together, by file and name. Then
        nothing was written.
    """
    require_plain(workdir)
    with new_folder(workdir, "--workdir") as folder:
        tensors = Tensors(place)
        config = _config(place, library, model)
        family = _family(library, config)
        names = renamed(family, tensors)
        plan = family.read(config, tensors, lambda name: names.get(name, name))
        if objective and objective != plan.objective["name"]:
            others = _others(objective, plan)
            plan = dataclasses.replace(plan, objective={"name": objective}, **others)
        plan = _pooled(place, plan)
        plan = _normalised(place, config, plan)
        images = shown(place, config, plan) if plan.field is None else None
        title = f"{library}/{model or config.values.get('architecture') or place.absolute().name}"
        spec = _spec(plan, images).replace(**plan.further)
        settings = config_of(plan, images, title, _tokenizer(place, spec))
        experiment = build(settings, spec, trains=False)
        found, arrays, record = _taken(library, family, config, tensors, names, experiment)
        _write(folder, experiment, arrays, {IMPORTED: {"from": title}})
        write_record(folder, record)
        keep_tokenizer(folder, experiment.config)
    return Imported(experiment, images, *found)


def _spec(plan: Plan, images: Shown | None) -> Spec:
    if images is None:
        return Spec({plan.field.modality: plan.field}, num_examples=1)
    return image_spec((*images.size, plan.channels), images.mean, images.std, num_examples=1)


def _normalised(place: pathlib.Path, config: Given, plan: Plan) -> Plan:
    """Return the plan of videos with the size, mean and deviation that frames are shown with."""
    if plan.field is None or plan.field.modality != "video":
        return plan
    found = shown(place, config, plan)
    shape = (plan.field.shape[0], *found.size, plan.channels)
    field = plan.field.replace(shape=shape, mean=found.mean, std=found.std)
    return dataclasses.replace(plan, field=field)


def _pooled(place: pathlib.Path, plan: Plan) -> Plan:
    """Return the plan of a folder of sentence-transformers with its pooling, and the length that
    it cuts texts to; else as it is."""
    path = place / POOLING
    if plan.field is None or plan.field.modality != "text" or not path.exists():
        return plan
    given = read_json(path)
    modes = {
        key for key, value in given.items() if key.startswith("pooling_mode_") and value is True
    }
    names = {_MODES.get(mode) for mode in modes}
    if len(names) != 1 or None in names:
        raise UserError(
            f"{path} asks for the pooling {', '.join(sorted(modes)) or 'of no tokens'}; there is "
            f"one of {', '.join(_MODES)}"
        )
    field, path = plan.field, place / SENTENCES
    if path.exists():
        most = Given(read_json(path), path).whole("max_seq_length", field.shape[0])
        field = field.replace(shape=(min(most, field.shape[0]),))
    return dataclasses.replace(plan, encoder={**plan.encoder, "pool": names.pop()}, field=field)


def _tokenizer(place: pathlib.Path, spec: Spec) -> str:
    """Return the tokenizer of a folder for its texts, as a config names it; "" for none.

    Of a folder without a tokenizer.json, vocab.txt is the one of WordPiece (BERT, ELECTRA), or has
    the ids of amino acids (ESM).
    """
    whole, words = place / "tokenizer.json", place / "vocab.txt"
    if all(one.modality != "text" for one in spec.fields.values()):
        return ""
    if whole.exists():
        return f"json:{whole}"
    if not words.exists():
        return ""
    lines = words.read_text(encoding="utf-8", errors="replace").splitlines()
    return "amino_acids" if tuple(lines) == AminoAcids.names else f"wordpiece:{words}"


def _others(objective: str, plan: Plan) -> dict[str, Any]:
    """Return the further fields and their encoders, if an objective reads any."""
    if objective_class(objective).several_fields:
        return {}
    return {"encoders": {}, "further": {}}


def _config(place: pathlib.Path, library: str, model: str) -> Given:
    if library == "hf" and not place.is_dir():
        raise UserError(f"--from hf {place}: give the folder with config.json and the weights")
    if library == "hf" and model:
        raise UserError("--model is for --from timm; Hugging Face's config.json says the model")
    path = place / "config.json" if place.is_dir() else place
    if model:
        return Given({"architecture": model}, path)
    if not place.is_dir() or (library == "timm" and not path.exists()):
        raise UserError(
            f"--from timm {place}: without a config.json give the name of the model, such as "
            "--model vit_base_patch16_224 or --model resnet50"
        )
    return Given(read_json(path), path)


def _family(library: str, config: Given) -> Family:
    families = FAMILIES[library]
    if library == "hf":
        name = config.values.get("model_type")
        if name not in families:
            raise unknown(f"model_type of {config.where}:", name, families)
        return families[name]
    name = str(config.values.get("architecture", ""))
    if re.match(r"(vit|deit3?)_", name) and "quickgelu" not in name:
        return families["vit"]
    if re.match(r"resnet\d+\b", name):
        return families["resnet"]
    raise unknown("model of timm", name, _MODELS)


def _taken(
    library: str,
    family: Family,
    config: Given,
    tensors: Tensors,
    names: Mapping[str, str],
    experiment: Experiment,
) -> tuple[tuple[Shapes, Shapes, Shapes, Shapes, list[str]], dict[str, np.ndarray], Record]:
    """Return what becomes of everything, our arrays by path, and the record for an export."""
    objective, state = experiment.objective, experiment.abstract_state
    own = shapes(state.params, state.objective_state["stats"])
    rows = pairs(family.rows, list(own))
    _require_all(rows, names, tensors)
    rows = [row for row in rows if row.theirs in names]
    arrays: dict[str, np.ndarray] = {}
    dtypes: dict[str, str] = {}
    for row in rows:
        tensor = _read(tensors, names[row.theirs])
        expected = _expected(row, own, experiment.objective.run.encoder)
        if tensor.shape != expected:
            raise UserError(
                f"{tensors.place}: {names[row.theirs]} has the shape {list(tensor.shape)}; the "
                f"model that {config.where} describes needs {list(expected)}"
            )
        if tensor.dtype != np.float32:
            dtypes[row.theirs] = str(tensor.dtype)
        arrays |= row.load(tensor.astype(np.float32))
    taken = {row.part for row in rows}
    for path in absent(family.rows, list(own)):
        if path.partition("/")[0] in taken:
            arrays[path] = np.zeros(own[path], np.float32)
    if lacking := [path for path in own if path.startswith("encoder/") and path not in arrays]:
        raise UserError(f"{family.title} has no {lacking[0]}, which {config.where} asks for")
    fixed = _fixed(family, tensors, names, objective)
    known = {names[row.theirs] for row in rows} | set(fixed)
    parts = {"stats", *state.params}
    unused = _unused(family, tensors, names, known, parts)
    loaded = {names[row.theirs]: tensors.shape(names[row.theirs]) for row in rows}
    afresh = {path: shape for path, shape in own.items() if path not in arrays}
    copied = {row.part for row in rows}
    teacher = [name for name in objective.teacher if name in copied]
    record = Record(
        library=library,
        family=family.name,
        config=dict(config.values),
        names={name: names[name] for name in names if names[name] in known},
        dtypes=dtypes,
        kept={name: int(tensors[name]) for name in unused if name.endswith(COUNTER)},
    )
    return (loaded, fixed, unused, afresh, teacher), arrays, record


def _require_all(rows: Sequence[Pair], names: Mapping[str, str], tensors: Tensors) -> None:
    """Refuse a source that has a component of the network in part."""
    for part in dict.fromkeys(row.part for row in rows):
        own = [row.theirs for row in rows if row.part == part]
        absent = [name for name in own if name not in names]
        if absent and (part == "encoder" or len(absent) < len(own)):
            more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
            raise UserError(
                f"{tensors.place} lacks {len(absent)} of the {len(own)} tensors of the {part}: "
                f"{', '.join(absent[:3])}{more}"
            )


def _read(tensors: Tensors, name: str) -> np.ndarray:
    tensor = tensors[name]
    if str(tensor.dtype) not in _FLOATS:
        raise UserError(f"{tensors.place}: {name} is {tensor.dtype}; weights must be floats")
    if not np.isfinite(tensor.astype(np.float32)).all():
        raise UserError(f"{tensors.place}: {name} has values that are not finite")
    return tensor


def _expected(row: Pair, own: Mapping[str, tuple[int, ...]], encoder: Any) -> tuple[int, ...]:
    """Return the shape of the tensor that would become our arrays."""
    blank = {path: np.broadcast_to(np.float32(0), own[path]) for path in row.ours}
    return row.store(blank, encoder.patch).shape


def _fixed(family: Family, tensors: Tensors, names: Mapping[str, str], objective: Any) -> Shapes:
    found = {}
    for row in family.rows:
        if not isinstance(row, Fixed) or row.theirs not in names:
            continue
        made = row.make(objective.run.encoder, objective)
        if made is None:
            continue
        name = names[row.theirs]
        tensor = _read(tensors, name).astype(np.float32)
        if tensor.shape != made.shape or np.abs(tensor - made).max() > _CLOSE:
            raise UserError(
                f"{tensors.place}: {name} is not the fixed table {list(made.shape)} of sines and "
                "cosines that is computed here; a run cannot hold another one"
            )
        found[name] = tensor.shape
    return found


def _unused(
    family: Family, tensors: Tensors, names: Mapping[str, str], known: set[str], parts: set[str]
) -> Shapes:
    """Return what is left; refuse what changes the function of the model.

    Left out may be what a family leaves out, and components that the objective of the run does not
    have, such as a decoder.
    """
    table = [
        re.sub(r"\\\{[^}]*\\\}", r"\\d+", re.escape(row.theirs))
        for row in family.rows
        if not isinstance(row, Absent)
        if isinstance(row, Fixed) or row.paths[0].partition("/")[0] not in parts
    ]
    left = re.compile("|".join([family.left_out, rf".*\.{COUNTER}", *table]))
    unused = {own: name for own, name in names.items() if name not in known}
    if strange := [name for own, name in unused.items() if not left.fullmatch(own)]:
        raise UserError(
            f"{tensors.place} has tensors that {family.title} has no place for here, without which "
            f"it would be another function: {', '.join(strange[:3])}"
            f"{f' and {len(strange) - 3} more' if len(strange) > 3 else ''}"
        )
    return {name: tensors.shape(name) for name in unused.values()}


def _write(
    folder: pathlib.Path,
    experiment: Experiment,
    arrays: Mapping[str, np.ndarray],
    fingerprint: Mapping[str, Any],
) -> None:
    """Write a run at step 0."""
    config = experiment.config
    state = placed(experiment.init(), arrays)
    (folder / "config.json").write_text(to_json(config), encoding="utf-8")
    write_data_record(folder, DataRecord(fingerprint, experiment.objective.run.spec))
    (folder / "parameters.txt").write_text(experiment.optimizer.describe() + "\n")
    (folder / "state.txt").write_text(describe_sharding(experiment.abstract_state) + "\n")
    packages = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint")
    meta = {
        "config": config.to_dict(),
        "data": json.loads(json.dumps(fingerprint)),
        "packages": {name: metadata.version(name) for name in packages},
    }
    checkpoints = Checkpointer(folder, keep_last=1, asynchronous=False)
    try:
        checkpoints.save(0, jax.block_until_ready(state), meta=meta, wait=True)
    finally:
        checkpoints.close()
