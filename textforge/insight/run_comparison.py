"""Compare runs on the same test texts: differences with intervals, tests, flipped texts, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.components.manager import PluginManager
from textforge.errors import RecipeError, TextforgeError
from textforge.insight.added_metrics import Values, measure_added
from textforge.insight.intervals import bootstrap_interval, wilson
from textforge.insight.own_texts import OwnTexts, texts_or_warning
from textforge.insight.recipe_differences import recipe_differences
from textforge.insight.resampling import SEED, Outcomes
from textforge.insight.seed_spread import mean_over_seeds, seed_variance
from textforge.insight.significance import holm, mcnemar_exact
from textforge.insight.systems import System, Tested, read_systems
from textforge.insight.verdicts import Evidence, SeedLuck, verdict

ALWAYS = ("accuracy", "macro_f1")
"""The metrics of every comparison."""


def compare(
    *runs: str | Path,
    metrics: Sequence[str] = (),
    texts: int = 5,
    out: str | Path | None = None,
    plugins: PluginManager | None = None,
) -> dict[str, Any]:
    """Compare each run with the first one, on the test texts that they share.

    Intervals are 95 % intervals of a paired bootstrap over the texts. A folder of `run --seeds` counts as one system,
    whose metrics are means over its seeds; its intervals cover the spread over seeds, too. p-values are those of
    McNemar's exact test on the texts that only one of two runs gets right, or, with seeds, of the bootstrap.
    An abstention counts as the answer that was withheld, as in the accuracy of a run.

    Args:
        runs: two or more finished runs, cross-validations, or folders of `run --seeds`.
        metrics: names of further metrics: `micro_f1`, `weighted_f1`, or those of plugins.
        texts: the number of flipped texts to return in each direction, the most confident errors first.
        out: the HTML file to write; an existing file is overwritten. None writes none.
        plugins: the plugin manager that looks up metrics and datasets. Defaults to everything installed.

    Returns:
        JSON values: `n`, the number of texts; `split`; `runs`, each with its letter, path and metrics; `comparisons`,
        each with the differences, the test, the seeds, the flipped texts, the differing options of the recipes and
        the `verdict`; and `warnings`.

    Raises:
        BundleError: a run is unfinished or damaged, or has no test split.
        DataError: the runs were tested on different texts, or a metric cannot be computed.
        RecipeError: fewer than two runs are given, or one twice.
        PluginError: there is no such metric.
        StorageError: the HTML file cannot be written.
    """
    if texts < 0:
        raise RecipeError(f"texts must be a whole number from 0, not {texts!r}.")
    plugins = plugins or PluginManager()
    tested = read_systems(runs, plugins)
    values = _measure(tested, metrics, plugins)
    first, *others = tested.systems
    single = all(len(system.runs) == 1 for system in tested.systems)
    figures = [_Difference(tested, first, other, values, by_test=single) for other in others]
    corrected = holm([figure.p for figure in figures])
    compared = [figure.as_json(p) for figure, p in zip(figures, corrected, strict=True)]
    warnings = [*tested.warnings, *_add_recipes(compared, first, others)]
    warnings += _add_flipped(compared, tested, OwnTexts(first.runs[0], plugins), texts)
    found = {
        "split": first.runs[0].split,
        "n": len(tested.gold),
        "multi_label": tested.gold.ndim == 2,
        "runs": [_described(tested, system, values) for system in tested.systems],
        "comparisons": compared,
        "warnings": warnings,
    }
    if out is not None:
        from textforge.classifiers.storage import write_text
        from textforge.insight.comparison_page import comparison_page

        write_text(Path(out), comparison_page(found))
    return found


def _measure(tested: Tested, metrics: Sequence[str], plugins: PluginManager) -> dict[str, Values]:
    """The metrics of every run, on the texts and on resamples of them."""
    answers = [answer for system in tested.systems for answer in system.answers]
    outcomes = Outcomes(tested.gold, answers, len(tested.labels), tested.weights)
    standard = outcomes.observed
    added = measure_added(tested, [name for name in dict.fromkeys(metrics) if name not in standard], plugins)
    samples = outcomes.bootstrap()
    named = dict.fromkeys([*ALWAYS, *(name for name in metrics if name in standard)])
    return {**{name: (standard[name], samples[name]) for name in named}, **added}


def _mean(system: System, values: Values) -> tuple[float, NDArray[np.float64]]:
    """The mean of a metric over the runs of a system, and resamples of this mean.

    Each system draws the effects of its seeds from a stream of its own.
    """
    observed, samples = values[0][system.places], values[1][:, system.places]
    rng = np.random.default_rng([SEED, 1 + system.places.start])
    return float(observed.mean()), mean_over_seeds(observed, samples, rng)


def _described(tested: Tested, system: System, values: dict[str, Values]) -> dict[str, Any]:
    """A system with its metrics and their intervals."""
    single = len(system.runs) == 1
    figures = {}
    for name, of_runs in values.items():
        value, samples = _mean(system, of_runs)
        interval = bootstrap_interval(samples, value)
        if name == "accuracy" and single and tested.weights is None:
            interval = wilson(int(system.right.sum()), len(system.right))
        observed = of_runs[0][system.places]
        figures[name] = {
            "value": value,
            "interval": [*interval],
            **({} if single else {"std": float(observed.std(ddof=1)), "values": observed.tolist()}),
        }
    return {
        "letter": system.letter,
        "run": str(system.path),
        "recipe": system.runs[0].result.get("recipe"),
        "seeds": [run.result.get("seed") for run in system.runs],
        "metrics": figures,
    }


class _Difference:
    """The difference between two systems in every metric.

    Args:
        tested: the texts and all systems.
        first, other: the two systems.
        values: the metrics of all runs.
        by_test: whether the p-value is that of McNemar's test; otherwise it is that of the bootstrap.
    """

    def __init__(
        self, tested: Tested, first: System, other: System, values: dict[str, Values], *, by_test: bool
    ) -> None:  # fmt: skip
        self._tested, self._systems = tested, (first, other)
        self._metrics: dict[str, dict[str, Any]] = {}
        for name, of_runs in values.items():
            (one, ones), (two, twos) = (_mean(system, of_runs) for system in self._systems)
            interval = bootstrap_interval(twos - ones, two - one)
            self._metrics[name] = {"first": one, "other": two, "difference": two - one, "interval": [*interval]}
            if name == "accuracy":
                self.interval, self._samples = interval, twos - ones
                self._accuracies = of_runs
        usually = [system.usually_right for system in self._systems]
        self.gained, self.lost = int((usually[1] & ~usually[0]).sum()), int((usually[0] & ~usually[1]).sum())
        self._test = "mcnemar" if by_test else "bootstrap"
        self.p = mcnemar_exact(self.gained, self.lost) if by_test else _p_value(self._samples)

    def as_json(self, corrected: float) -> dict[str, Any]:
        """The comparison as JSON values.

        Args:
            corrected: the p-value after Holm's correction.
        """
        first, other = self._systems
        evidence = Evidence(
            (first.letter, other.letter), len(self._tested.gold), self._metrics["accuracy"]["difference"],
            self.interval, corrected, self.gained, self.lost, self._seeds(),
        )  # fmt: skip
        luck = evidence.seeds
        return {
            "first": first.letter,
            "other": other.letter,
            "metrics": self._metrics,
            "test": {"name": self._test, "p": self.p, "p_holm": corrected},
            "seeds": luck and {"share_of_variance": luck.share, "unknown_for": [*luck.unknown_for]},
            "gained": self.gained,
            "lost": self.lost,
            "better": (other if evidence.difference > 0 else first).letter if evidence.shown else None,
            "needed": {"texts": evidence.needed, "difference": evidence.sought},
            "verdict": verdict(evidence),
        }

    def _seeds(self) -> SeedLuck | None:
        """The parts of seeds and texts in the variance of the difference of accuracy; None for single runs."""
        variances = [seed_variance(self._accuracies[0][system.places]) for system in self._systems]
        if variances == [None, None]:
            return None
        of_seeds = sum(one for one in variances if one is not None)
        differences = [self._accuracies[1][:, system.places].mean(axis=1) for system in self._systems]
        of_texts = float(np.var(differences[1] - differences[0]))
        unknown = [system.letter for system, one in zip(self._systems, variances, strict=True) if one is None]
        return SeedLuck(of_seeds, of_texts, tuple(unknown))


def _p_value(samples: NDArray[np.float64]) -> float:
    """Two-sided p-value of a difference: twice the smaller share of resamples on one side of 0."""
    sides = min((samples <= 0).sum(), (samples >= 0).sum())
    return float(min(1.0, 2 * (sides + 1) / (len(samples) + 1)))


def _add_recipes(compared: list[dict[str, Any]], first: System, others: Sequence[System]) -> list[str]:
    """Add the differing options of the recipes; return warnings about recipes that cannot be read."""
    warnings = []
    for entry, other in zip(compared, others, strict=True):
        several = len(first.runs) > 1 or len(other.runs) > 1
        try:
            entry["recipes"] = recipe_differences(
                first.runs[0].path, other.runs[0].path, without=("seed",) if several else ()
            )
        except TextforgeError as error:
            entry["recipes"] = {}
            warnings.append(f"the recipes cannot be compared: {error}")
    return warnings


def _add_flipped(compared: list[dict[str, Any]], tested: Tested, own: OwnTexts, limit: int) -> list[str]:
    """Add the flipped texts of each comparison; return warnings if the texts cannot be loaded."""
    first, *others = tested.systems
    directions = {}
    for entry, other in zip(compared, others, strict=True):
        for key, better, worse in (("gained", other, first), ("lost", first, other)):
            flipped = np.flatnonzero(better.usually_right & ~worse.usually_right)
            order = np.argsort(-worse.confidence[flipped], kind="stable")
            directions[entry["other"], key] = flipped[order][:limit].tolist()
    kept = np.searchsorted(own.run.rows, tested.rows)
    places = {position: int(kept[position]) for chosen in directions.values() for position in chosen}
    found, warnings = texts_or_warning(own, sorted({*places.values()}))
    for entry, other in zip(compared, others, strict=True):
        entry["flipped"] = {
            key: [
                {
                    "row": int(tested.rows[position]),
                    "text": found.get(places[position]),
                    "gold": tested.names_of(tested.gold[position]),
                    "first": tested.names_of(first.usual_answer(position)),
                    "other": tested.names_of(other.usual_answer(position)),
                }
                for position in directions[entry["other"], key]
            ]
            for key in ("gained", "lost")
        }
    return warnings
