"""The weights of a run in the names and layout of another library, or in our own."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from ssljax.errors import UserError
from ssljax.hub.families import FAMILIES, Family
from ssljax.hub.files import new_folder, write_json, write_weights
from ssljax.hub.flat import flat
from ssljax.hub.importing import COUNTER
from ssljax.hub.names import written
from ssljax.hub.record import Record, read_record
from ssljax.hub.table import Fixed, absent, pairs
from ssljax.models.ast_transformer import AST
from ssljax.models.audio import WaveTransformer
from ssljax.models.resnet import ResNet
from ssljax.models.text import TextTransformer
from ssljax.models.video import VideoTransformer
from ssljax.models.vit import ViT
from ssljax.training.data_record import spec_of_run
from ssljax.training.evaluate import build_for_evaluation, restore_for_evaluation
from ssljax.training.experiment import Experiment
from ssljax.training.state import TrainState
from ssljax.training.tree_paths import named_leaves
from ssljax.training.trust import require_trust
from ssljax.training.workdir import load_config

OWN = "safetensors"
# Of runs of two fields with the image encoder of the library's model; of others that of images
# alone is written.
PAIRS = {"clip": lambda one: one.embedding_norm, "siglip": lambda one: one.pool == "map"}


@dataclasses.dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
      title: of the family.
      tensors: shapes by name.
      of_teacher: components whose weights are the teacher's, as the features of the run are.
      left_out: components of the run that have no counterpart.
    """

    title: str
    tensors: Mapping[str, tuple[int, ...]]
    of_teacher: Sequence[str]
    left_out: Sequence[str]


def export_weights(
    workdir: pathlib.Path,
    out: pathlib.Path,
    *,
    library: str,
    step: int | None = None,
    trust: Sequence[str] = (),
) -> Exported:
    """Write config.json and model.safetensors into a new folder.

    Args:
      workdir: of the run.
      out: the folder; it must not exist.
      library: "hf", "timm", or "safetensors" for every array of the run under the path that
        state.txt has.
      step: of the checkpoint; by default the newest.
      trust: "package.module:Class" of objectives outside ssljax whose code may be imported.

    Raises:
      UserError: no run, no counterpart of its encoder (it names the field), or a folder that is
        there already. Then nothing was written.
    """
    with new_folder(out, "--out") as folder:
        config = load_config(workdir)
        require_trust(config.objective, trust, "add --trust {}")
        experiment = build_for_evaluation(config, spec_of_run(workdir, config))
        encoder = experiment.objective.run.encoder
        record = read_record(workdir)
        record = record if record and record.library == library else None
        family = None if library == OWN else _family(library, experiment, record)
        state = restore_for_evaluation(experiment, workdir, step)
        if family is None:
            whole = {"params": state.params, "objective_state": state.objective_state}
            tensors = {name: np.asarray(leaf) for name, leaf in named_leaves(whole).items()}
            write_weights(folder, config.to_dict(), tensors)
            return Exported("ssljax", _shapes(tensors), (), ())
        params, teacher = _shown(experiment, state)
        arrays = flat(params, state.objective_state["stats"])
        tensors, taken = _tensors(family, arrays, encoder, experiment.objective, record)
        if record is not None and int(state.step) == 0:
            for own, dtype in record.dtypes.items():
                name = record.names[own]
                tensors[name] = tensors[name].astype(jnp.dtype(dtype))
        field = experiment.objective.run.field
        channels = field.shape[-1] if field.modality in ("image", "video") else 0
        made = record.config if record else family.write(encoder, experiment.objective, channels)
        _write(folder, library, made, experiment, tensors)
        parts = {path.removeprefix("stats/").partition("/")[0] for path in taken}
        return Exported(
            family.title,
            _shapes(tensors),
            [name for name in teacher if name in parts],
            [name for name in params if name not in parts],
        )


