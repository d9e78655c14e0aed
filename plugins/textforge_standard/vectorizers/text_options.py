"""The options of all bags of n-grams, declared and documented once."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

Length = Annotated[int, Ge(1), Le(100)]


def inherit_options(kind: type, base: type) -> None:
    """Put the documentation of a base class's options before that of the class's own."""
    about, _, own = (kind.__doc__ or "").partition("\n    Options:\n")
    _, _, inherited = (base.__doc__ or "").partition("\n    Options:\n")
    kind.__doc__ = f"{about.rstrip()}\n\n    Options:\n{inherited.rstrip()}\n{own}".rstrip() + "\n    "


@dataclass(kw_only=True, eq=False, repr=False)
class TextOptions:
    """How texts are cut into n-grams; the fields are options of every vectorizer that derives from this.

    Options:
        unit: what n-grams are made of: 'words', 'characters', or 'characters_in_words', which cross no white space
            and see one space before and after each word.
        split: 'words' takes runs of two or more letters, digits or underscores, as scikit-learn does;
            'spaces' cuts at each single space, as str.split(' ') does, and keeps all else.
        lowercase: turn text to lower case first.
        strip_accents: take accents and other combining marks off their letters (é becomes e).
        ngrams: the fewest and the most units in a row that make one feature; [1, 2] is words and pairs of them.
        stop_words: words to leave out: a list of them, as they are after lower-casing, or 'english' for
            scikit-learn's list; null leaves none out.
    """

    unit: Literal["words", "characters", "characters_in_words"] = "words"
    split: Literal["words", "spaces"] = "words"
    lowercase: bool = True
    strip_accents: bool = False
    ngrams: tuple[Length, Length] = (1, 1)
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
        if unit != "words" and stop_words is not None:
            return f"stop_words are words, but unit is {unit}. Leave one of them out."
        return None

    def _cutter(self) -> Any:
        """What cuts texts as these options say."""
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
        )
