"""Every objective on every modality: its step traces, or a line says why it cannot."""

import dataclasses

import jax
import pytest

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import OBJECTIVES, Objective, Run, build_objective, objective_class
from ssljax.spec import Spec
from ssljax.training.config import complete
from ssljax.training.consistency import argument_checks_told, require_consistent
from tests.objectives.cases import (
    CASES,
    FRAMES,
    FURTHER,
    LABELLED,
    audio,
    config_of,
    language,
    series,
    table,
    video,
)
from tests.objectives.cases.small import RESNET, VIT
from tests.objectives.conftest import BATCH, EXAMPLES, SPECS, WAVES, each, spec_of

ENCODERS = {
    "image": (RESNET, VIT),
    "audio": (audio.TRANSFORMER, audio.CONVOLUTIONS, audio.GRU, audio.WAVES),
    "series": (
        series.TRANSFORMER,
        {**series.TRANSFORMER, "causal": True},
        series.CONVOLUTIONS,
        series.GRU,
    ),
    "table": (table.TRANSFORMER, table.MLP),
    "text": (
        {**language.TRANSFORMER, "dropout": 0.1},
        {**language.TRANSFORMER, "causal": True},
        {"name": "word_vectors", "width": 8},
    ),
    "video": (video.TRANSFORMER,),
}
FOLLOWS = ("next_step", "gpt")  # learn with a causal encoder
# Of the cases' values, those that do not fit four patches or six columns.
FIELDS = {
    "combine": {"tasks": {name: {"name": name, **CASES[name][1]} for name in ("simclr", "mae")}},
    "data2vec2": {"class_weight": 0.0, "mask_ratio": 0.5},
    "i_jepa": {"target_scale": 0.34, "targets": 1},
    "online_distillation": {"teacher_objective": {"name": "simclr"}},
    "simmim": {"mask_unit": 4},
    "supervised": {"mixup": 0.0, "cutmix": 0.0},  # which categories do not take
}


def _section(name, encoder):
    """Return the config of a case, with teachers of the same encoder; off images, default views."""
    section = {**CASES[name][1], **FIELDS.get(name, {})}
    if "teacher_encoder" in section:
        section["teacher_encoder"] = encoder
    return section if encoder in ENCODERS["image"] else _without_views(section)


def _without_views(section):
    return {
        key: _without_views(value) if isinstance(value, dict) else value
        for key, value in section.items()
        if key != "views"
    }


def _build(name, encoder, spec, **fields):
    (field,) = spec.fields.values()
    section = {**_section(name, encoder), **fields}
    spec = spec.replace(label=LABELLED[name]) if name in LABELLED else spec
    config = config_of("simclr")
    config.encoder, config.objective = encoder, section
    require_consistent(complete(config))
    run = Run(build_encoder(encoder, field), spec, steps=10, batch_size=BATCH)
    return build_objective(section, run)


def _trace(name, encoder, spec):
    """Trace the loss and the outputs; raise a UserError if that cannot be."""
    (field,) = spec.fields.values()
    objective = _build(name, encoder, spec)
    number = jax.ShapeDtypeStruct((BATCH,), "int32")
    label = objective.run.spec.fields.get("label")
    labels = jax.ShapeDtypeStruct((BATCH, *(label.shape if label else ())), "int32")
    batch = {**spec.batch(BATCH), "row": number, "label": labels}

    def step(batch):
        key = jax.random.key(0)
        params, state = objective.init(key, key)
        loss, aux = objective.value(params, state, batch, key=key, step=batch["row"][0])
        after = objective.advance(params, state, aux.carry, step=batch["row"][0])
        return loss, (params, state), after, objective.outputs(params, state, batch)

    with argument_checks_told():
        loss, before, after, outputs = jax.eval_shape(step, batch)
    assert loss.shape == () and outputs[field.modality].shape[0] == BATCH
    assert jax.tree.structure(before) == jax.tree.structure(after)


