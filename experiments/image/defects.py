"""How well a linear probe on frozen features tells defective solar cells from intact ones (ELPV).

    python -m experiments.image.defects runs/elpv

Prints the area under the ROC curve of the pretrained encoder, of the same encoder before training,
and of the pixels, with 95% intervals over test cells (2,000 bootstrap samples). The probe is a
logistic regression on 200 principal components, whose strength is chosen by cross-validation on
train, in blocks of files as the split is; test is scored once. Neighbours in a block may be of one
module, so the intervals are too narrow.
"""

import sys
from collections.abc import Iterator

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ssljax
from ssljax.data import groups_of, open_source

SAMPLES, FOLDS, COMPONENTS = 2_000, 5, 200
GRID = {"C": np.logspace(-5, 0, 6)}


def main(workdir: str) -> None:
    """Print the table of a run."""
    model = ssljax.load(workdir)
    name, size = model.config.data.source, model.config.data.image_size
    train, test = (open_source(name, split=split, image_size=size) for split in ("train", "test"))
    print("| features | AUROC (95% interval over test cells) |\n|---|---|")
    for title, features in rows(model, train.arrays["image"], test.arrays["image"]):
        scores = probe(*features, train.arrays["label"], groups_of(train))
        area, (low, high) = auroc(test.arrays["label"], scores)
        print(f"| {title} | {area:.3f} ({low:.3f} to {high:.3f}) |", flush=True)


def rows(model, *images: np.ndarray) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield the pretrained encoder, random init and raw pixels, each with features of `images`."""
    yield "pretrained", [model.embed(part) for part in images]
    random_init = ssljax.Model(model.experiment, model.experiment.init())
    yield "random init", [random_init.embed(part) for part in images]
    yield "raw pixels", [part.reshape(len(part), -1) / np.float32(255) for part in images]


def probe(
    train: np.ndarray, test: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """Return the scores of the test examples by a probe that chose its strength on train."""
    reduce = make_pipeline(PCA(COMPONENTS, random_state=0), StandardScaler()).fit(train)
    search = GridSearchCV(
        LogisticRegression(max_iter=200), GRID, cv=GroupKFold(FOLDS), scoring="roc_auc"
    )
    search.fit(reduce.transform(train), labels, groups=groups)
    return search.decision_function(reduce.transform(test))


def auroc(labels: np.ndarray, scores: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Return the area under the ROC curve and its 95% interval by the bootstrap over examples."""
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(SAMPLES):
        chosen = rng.integers(len(labels), size=len(labels))
        if 0 < labels[chosen].sum() < len(labels):
            areas.append(roc_auc_score(labels[chosen], scores[chosen]))
    low, high = np.quantile(areas, (0.025, 0.975))
    return float(roc_auc_score(labels, scores)), (float(low), float(high))


if __name__ == "__main__":
    main(*sys.argv[1:])
