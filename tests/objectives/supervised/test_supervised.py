"""The supervised objective: what is frozen, mixed, averaged and predicted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.losses import binary_cross_entropy, mse, soft_cross_entropy
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.views import plain
from ssljax.spec import LABEL, Field, Value
from ssljax.training.optimizer import build_optimizer
from ssljax.training.step import init_state, make_train_step
from ssljax.training.tree_paths import named_leaves
from tests.objectives.cases import LABELLED
from tests.objectives.cases.language import BERT
from tests.objectives.cases.small import RESNET, SINGLE, VIT
from tests.objectives.cases.table import MLP
from tests.objectives.conftest import BATCH, SPECS, STEPS, make_batch, outputs_of, started, trial

PLAIN = {"whole": {"size": 8}}  # the image as it is


def _build(section, label, encoder=VIT, modality="image"):
    spec = SPECS[modality].replace(label=label)
    field = next(iter(spec.fields.values()))
    run = Run(build_encoder(encoder, field), spec, steps=10, batch_size=BATCH)
    return build_objective({"name": "supervised", **section}, run)


def _value(objective, params, state, batch, step=0):
    value = jax.jit(objective.value)
    return value(params, state, batch, key=jax.random.key(step), step=step)


def test_a_probe_leaves_the_encoder_alone():
    """No gradient, no change of batch statistics; and what it learns is on running statistics."""
    section = {"views": SINGLE, "freeze_encoder": True, "head_norm": "batch"}
    objective = _build(section, LABEL.replace(classes=10), RESNET)
    params, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
    options = {"learning_rate": 0.01, "weight_decay": 0.1}
    optimizer = build_optimizer(
        options, steps=STEPS, batch_size=BATCH, params=params, frozen=objective.frozen
    ).transform
    before = jax.jit(lambda: init_state(objective, optimizer, seed=0))()
    batch = make_batch(0, objective.run.spec)
    after, metrics = jax.jit(make_train_step(objective, optimizer, seed=0))(before, batch)
    assert metrics["gradient_norm"] > 0
    for part in (lambda s: s.params["encoder"], lambda s: s.objective_state["stats"]["encoder"]):
        jax.tree.map(np.testing.assert_array_equal, part(before), part(after))
    head = before.objective_state["stats"]["head"], after.objective_state["stats"]["head"]
    assert not np.allclose(head[0]["norm"]["mean"], head[1]["norm"]["mean"])
    assert not np.array_equal(*(one.params["head"]["output"]["kernel"] for one in (before, after)))
    assert not any("encoder" in path for path in named_leaves(after.opt_state))


def test_the_trunk_of_a_probe_is_not_computed_backwards():
    """The gradient's program has about the products of the forward pass, and few more."""
    section, label = {"views": PLAIN}, LABEL.replace(classes=10)
    batch = dict(trial("supervised").batches[0])

    def flops(objective):
        params, state = started(objective)

        def loss(params):
            return objective.value(params, state, batch, key=jax.random.key(0), step=0)[0]

        return jax.jit(jax.grad(loss)).lower(params).compile().cost_analysis()["flops"]

    wide = {**VIT, "width": 32, "scan": False}
    whole = flops(_build(section, label, wide))
    assert flops(_build({**section, "freeze_encoder": True}, label, wide)) < 0.45 * whole


def test_the_average_follows_parameters_and_batch_statistics():
    one = trial("supervised, moving average")
    state = one.step(one.state, one.batches[0])[0]
    for now, old, new in (
        (state.objective_state["teacher"], one.state.objective_state["teacher"], state.params),
        (
            state.objective_state["teacher_stats"],
            one.state.objective_state["teacher_stats"],
            state.objective_state["stats"],
        ),
    ):
        jax.tree.map(
            lambda a, b, c: np.testing.assert_allclose(a, 0.9 * b + 0.1 * c, atol=1e-6),
            now,
            old,
            {name: new[name] for name in now},
        )
    outputs = outputs_of(one.objective, state.params, state.objective_state, one.batches[0])
    zeros = jax.tree.map(jnp.zeros_like, state.params)
    again = outputs_of(one.objective, zeros, state.objective_state, one.batches[0])
    np.testing.assert_array_equal(outputs["logits"], again["logits"])  # those of the average


