"""Kernel ridge regression on class membership against scikit-learn and against learning anew."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig
from sen4cap_core.processors.l4a.crop_type import learners
from sen4cap_core.processors.l4a.crop_type.kernel_machine import BALANCE, RIDGE, WIDTH, learn
from sen4cap_core.processors.l4a.crop_type.learners import best_share, train

RNG = np.random.default_rng(11)
SIZES = (30, 12, 8)


def samples(sizes: tuple[int, ...] = SIZES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    which = np.repeat(np.arange(len(sizes)), sizes)
    values = RNG.normal(which[:, None] * 0.7, 1, (len(which), 5)).astype(np.float32)
    values[:, 3] = 2.5
    return values, which, np.array(sizes)


def expected(values: np.ndarray, which: np.ndarray, without: int | None, asked: np.ndarray) -> np.ndarray:
    """Scores by scikit-learn; scales, weights and shares are those of all samples."""
    varied = values[:, [0, 1, 2, 4]].astype(float)
    scaled = np.clip((varied - varied.mean(axis=0)) / varied.std(axis=0), -5, 5)
    counts = np.bincount(which)
    weight = (counts[which] / counts.mean()) ** -BALANCE
    shares = counts ** (1 - BALANCE) / (counts ** (1 - BALANCE)).sum()
    targets = np.eye(len(counts))[which] - shares
    kept = np.arange(len(which)) != without
    model = KernelRidge(alpha=RIDGE, kernel="rbf", gamma=WIDTH / 4)
    model.fit(scaled[kept], targets[kept], sample_weight=weight[kept])
    return model.predict(scaled[asked]) + shares


def test_scores_are_those_of_scikit_learn() -> None:
    values, which, counts = samples()

    machine, _ = learn(values, which, counts)

    assert machine.columns.tolist() == [0, 1, 2, 4], "what does not vary says nothing"
    everyone = np.arange(len(which))
    np.testing.assert_allclose(machine.scores(values), expected(values, which, None, everyone), atol=1e-4)
    np.testing.assert_allclose(machine.probabilities(values).sum(axis=1), 1)


def test_what_is_said_of_a_sample_is_what_learning_without_it_says() -> None:
    values, which, counts = samples()

    machine, unseen = learn(values, which, counts)

    for row in (0, 29, 31, 49):
        scores = expected(values, which, row, np.array([row]))[0] / machine.temperature
        alone = np.exp(scores - scores.max())
        np.testing.assert_allclose(unseen[row], alone / alone.sum(), atol=1e-3)


def test_the_share_goes_to_who_is_right() -> None:
    which = RNG.integers(0, 2, 400)
    truth = np.eye(2)[which] * 0.8 + 0.1
    coin = np.full((400, 2), 0.5)

    assert best_share(truth, coin, which) == pytest.approx(1, abs=1e-3)
    assert best_share(coin, truth, which) == pytest.approx(0, abs=1e-3)


def test_the_default_mixes_trees_and_kernel_and_nobody_confirms_himself() -> None:
    values, which, _ = samples((40, 40, 40))
    labels = np.array([2, 5, 9])[which]
    wrong = labels.copy()
    wrong[0] = 9

    found = train(values, wrong, ("a", "b", "c", "d", "e"), CropTypeConfig(num_trees=20), "default")

    learner = found.learner
    assert learner.kernel is not None
    assert 0 < learner.kernel_share < 1
    extended = learner.course.extended(values)
    trees = sum(
        weight * forest.predict_proba(extended)
        for forest, weight in zip(learner.forests, learner.weights, strict=True)
    )
    trees = np.maximum(trees, 1e-9) ** (1 / learner.temperature)
    trees /= trees.sum(axis=1, keepdims=True)
    share = learner.kernel_share
    mixed = share * learner.kernel.probabilities(extended) + (1 - share) * trees
    np.testing.assert_allclose(learner.probabilities(values), mixed, atol=1e-6)
    assert found.calibration[0, 2] < learner.probabilities(values)[0, 2]


def test_with_many_samples_trees_are_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    values, which, _ = samples((40, 40))
    monkeypatch.setattr(learners, "MANY_SAMPLES", 80)

    found = train(values, which, ("a", "b", "c", "d", "e"), CropTypeConfig(num_trees=10), "default")

    assert (found.learner.kernel, found.learner.kernel_share) == (None, 0)