def _shapes(tensors: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _family(library: str, experiment: Experiment, record: Record | None) -> Family:
    encoder, families = experiment.objective.run.encoder, FAMILIES[library]
    if record is not None:
        name = record.family
    elif isinstance(encoder, ResNet):
        name = "resnet"
    elif isinstance(encoder, TextTransformer) and library == "hf":
        name = _text_family(encoder, experiment.config.objective.name)
    elif isinstance(encoder, VideoTransformer) and library == "hf":
        name = "vjepa2" if encoder.positions == "rotary_v_jepa2" else "videomae"
    elif isinstance(encoder, WaveTransformer) and library == "hf":
        name = _wave_family(encoder, experiment.config.objective.name)
    elif isinstance(encoder, AST) and library == "hf":
        name = "audio-spectrogram-transformer"
    elif not isinstance(encoder, ViT):
        raise UserError(
            f"config.encoder.name={experiment.config.encoder.name!r} has no counterpart there; "
            f"--to {OWN} writes the arrays of any run"
        )
    elif library == "timm":
        name = "vit"
    elif (kind := experiment.config.objective.name) in PAIRS and PAIRS[kind](encoder):
        name = kind
    elif experiment.config.objective.name == "mae":
        name = "vit_mae"
    elif encoder.layer_scale:
        name = "dinov2_with_registers" if encoder.registers else "dinov2"
    else:
        name = "vit" if encoder.class_token else "ijepa"
    families[name].require_counterpart(encoder)
    families[name].require_further(experiment.objective)
    return families[name]


def _text_family(encoder: TextTransformer, objective: str) -> str:
    """Return the family of an encoder of text, by what tells it from the others."""
    if encoder.causal:
        return "gpt2"
    if encoder.norm_first:
        return "esm"
    if encoder.shared_layers:
        return "albert"
    if encoder.embed_width or objective == "electra":
        return "electra"
    return "roberta" if encoder.position_offset else "bert"


def _wave_family(encoder: WaveTransformer, objective: str) -> str:
    """Return the family of an encoder of waveforms."""
    if encoder.position_layers > 1:
        return "data2vec-audio"
    return "hubert" if objective == "hubert" else "wav2vec2"


def _shown(experiment: Experiment, state: TrainState) -> tuple[dict[str, Any], list[str]]:
    """Return the components whose features an evaluation shows, and which are the teacher's."""
    objective = experiment.objective
    teacher = list(objective.teacher) if objective.features_of_teacher else []
    copies = {name: state.objective_state["teacher"][name] for name in teacher}
    return {**state.params, **copies}, teacher


def _tensors(
    family: Family,
    arrays: Mapping[str, np.ndarray],
    encoder: Any,
    objective: Any,
    record: Record | None,
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the tensors by name, and the paths of ours that are in them."""

    def name(own: str) -> str:
        return record.names[own] if record else written(family, own)

    rows = pairs(family.rows, list(arrays))
    if record is not None:  # a part that the source did not have is not written, either
        rows = [row for row in rows if row.theirs in record.names]
    taken = [path for row in rows for path in row.ours]
    without = set(absent(family.rows, list(arrays)))
    for path in arrays:
        own = path.removeprefix("stats/").startswith("encoder/")
        if own and path not in taken and path not in without:
            raise UserError(f"{family.title} has no counterpart of {path}")
    tensors = {name(row.theirs): row.store(arrays, encoder.patch) for row in rows}
    for row in family.rows:
        if isinstance(row, Fixed) and (made := row.make(encoder, objective)) is not None:
            if record is None or row.theirs in record.names:
                tensors[name(row.theirs)] = made
    counters = {
        one.removesuffix("running_mean") + COUNTER: np.zeros((), np.int64)
        for one in tensors
        if one.endswith(".running_mean")
    }
    if record is not None:
        counters = {one: np.array(count, np.int64) for one, count in record.kept.items()}
    return {**tensors, **counters}, taken


def _write(
    folder: pathlib.Path,
    library: str,
    config: Mapping[str, Any],
    experiment: Experiment,
    tensors: Mapping[str, np.ndarray],
) -> None:
    field, resize = experiment.objective.run.field, experiment.config.evaluation.resize
    if field.modality != "image":
        write_weights(folder, config, tensors)
        if field.modality == "audio":
            _write_extractor(folder, field)
        return
    height, width = field.shape[:2]
    if library == "timm":  # the head for labels is not among what is written
        given = config.get("pretrained_cfg", {})
        own = {"input_size": [field.shape[2], height, width], "num_classes": 0}
        own |= {"mean": list(field.mean), "std": list(field.std)}
        config = {**config, "num_classes": 0, "pretrained_cfg": {**given, **own}}
    write_weights(folder, config, tensors)
    if library == "hf":
        _write_preprocessor(folder, field, resize)


def _write_extractor(folder: pathlib.Path, field: Any) -> None:
    """Write how waves are shown: one channel, each by its own mean and deviation."""
    write_json(
        folder / "preprocessor_config.json",
        {
            "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "feature_size": 1,
            "sampling_rate": int(field.rate),
            "padding_value": 0.0,
            "do_normalize": True,
            "return_attention_mask": False,
        },
    )


def _write_preprocessor(folder: pathlib.Path, field: Any, resize: int) -> None:
    """Write how images are shown: shorter side, centre crop, mean and deviation."""
    height, width = field.shape[:2]
    write_json(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "BitImageProcessor",
            "do_resize": True,
            "size": {"shortest_edge": resize or max(height, width)},
            "do_center_crop": True,
            "crop_size": {"height": height, "width": width},
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": list(field.mean),
            "image_std": list(field.std),
        },
    )