@pytest.mark.parametrize(
    ("label", "loss"),
    (
        (LABEL.replace(classes=10), "class"),
        (Field("label", (2,), "uint8"), "multi_label"),
        (Field("label", (2,), "float32", mean=(5.0, 8.0), std=(4.0, 2.0)), "regression"),
    ),
)
def test_the_loss_is_that_of_the_outputs(label, loss):
    """Of images as they are: what is trained is what `outputs` shows."""
    objective = _build({"views": PLAIN, "smoothing": 0.1 if loss == "class" else 0.0}, label)
    params, state = started(objective)
    batch = make_batch(0, objective.run.spec)
    logits = outputs_of(objective, params, state, batch)["logits"]
    if loss == "class":
        targets = 0.9 * np.eye(10)[batch["label"]] + 0.01
        wanted = jax.jit(soft_cross_entropy)(
            logits[:, None], np.float32(targets)[:, None], weights=np.ones((BATCH, 1), np.float32)
        )
    elif loss == "multi_label":
        wanted = jax.jit(binary_cross_entropy)(logits, np.float32(batch["label"]))
    else:  # outputs are in the units of the targets
        wanted = jax.jit(mse)(logits / label_std(label), batch["label"] / label_std(label))
    found, aux = _value(objective, params, state, batch)
    assert float(found) == pytest.approx(float(np.mean(wanted)), rel=1e-5)
    assert ("accuracy" in aux.metrics) == (loss == "class")


def label_std(label):
    return np.asarray(label.std, np.float32)


def test_masks_are_predicted_at_every_pixel_and_unmarked_ones_count_for_nothing():
    one = trial("supervised, masks")
    batch = dict(one.batches[0])
    logits = outputs_of(one.objective, one.state.params, one.state.objective_state, batch)["logits"]
    assert logits.shape == (BATCH, 8, 8, 2)
    objective = _build({"views": PLAIN}, LABELLED["supervised, masks"])
    params, state = started(objective)
    labels = np.array(batch["label"])
    whole, aux = _value(objective, params, state, batch)
    shares = np.asarray(jax.nn.log_softmax(outputs_of(objective, params, state, batch)["logits"]))
    marked = labels >= 0
    chosen = np.take_along_axis(shares, np.maximum(labels, 0)[..., None], -1)[..., 0]
    assert float(whole) == pytest.approx(-chosen[marked].mean(), rel=1e-5)
    assert float(aux.weight) == marked.sum()
    nothing = {**batch, "label": np.full_like(labels, -1)}
    empty, aux = _value(objective, params, state, nothing)
    assert float(empty) == 0 and float(aux.weight) == 0


def _tagger():
    objective = _build({"head_std": 0.2}, LABELLED["supervised, tags of words"], BERT, "text")
    return objective, *started(objective)


def test_the_loss_of_tags_is_that_of_a_loop_over_tokens_that_have_one():
    objective, params, state = _tagger()
    batch = make_batch(0, objective.run.spec)
    logits = np.float64(outputs_of(objective, params, state, batch)["logits"])
    total, right, count = 0.0, 0, 0
    for row, tags in zip(logits, batch["label"], strict=True):
        for scores, tag in zip(row, tags, strict=True):
            if tag >= 0:
                total += np.log(np.exp(scores).sum()) - scores[tag]
                right, count = right + (scores.argmax() == tag), count + 1
    found, aux = _value(objective, params, state, batch)
    assert float(found) == pytest.approx(total / count, rel=1e-5)
    assert float(aux.weight) == count < batch["label"].size
    assert float(aux.metrics["accuracy"]) == pytest.approx(right / count)
    nothing = {**batch, "label": np.full_like(batch["label"], -100)}
    empty, aux = _value(objective, params, state, nothing)
    assert float(empty) == 0 and float(aux.weight) == 0 and aux.metrics["accuracy"] == 0


def test_padding_changes_neither_the_tags_nor_their_loss():
    """Of texts of at most 12 tokens, padded to 16 and to 12."""
    objective, params, state = _tagger()
    batch = make_batch(0, objective.run.spec)
    text, short = batch["text"], np.arange(16) < 12
    segments = np.where(short, text.segments, 0)
    labels = np.where(short, batch["label"], -1)
    garbage = np.where(segments > 0, text.data, 7)
    long = {**batch, "text": Value(garbage, segments), "label": labels}
    cut = {**batch, "text": Value(text.data, segments)[:, :12], "label": labels[:, :12]}
    (one, _), (two, _) = (_value(objective, params, state, each) for each in (long, cut))
    assert float(one) == pytest.approx(float(two), rel=1e-5)
    logits = [objective.outputs(params, state, each)["logits"][:, :12] for each in (long, cut)]
    seen = segments[:, :12] > 0
    np.testing.assert_allclose(logits[0][seen], logits[1][seen], atol=1e-5)


def test_the_pooler_and_dropout_come_before_the_head():
    label = LABEL.replace(classes=3)
    section = {"pooler": True, "head_dropout": 0.5, "head_std": 0.2}
    objective = _build(section, label, BERT, "text")
    params, state = started(objective)
    batch = make_batch(0, objective.run.spec)
    outputs = outputs_of(objective, params, state, batch)
    linear, head = jax.device_get((params["pooler"]["linear"], params["head"]["output"]))
    pooled = np.tanh(outputs["text"] @ linear["kernel"] + linear["bias"])
    np.testing.assert_allclose(pooled @ head["kernel"] + head["bias"], outputs["logits"], atol=1e-5)
    losses = {float(_value(objective, params, state, batch, step)[0]) for step in (0, 1)}
    assert len(losses) == 2  # entries are dropped anew at each step
    with pytest.raises(UserError, match="pooler=True is for one vector"):
        _build(section, LABELLED["supervised, tags of words"], BERT, "text")


