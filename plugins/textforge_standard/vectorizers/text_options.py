"""Options shared by all bag-of-n-grams vectorizers."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from textforge import Tune

Length = Annotated[int, Ge(1), Le(100)]


def inherit_options(kind: type, base: type) -> None:
    """Insert the option docs of a base class before those of the class itself."""
    about, _, own = (kind.__doc__ or "").partition("\n    Options:\n")
    _, _, inherited = (base.__doc__ or "").partition("\n    Options:\n")
    kind.__doc__ = f"{about.rstrip()}\n\n    Options:\n{inherited.rstrip()}\n{own}".rstrip() + "\n    "


@dataclass(kw_only=True, eq=False, repr=False)
class TextOptions:
    """How to split texts into n-grams; every subclass takes these fields as options.

    Options:
        unit: units of an n-gram: 'words', 'characters', or 'characters_in_words', which stay within one word padded
            with a space on each side.
        split: 'words' takes runs of two or more letters, digits or underscores, as scikit-learn does;
            'spaces' splits at each single space, as str.split(' ') does, and keeps everything else; 'any_script' takes
            words of any length with their combining marks, emoji and other symbols, and, in scripts written without
            spaces such as Chinese and Thai, single characters and pairs of neighbours.
        punctuation: with split any_script, each punctuation character is a word as well.
        ends: with split any_script, a word marks the start of each text (␂) and another its end (␃).
        unicode: normalize texts to this Unicode form, remove invisible characters such as soft hyphens, and fold case
            rather than convert to lower case, so that STRASSE equals straße. NFC makes equivalent characters equal,
            NFKC full-width and other compatibility forms too; null does nothing, and means NFC for split any_script.
        lowercase: convert texts to lower case first.
        strip_accents: remove accents and other combining marks (é becomes e).
        ngrams: shortest and longest n-gram, in units; [1, 2] is single words and pairs.
        stop_words: words to ignore: a list (compared after lower-casing), 'english' for scikit-learn's list, or null
            for none.
    """

    unit: Literal["words", "characters", "characters_in_words"] = "words"
    split: Literal["words", "spaces", "any_script"] = "words"
    punctuation: bool = False
    ends: bool = False
    unicode: Literal["NFC", "NFKC"] | None = None
    lowercase: bool = True
    strip_accents: bool = False
    ngrams: Annotated[tuple[Length, Length], Tune(choices=([1, 1], [1, 2], [1, 3]))] = (1, 1)
    stop_words: list[str] | Literal["english"] | None = None

    def __init_subclass__(cls) -> None:
        inherit_options(cls, cls.__mro__[1])

    @staticmethod
    def check_options(**options: Any) -> str | None:
        """A sentence about options that contradict each other, or None."""
        unit, split, ngrams, stop_words = (options[name] for name in ("unit", "split", "ngrams", "stop_words"))
        if ngrams[0] > ngrams[1]:
            return f"ngrams: the fewest units, {ngrams[0]}, are more than the most, {ngrams[1]}."
        if unit != "words" and split != "words":
            return f"split says how texts are cut into words, but unit is {unit}. Leave one of them out."
        for name in ("punctuation", "ends"):
            if options[name] and split != "any_script":
                return f"{name} is for split any_script. Set split: any_script, or leave {name} out."
        if unit != "words" and stop_words is not None:
            return f"stop_words are words, but unit is {unit}. Leave one of them out."
        return None

    def _cutter(self) -> Any:
        """The `Cutter` that these options describe."""
        from textforge_standard.vectorizers.units import Cutter

        stop_words = self.stop_words or ()
        if stop_words == "english":
            from textforge_standard.vectorizers.stop_words import ENGLISH

            stop_words = sorted(ENGLISH)
        return Cutter(
            self.split if self.unit == "words" else self.unit,
            lowercase=self.lowercase,
            strip_accents=self.strip_accents,
            stop_words=stop_words,
            unicode=self.unicode or ("NFC" if self.split == "any_script" else None),
            punctuation=self.punctuation,
            ends=self.ends,
        )
