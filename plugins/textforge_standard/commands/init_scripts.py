"""Name the scripts that texts are written in, and how the recipe of `textforge init` reads them."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

NAMES = {"CJK": "Han", "HANGUL": "Korean (Hangul)", "HIRAGANA": "Kana", "KATAKANA": "Kana", "MYANMAR": "Burmese"}
"""Names of scripts that differ from the first word of their characters' Unicode names."""
WITHOUT_SPACES = ("Han", "Kana", "Thai", "Lao", "Khmer", "Burmese")
CHARACTERS = 200_000
"""Number of characters to look at."""


def n_words(texts: Sequence[str]) -> list[int]:
    """The number of words of each text, as the recipe counts them, punctuation aside."""
    from textforge_standard.vectorizers.units import Cutter

    chunks = Cutter("any_script", unicode="NFC").chunks(texts)
    return [size for units in chunks for size in (units.texts[1:] - units.texts[:-1]).tolist()]


def scripts(texts: Sequence[str]) -> Counter[str]:
    """The number of letters of each script, and of emoji and other symbols, in some of the texts."""
    letters: Counter[str] = Counter()
    share = max(1, len(texts) * 200 // CHARACTERS)
    for character, count in Counter("".join(text[:200] for text in texts[::share])).items():
        category = unicodedata.category(character)
        if category[0] == "L":
            first = (
                unicodedata.name(character, "UNKNOWN").replace("HALFWIDTH ", "").replace("FULLWIDTH ", "").split()[0]
            )
            letters[NAMES.get(first, first.capitalize())] += count
        elif category == "So":
            letters["symbols or emoji"] += count
    return letters


def script_remarks(texts: Sequence[str]) -> Iterator[str]:
    """Sentences about the scripts of the texts: none if they are Latin letters alone."""
    from textforge.errors import listed

    found = scripts(texts)
    total = sum(found.values())
    seen = [(name, count / total) for name, count in found.most_common() if count >= 0.01 * total]
    if not seen or [name for name, _ in seen] == ["Latin"]:
        return
    yield f"Scripts: {listed([f'{name} {share:.0%}' for name, share in seen])} of the letters."
    joined = [name for name, _ in seen if name in WITHOUT_SPACES]
    if joined:
        verb = "is" if len(joined) == 1 else "are"
        yield (
            f"{listed(joined)} {verb} written without spaces, so the recipe reads single characters, pairs of "
            "neighbours, and runs of up to 5."
        )
    if found["symbols or emoji"] >= 0.01 * total:
        yield "Emoji and other symbols count as words; a skin tone or a joined emoji is one word."
