"""Tests of a difference against scipy and statsmodels, and the number of texts needed against simulated power."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower

from textforge.insight.significance import holm, mcnemar_exact, mean_texts_needed, texts_needed

COUNTS = st.integers(0, 400)


@given(COUNTS, COUNTS)
def test_mcnemars_p_value_is_that_of_statsmodels_and_scipy(gained: int, lost: int) -> None:
    found = mcnemar_exact(gained, lost)
    assert found == pytest.approx(mcnemar([[9, gained], [lost, 9]], exact=True).pvalue, rel=1e-9)
    if gained + lost:
        assert found == pytest.approx(binomtest(gained, gained + lost).pvalue, rel=1e-9)


@pytest.mark.parametrize(("gained", "lost"), [(50_000, 50_800), (0, 100_000), (31, 17), (0, 1), (1, 0), (0, 0)])
def test_large_and_small_counts_are_exact(gained: int, lost: int) -> None:
    expected = binomtest(gained, gained + lost).pvalue if gained + lost else 1
    assert mcnemar_exact(gained, lost) == pytest.approx(expected, rel=1e-7, abs=1e-300)


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holms_correction_is_that_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


def test_one_comparison_needs_no_correction() -> None:
    assert holm([0.03]) == [0.03]
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


@pytest.mark.parametrize(("difference", "discordant"), [(0.02, 0.08), (0.05, 0.2), (0.1, 0.15)])
def test_the_needed_texts_give_the_power_that_was_asked_for(difference: float, discordant: float) -> None:
    n = texts_needed(difference, discordant)
    assert n is not None
    shares = [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
    drawn = np.random.default_rng(0).multinomial(n, shares, size=1000)
    power = np.mean([mcnemar_exact(int(gained), int(lost)) < 0.05 for gained, lost, _ in drawn])
    assert 0.74 <= power <= 0.83  # the exact test is a little conservative


@given(st.floats(0.001, 0.5), st.floats(0.001, 1))
def test_a_smaller_difference_needs_more_texts(difference: float, discordant: float) -> None:
    more, fewer = texts_needed(difference / 2, discordant), texts_needed(difference, discordant)
    assert more is not None
    assert fewer is not None
    assert more >= fewer >= 1


def test_classifiers_that_are_right_on_the_same_texts_never_differ() -> None:
    assert texts_needed(0.01, 0) is None
    assert mean_texts_needed(0.01, 0) is None


def test_the_texts_needed_for_a_mean_are_those_of_statsmodels() -> None:
    # ratio=0: one sample
    expected = NormalIndPower().solve_power(effect_size=0.02 / 0.3, alpha=0.05, power=0.8, ratio=0)
    assert mean_texts_needed(0.02, 0.3**2) == pytest.approx(expected, abs=1)
