"""Words that give the label away: the label itself, an id, a tag, or any one word that nearly decides alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import EXAMPLES, Examined
from textforge.insight.doctor.finding import Finding, does, number

PRECISE = 0.95
"""Share of the texts with a word that have one label, from which on the word gives the label away."""
COVERS_ALL, COVERS_MANY = 0.95, 0.5
"""Share of the texts of a label that have the word: nearly all, or at least half."""
FEWEST = 10
"""Number of texts with a word below which it is taken for chance."""
NAMED = 0.2
"""Share of the texts of a label that contain its name, from which on it is reported."""


def leaking_words(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield findings for words that alone give a label away, and for texts that contain the name of their label."""
    sizes = Counter(label for (label,) in data.labels)
    if len(sizes) < 2:
        return
    leaks = _leaks(data, sizes)
    for all_texts in (True, False):
        if words := [one for one in leaks if (one[3] >= COVERS_ALL) is all_texts]:
            found = {word for word, _, _, _ in words}
            rows = [n for n, own in enumerate(data.words) if found & own]
            yield Finding(
                "leaking-words" if all_texts else "telling-words", "high" if all_texts else "medium", len(words),
                f"{number(len(words), 'word')} alone {does(len(words), 'give')} a label away: such as "
                + "; ".join(f"'{word}' in {recall:.0%} of the texts of '{label}', {precision:.0%} of its uses"
                            for word, label, precision, recall in words[:EXAMPLES])
                + "." + (" (0 stands for any digits.)" if any("0" in word for word in found) else ""),
                "If texts to come have these words, all is well. If a tag, an id, a header or the source of a text "
                "left them, remove them: a model learns them and little else.",
                data.at(rows), tuple(f"{word} -> {label}" for word, label, _, _ in words),
            )  # fmt: skip
    yield from _own_names(data, sizes)


def _leaks(data: Examined, sizes: Counter[str]) -> list[tuple[str, str, float, float]]:
    """Word, label, precision and recall of each word that gives a label away, the most telling first."""
    texts: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for words, (label,) in zip(data.words, data.labels, strict=True):
        texts.update(words)
        pairs.update((word, label) for word in words)
    found = []
    for (word, label), n in pairs.items():
        precision, recall = n / texts[word], n / sizes[label]
        if n >= FEWEST and precision >= PRECISE and recall >= COVERS_MANY:
            found.append((word, label, precision, recall))
    return sorted(found, key=lambda one: (-one[2] * one[3], one[0], one[1]))


def _own_names(data: Examined, sizes: Counter[str]) -> Iterator[Finding]:
    """A finding for texts that contain the name of their label much more often than other texts do."""
    parts = {name: words for name in sizes if (words := re.findall(r"[^\W\d_]+", name.lower()))}
    joined = [" " + " ".join(re.findall(r"[^\W\d_]+", text.lower())) + " " for text in data.texts]
    named = []
    rows: list[int] = []
    for name, words in parts.items():
        phrase = f" {' '.join(words)} "
        having = [n for n, text in enumerate(joined) if phrase in text]
        own = [n for n in having if data.labels[n] == (name,)]
        if len(own) >= FEWEST and len(own) >= NAMED * sizes[name] and len(own) >= PRECISE * len(having):
            named.append(f"{name}: {len(own):,} of {sizes[name]:,}")
            rows += own
    if rows:
        yield Finding(
            "label-in-text", "medium", len(rows),
            f"{number(len(rows), 'text')} {does(len(rows), 'contain')} the name of their label, and "
            f"hardly any other text does ({number(len(named), 'label')}).",
            "If the name was put there, by a title, a path or a tag, remove it.",
            data.at(sorted(rows)), tuple(named),
        )  # fmt: skip
