"""Intervals against statsmodels and scipy, and by simulation: how often they cover the true value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import bootstrap, norm
from statsmodels.stats.proportion import proportion_confint

from textforge.insight.intervals import Interval, bootstrap_interval, normal_quantile, wilson

TRIALS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
COVERED = (0.93, 0.97)


@given(TRIALS, st.sampled_from([0.8, 0.95, 0.99]))
def test_wilsons_interval_is_that_of_statsmodels(trials: tuple[int, int], level: float) -> None:
    low, high = proportion_confint(*trials, alpha=1 - level, method="wilson")
    assert wilson(*trials, level) == pytest.approx((low, high), abs=1e-12)


@given(TRIALS)
def test_wilsons_interval_holds_the_share_and_stays_in_its_range(trials: tuple[int, int]) -> None:
    found = wilson(*trials)
    assert 0 <= found.low <= trials[0] / trials[1] <= found.high <= 1


@given(st.floats(0.001, 0.999))
def test_quantiles_are_those_of_scipy(probability: float) -> None:
    assert normal_quantile(probability) == pytest.approx(norm.ppf(probability), abs=1e-9)


def test_the_bootstrap_interval_is_near_scipys_for_a_skewed_statistic() -> None:
    values = np.random.default_rng(1).exponential(size=60)
    theirs = bootstrap((values,), np.var, method="BCa", n_resamples=9999, rng=np.random.default_rng(2))
    drawn = values[np.random.default_rng(3).integers(0, 60, (9999, 60))].var(axis=1)
    ours, plain = bootstrap_interval(drawn, values.var()), np.quantile(drawn, [0.025, 0.975])
    low, high = theirs.confidence_interval
    assert abs(ours.low - low) < abs(plain[0] - low)  # BCa also corrects the acceleration, so they are not equal
    assert abs(ours.high - high) < abs(plain[1] - high)


def test_samples_without_spread_give_an_interval_of_one_point() -> None:
    assert bootstrap_interval(np.zeros(100), 0.0) == Interval(0.0, 0.0)
    low, high = bootstrap_interval(np.linspace(0, 1, 100), 5.0)  # above every sample: no infinite number
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize(("n", "share"), [(200, 0.9), (1180, 0.94), (1000, 0.5)])
def test_wilsons_interval_covers_the_truth_in_95_of_100_runs(n: int, share: float) -> None:
    hits = np.random.default_rng(0).binomial(n, share, size=1000)
    covered = [low <= share <= high for low, high in (wilson(int(one), n) for one in hits)]
    assert COVERED[0] <= np.mean(covered) <= COVERED[1]