@pytest.mark.parametrize("modality", ["audio", "series", "table", "text", "video"])
@pytest.mark.parametrize("name", map(each, OBJECTIVES))
def test_an_objective_traces_on_a_modality_or_is_refused_at_the_door(name, modality):
    cls, traced = objective_class(name), []
    for encoder in ENCODERS[modality]:
        spec = SPECS[modality]
        if encoder.get("causal") and name not in FOLLOWS:
            continue
        if name in FRAMES and modality == "video":  # of clips of a length of their own
            encoder, spec = CASES[name][0], spec_of(name)
        try:
            waves = encoder["name"] == "wave_transformer"
            _trace(name, encoder, Spec({"audio": WAVES}, EXAMPLES) if waves else spec)
            traced.append(encoder["name"])
        except UserError as error:
            assert "\n" not in str(error)
            told = str(error)
            assert not cls.reads or modality in cls.reads or f"reads {modality} data" in told
    # What says that it takes any kind of data does, at least with a transformer.
    takes = name not in FURTHER and (not cls.reads or modality in cls.reads)
    takes = takes and (modality != "text" or cls.takes_ragged)  # which texts are
    assert bool(traced) == takes, told


@pytest.mark.parametrize("name", ["next_step", "time_mae", "ts2vec", "vime"])
def test_images_are_refused_where_they_make_no_sense(name):
    kind = objective_class(name).reads[0]
    message = f"config.objective.name={name!r} takes {kind} data, and .* reads image data"
    with pytest.raises(UserError, match=message):
        _trace(name, VIT, SPECS["image"])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_key_of_a_config_hides_a_method(name):
    cls = objective_class(name)
    assert not {field.name for field in dataclasses.fields(cls)} & set(dir(Objective))


RATIOS = {
    "mae": "mask_ratio",
    "simmim": "mask_ratio",
    "data2vec2": "mask_ratio",
    "time_mae": "mask_ratio",
    "msn": "patch_drop",
    "i_jepa": "target_scale",
    "ibot": "mask_ratio_max",
    "dinov2": "mask_ratio_max",
}


@pytest.mark.parametrize("share", [0.001, 0.999])
@pytest.mark.parametrize("modality", ["image", "series", "table"])
@pytest.mark.parametrize("name", RATIOS)
def test_a_ratio_hides_some_patches_and_leaves_some_or_is_named(name, modality, share):
    """Of 16 patches of an image, 4 of a series, 6 columns of a table."""
    reads = objective_class(name).reads
    if reads and modality not in reads:
        return
    fields = {RATIOS[name]: share}
    if name in ("ibot", "dinov2"):
        fields["mask_ratio_min"] = 0.0005
    encoder = next(one for one in ENCODERS[modality] if one["name"] != "resnet")
    objective = None
    try:
        objective = _build(name, encoder, SPECS[modality], **fields)
    except UserError as error:
        assert f"objective.{RATIOS[name]}={share}" in str(error), error
    # Rounded, some hide one patch at least, the others leave one.
    refused = 0.001 if name in ("ibot", "dinov2", "i_jepa") else 0.999
    assert (objective is None) == (share == refused)


VISION_TRANSFORMERS = [
    case for case in sorted(set(CASES) - set(FURTHER)) if CASES[case][0]["name"] == "vit"
]


@pytest.mark.parametrize("case", [*VISION_TRANSFORMERS, "simclr", "swav", "seed_distillation"])
def test_networks_start_from_views_and_not_from_examples_of_another_size(case):
    """Images of 9x9 pixels, which no patch divides, and views of 8x8."""
    encoder, section = CASES[case]
    encoder = {**VIT, **(encoder if encoder["name"] == "vit" else {})}
    section = {**section, "teacher_encoder": VIT} if "teacher_encoder" in section else section
    image = SPECS["image"].fields["image"]
    shapes = []
    for side in (8, 9):
        spec = Spec({"image": image.replace(shape=(side, side, 1))}, SPECS["image"].num_examples)
        spec = spec.replace(label=LABELLED[case]) if case in LABELLED else spec
        run = Run(build_encoder(encoder), spec, steps=10, batch_size=BATCH)
        objective = build_objective(_sized(section), run)
        params, state = jax.eval_shape(objective.init, jax.random.key(0), jax.random.key(0))
        shapes.append(jax.tree.map(lambda leaf: leaf.shape, (params, state)))
    assert shapes[0] == shapes[1]


def _sized(section):
    """Return a section in which all views have 8 pixels that have no size."""
    sized = {}
    for key, value in section.items():
        if key == "views":
            sized[key] = {name: {"size": 8, **fields} for name, fields in value.items()}
        else:
            sized[key] = _sized(value) if isinstance(value, dict) else value
    return sized