def test_mixing_with_certainty_of_the_own_example_is_no_mixing():
    label = LABEL.replace(classes=10)
    batch = trial("supervised").batches[0]
    mixing = _build({"views": PLAIN, "mixup": 1.0, "mix_prob": 0.0}, label)
    without = _build({"views": PLAIN}, label)
    params, state = started(without)
    one, two = (_value(each, params, state, batch)[0] for each in (mixing, without))
    assert float(one) == pytest.approx(float(two), rel=1e-6)


def test_a_mixed_loss_is_that_of_mixed_images_and_labels():
    """The two labels of a mixed image share its loss as lambda says (mixup, equation 1)."""
    label = LABEL.replace(classes=10)
    objective = _build({"views": PLAIN, "mixup": 1.0}, label)
    batch = trial("supervised").batches[0]
    params, state = started(objective)
    found = float(_value(objective, params, state, batch)[0])
    key = jax.random.fold_in(jax.random.key(0), 1)

    @jax.jit
    def mixed(params):
        _, share = objective.mixing.draw(key, (8, 8))
        images = plain(jnp.asarray(batch["image"]), objective.run.field)
        images = share * images + (1 - share) * images[::-1]
        net, _ = objective.nets(params, state)
        return share, jax.nn.log_softmax(net.head(net.encoder(images).pooled))

    share, shares = jax.device_get(mixed(params))
    rows, labels = np.arange(BATCH), np.asarray(batch["label"])
    wanted = share * shares[rows, labels] + (1 - share) * shares[rows, labels[::-1]]
    assert found == pytest.approx(-float(np.mean(wanted)), rel=1e-5)


@pytest.mark.parametrize(
    ("section", "label", "options", "match"),
    (
        ({"smoothing": 0.1}, Field("label", (2,), "uint8"), {}, "smoothing=0.1 is for labels"),
        ({"mixup": 0.1}, LABELLED["supervised, masks"], {}, "masks are not mixed"),
        (
            {"cutmix": 0.1},
            Field("label", (2,), "float32", mean=(0.0, 0.0), std=(1.0, 1.0)),
            {},
            "not of a part",
        ),
        (
            {"mixup": 0.1},
            LABEL.replace(classes=3),
            {"encoder": MLP, "modality": "table"},
            "categories",
        ),
        ({}, LABEL, {}, "how many classes"),
        ({"views": {"crop": {"count": 2}}}, LABEL.replace(classes=3), {}, "takes 1 of one size"),
    ),
)
def test_what_does_not_fit_is_refused(section, label, options, match):
    with pytest.raises(UserError, match=match):
        _build(section, label, **options)


def test_without_labels_it_is_refused():
    run = Run(build_encoder(VIT), SPECS["image"], steps=10, batch_size=BATCH)
    with pytest.raises(UserError, match="needs data with labels, and config.data.labels=True"):
        build_objective({"name": "supervised"}, run)


def test_masks_need_whole_images():
    objective = _build({"views": SINGLE}, LABELLED["supervised, masks"])
    with pytest.raises(UserError, match="without their masks"):
        objective.host_crops()


def test_a_probe_may_see_the_class_tokens_of_the_last_blocks():
    """DINO's: of the last block it is what the encoder pools."""
    label, batch = LABEL.replace(classes=3), trial("supervised").batches[0]
    objective = _build({"last_blocks": 2, "freeze_encoder": True, "views": PLAIN}, label)
    params, state = jax.device_get(started(objective))
    kernel = params["head"]["output"]["kernel"]
    assert kernel.shape == (2 * VIT["width"], 3)
    outputs = outputs_of(objective, params, state, batch)
    head = params["head"]["output"]
    of_first = np.arange(len(kernel))[:, None] < VIT["width"]
    first = {"kernel": np.where(of_first, kernel, 0), "bias": head["bias"]}
    second = {"kernel": np.where(of_first, 0, kernel), "bias": head["bias"]}
    parts = [
        outputs_of(objective, {**params, "head": {"output": one}}, state, batch)["logits"]
        for one in (first, second)
    ]
    np.testing.assert_allclose(sum(parts) - head["bias"], outputs["logits"], atol=1e-6)
    own = outputs["image"] @ kernel[VIT["width"] :] + head["bias"]
    np.testing.assert_allclose(parts[1], own, atol=1e-5)
    assert np.isfinite(float(_value(objective, params, state, batch)[0]))
    for encoder, blocks in ((RESNET, 1), (VIT, 3)):
        with pytest.raises(UserError, match="last_blocks"):
            _build({"last_blocks": blocks}, label, encoder)
