"""The detectors, in one list. To add one, write its file and name it here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding

Find = Callable[[Examined, PluginManager], Iterable[Finding]]


@dataclass(frozen=True)
class Detector:
    """A function that looks for one kind of fault."""

    what: str
    """What it looks for, in the plural."""
    home: str
    """Its module, and the function in it after a colon."""
    library: str | None = None
    """The library it needs; the detector is left out where it is missing."""
    trains: bool = False
    """Whether it trains classifiers, which takes most of the time."""
    single_label: bool = False
    """Whether it needs exactly one label per text."""
    cheap: bool = False
    """Whether a report can look for it in passing: about 10 ms for a million characters."""

    def missing(self) -> bool:
        """Whether its library is not installed."""
        return self.library is not None and find_spec(self.library) is None

    def find(self, data: Examined, plugins: PluginManager) -> list[Finding]:
        """Look for faults."""
        module, name = self.home.split(":")
        found: Find = getattr(import_module(f"textforge.insight.doctor.{module}"), name)
        return [*found(data, plugins)]


DETECTORS = (
    Detector("exact duplicates", "exact_duplicates:exact_duplicates", cheap=True),
    Detector("near duplicates", "near_duplicates:near_duplicates", library="rensa"),
    Detector("wrong labels", "wrong_labels:wrong_labels", library="cleanlab", trains=True, single_label=True),
    Detector("words that give the label away", "leaking_words:leaking_words", single_label=True),
    Detector("header lines", "headers:leaking_headers", trains=True, single_label=True),
    Detector("authors and threads across splits", "headers:groups_across_splits", cheap=True),
    Detector("quoted text", "quotes:quoted_text", cheap=True),
    Detector("splits that are unlike train", "shifted_splits:shifted_splits", trains=True),
    Detector("unequal classes", "class_sizes:class_sizes", cheap=True),
    Detector("labels that look alike", "alike_labels:alike_labels", cheap=True),
    Detector("empty, long and cut texts", "lengths:lengths", cheap=True),
    Detector("mixed scripts", "scripts:mixed_scripts"),
    Detector("mixed languages", "languages:mixed_languages", library="py3langid"),
    Detector("damaged characters", "damage:damaged_characters", cheap=True),
    Detector("wrongly decoded texts", "mojibake:wrongly_decoded", library="ftfy"),
    Detector("remnants of HTML", "html_remnants:html_remnants"),
)
