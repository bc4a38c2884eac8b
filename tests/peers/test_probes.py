"""Probes of DINO, MoCo v3 and MAE in PyTorch: equal first weights, features and batches."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.evaluation.gradient_probe import Schedule, linear_head, logits, train
from ssljax.evaluation.knn import knn_accuracy

EPOCHS, SIZE, CLASSES, WIDTH = 4, 16, 5, 12


@pytest.fixture(scope="module")
def problem():
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(CLASSES, WIDTH))
    targets = generator.integers(0, CLASSES, 64)
    rows = 3 + centres[targets] + generator.normal(size=(64, WIDTH))
    return rows.astype(np.float32), targets


def _ours(problem, schedule, rates, norm=False):
    rows, targets = problem

    def epoch(number):
        order = np.random.default_rng(number).permutation(len(rows))
        for at in np.split(order, len(rows) // SIZE):
            yield jnp.asarray(rows[at]), targets[at], np.ones(SIZE, bool)

    head = linear_head((WIDTH,), CLASSES, norm=norm)
    steps = len(rows) // SIZE
    return head, train(head, np.array(rates), schedule, epoch, steps, seed=7)


def _theirs(torch, problem, make_optimizer, rate_at, norm=False):
    rows, targets = problem
    linear = torch.nn.Linear(WIDTH, CLASSES)
    first = linear_head((WIDTH,), CLASSES).init(np.random.default_rng(7))
    linear.weight.data = torch.tensor(first["weights"].T.copy())
    linear.bias.data.zero_()
    model = linear
    if norm:
        model = torch.nn.Sequential(torch.nn.BatchNorm1d(WIDTH, affine=False, eps=1e-6), linear)
    optimizer = make_optimizer(linear.parameters())
    for number in range(EPOCHS):
        order = np.random.default_rng(number).permutation(len(rows))
        for step, at in enumerate(np.split(order, len(rows) // SIZE)):
            optimizer.param_groups[0]["lr"] = rate_at(number, step / (len(rows) // SIZE))
            loss = torch.nn.functional.cross_entropy(
                model(torch.tensor(rows[at])), torch.tensor(targets[at])
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return model(torch.tensor(rows)).numpy()


@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_dino_and_moco_v3_train_by_sgd_with_a_rate_for_each_epoch(problem, rate):
    torch = pytest.importorskip("torch")
    head, ours = _ours(problem, Schedule(EPOCHS, by_epoch=True), [1.0, rate])
    theirs = _theirs(
        torch,
        problem,
        lambda params: torch.optim.SGD(params, rate, momentum=0.9, weight_decay=0),
        lambda epoch, _: rate * 0.5 * (1 + math.cos(math.pi * epoch / EPOCHS)),
    )
    np.testing.assert_allclose(logits(head, ours, problem[0])[1], theirs, rtol=1e-3, atol=1e-4)


def test_mae_trains_by_lars_on_normalised_features_after_a_warm_up(problem):
    torch = pytest.importorskip("torch")

    class LARS(torch.optim.Optimizer):
        """The gradient of a matrix in a thousandth of the matrix's norm, then momentum."""

        def __init__(self, params):
            super().__init__(params, {"lr": 0.0})

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    change = p.grad
                    if p.ndim > 1:
                        change = change * (0.001 * p.norm() / change.norm())
                    kept = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    kept.mul_(0.9).add_(change)
                    p.add_(kept, alpha=-group["lr"])

    def rate_at(epoch, progress):
        now = epoch + progress
        if now < 1:
            return 20 * now
        return 20 * 0.5 * (1 + math.cos(math.pi * (now - 1) / (EPOCHS - 1)))

    head, ours = _ours(
        problem, Schedule(EPOCHS, optimizer="lars", warmup_epochs=1), [20.0], norm=True
    )
    theirs = _theirs(torch, problem, LARS, rate_at, norm=True)
    np.testing.assert_allclose(logits(head, ours, problem[0])[0], theirs, rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize("k", [1, 10, 50])
def test_dinos_neighbours(problem, k):
    torch = pytest.importorskip("torch")
    rows, targets = problem
    bank, asked = (
        torch.nn.functional.normalize(torch.tensor(part), dim=1) for part in (rows[:50], rows[50:])
    )
    similarity, nearest = (asked @ bank.T).topk(k)
    votes = torch.nn.functional.one_hot(torch.tensor(targets[:50])[nearest], CLASSES)
    scores = (votes * (similarity / 0.07).exp()[:, :, None]).sum(dim=1)
    found = knn_accuracy(rows[:50], targets[:50], rows[50:], targets[50:], k=k, temperature=0.07)
    np.testing.assert_array_equal(found.predictions, scores.argmax(dim=1).numpy())
