"""The bootstrap over texts: its metrics against scikit-learn's, its resamples, and how often its intervals cover."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score

from textforge.insight.intervals import bootstrap_interval
from textforge.insight.resampling import DENSE, Outcomes
from textforge.insight.seed_spread import mean_over_seeds, seed_variance

SINGLE = st.integers(1, 60).flatmap(lambda n: arrays(np.int64, (3, n), elements=st.integers(0, 3)))
SETS = st.integers(1, 30).flatmap(lambda n: arrays(np.uint8, (3, n, 4), elements=st.integers(0, 1)))
COVERED = (0.93, 0.97)


def held_to_scikit_learn(outcomes: Outcomes, gold: NDArray[Any], answers: NDArray[Any], weights: Any = None) -> None:
    for system, answer in enumerate(answers):
        expected = {"accuracy": accuracy_score(gold, answer, sample_weight=weights)}
        for average in ("macro", "micro", "weighted"):
            f1 = f1_score(gold, answer, average=average, zero_division=0, sample_weight=weights)
            expected[f"{average}_f1"] = f1
        assert {name: values[system] for name, values in outcomes.observed.items()} == pytest.approx(expected)


@given(SINGLE)
def test_figures_of_single_labels_are_scikit_learns(columns: NDArray[np.int64]) -> None:
    gold, *answers = columns
    held_to_scikit_learn(Outcomes(gold, answers, 4), gold, np.array(answers))


@given(SETS)
def test_figures_of_sets_are_scikit_learns(columns: NDArray[np.uint8]) -> None:
    gold, *answers = columns
    held_to_scikit_learn(Outcomes(gold, answers, 4), gold, np.array(answers))


@given(SINGLE, st.integers(0, 9))
def test_weighted_figures_are_scikit_learns(columns: NDArray[np.int64], seed: int) -> None:
    gold, *answers = columns
    weights = np.random.default_rng(seed).choice([0.5, 1.0, 3.0], size=len(gold))
    held_to_scikit_learn(Outcomes(gold, answers, 4, weights), gold, np.array(answers), weights)


@given(SINGLE)
def test_outcomes_count_every_text_once(columns: NDArray[np.int64]) -> None:
    gold, *answers = columns
    outcomes = Outcomes(gold, answers, 4)
    assert outcomes.counts.sum() == len(gold)
    assert len(outcomes.counts) == len({*zip(*columns.tolist(), strict=True)})


@pytest.mark.parametrize("n_classes", [3, 400])
def test_both_ways_to_draw_give_the_variance_of_a_share(n_classes: int) -> None:
    # 3 classes: few distinct outcomes, drawn as counts. 400 classes: nearly all distinct, drawn text by text.
    rng, n = np.random.default_rng(0), 500
    gold = rng.integers(0, n_classes, n)
    answer = np.where(rng.random(n) < 0.8, gold, rng.integers(0, n_classes, n))
    outcomes = Outcomes(gold, [answer], n_classes)
    assert (len(outcomes.counts) > DENSE * n) == (n_classes == 400)
    drawn = outcomes.bootstrap()["accuracy"][:, 0]
    share = float((gold == answer).mean())
    assert drawn.mean() == pytest.approx(share, abs=0.002)
    assert drawn.var() == pytest.approx(share * (1 - share) / n, rel=0.1)


def test_the_same_outcomes_give_the_same_resamples() -> None:
    gold = np.arange(50) % 3
    first, again = (Outcomes(gold, [gold[::-1]], 3).bootstrap(100)["macro_f1"] for _ in range(2))
    assert np.array_equal(first, again)


def test_differences_are_paired() -> None:
    gold = np.random.default_rng(0).integers(0, 3, 300)
    answer = np.where(np.arange(300) % 4 > 0, gold, (gold + 1) % 3)
    drawn = Outcomes(gold, [answer, answer], 3).bootstrap(200)
    for values in drawn.values():
        assert np.array_equal(values[:, 0], values[:, 1])
        assert values[:, 0].std() > 0


# -- coverage ----------------------------------------------------------------------------------


def answers_of(gold: NDArray[np.int64], ease: NDArray[np.float64], skill: float, n_classes: int, rng: Any) -> Any:
    """Answers that are right with probability `skill`; half of the texts are easy or hard for everyone alike."""
    own = np.where(rng.random(len(gold)) < 0.5, ease, rng.random(len(gold)))
    return np.where(own < skill, gold, (gold + 1) % n_classes)


def test_intervals_cover_the_truth_in_95_of_100_runs() -> None:
    n, n_classes = 300, 15  # few texts of a class, where F1 is hardest
    rng, skills = np.random.default_rng(5), (0.85, 0.88)

    def drawn(size: int) -> Outcomes:
        gold, ease = rng.integers(0, n_classes, size), rng.random(size)
        return Outcomes(gold, [answers_of(gold, ease, skill, n_classes, rng) for skill in skills], n_classes)

    truth = drawn(2_000_000).observed
    covered: dict[str, list[bool]] = {}
    for _ in range(1000):
        outcomes = drawn(n)
        samples = outcomes.bootstrap(500)  # 2,000 in use; fewer cover about a point less
        for name in ("accuracy", "macro_f1"):
            true, seen, values = truth[name], outcomes.observed[name], samples[name]
            low, high = bootstrap_interval(values[:, 1] - values[:, 0], seen[1] - seen[0])
            covered.setdefault(f"difference of {name}", []).append(low <= true[1] - true[0] <= high)
            low, high = bootstrap_interval(values[:, 0], seen[0])
            covered.setdefault(name, []).append(low <= true[0] <= high)
    shares = {name: float(np.mean(each)) for name, each in covered.items()}
    assert all(COVERED[0] <= share <= COVERED[1] for share in shares.values()), shares


@pytest.mark.parametrize(("seeds", "luck"), [((3, 3), 0.01), ((5, 2), 0.02)])
def test_intervals_over_seeds_cover_the_truth_in_95_of_100_runs(seeds: tuple[int, int], luck: float) -> None:
    rng, n, skills = np.random.default_rng(3), 400, (0.9, 0.92)
    covered = []
    for _ in range(1000):
        gold, ease = rng.integers(0, 2, n), rng.random(n)
        answers = [answers_of(gold, ease, skill + rng.normal(0, luck), 2, rng)
                   for skill, times in zip(skills, seeds, strict=True) for _ in range(times)]  # fmt: skip
        outcomes = Outcomes(gold, answers, 2)
        seen, samples = outcomes.observed["accuracy"], outcomes.bootstrap(200)["accuracy"]
        first, other = (
            mean_over_seeds(seen[which], samples[:, which], rng) for which in (slice(seeds[0]), slice(seeds[0], None))
        )
        low, high = bootstrap_interval(other - first, seen[seeds[0] :].mean() - seen[: seeds[0]].mean())
        covered.append(low <= skills[1] - skills[0] <= high)
    assert COVERED[0] <= np.mean(covered) <= COVERED[1]


def test_one_seed_has_no_known_spread() -> None:
    samples = np.random.default_rng(0).random((50, 1))
    assert np.array_equal(mean_over_seeds(np.array([0.5]), samples, np.random.default_rng(0)), samples[:, 0])
    assert seed_variance(np.array([0.5])) is None
    assert seed_variance(np.array([0.4, 0.6])) == pytest.approx(0.01)
