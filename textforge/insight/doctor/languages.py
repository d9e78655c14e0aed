"""Texts in another language than most, by py3langid (Lui & Baldwin 2012)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding, number

SURE = 0.95
"""Probability from which on a language counts."""
FEWEST = 60
"""Number of letters below which a text is too short to recognize its language."""
USUAL = 0.2
"""Share of the texts from which on a language is usual."""


def mixed_languages(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for texts in a language in which few texts are."""
    recognize = recognizer()
    languages = [recognize(text) for text in data.texts]
    counts = Counter(language for language in languages if language)
    rare = {language for language, n in counts.items() if n < USUAL * sum(counts.values())}
    rows = [n for n, language in enumerate(languages) if language in rare]
    if rows and len(rare) < len(counts):
        shown = ", ".join(f"{language} ({n:,})" for language, n in counts.most_common(6))
        yield Finding(
            "mixed-languages", "low", len(rows),
            f"{number(len(rows), 'text')} {'is' if len(rows) == 1 else 'are'} probably in another language than most. "
            f"Texts by language: {shown}.",
            "Make sure that they belong here, and that each class has texts of each language.",
            data.at(rows), data.examples(rows),
        )  # fmt: skip


@cache  # reading the model takes a second
def recognizer() -> Callable[[str], str]:
    """A function that returns the ISO 639-1 code of a text's language; empty if the text is short or it is unsure."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def language(text: str) -> str:
        head = " ".join(text[:2_000].split())
        if sum(map(str.isalpha, head)) < FEWEST:
            return ""
        code, probability = identifier.classify(head)
        return str(code) if probability >= SURE else ""

    return language
