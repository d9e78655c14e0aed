"""Preprocessors that break the rules of the contract."""


def good(*, lower: bool = True):
    """Join words by single spaces.

    Options:
        lower: lower-case them too.
    """

    def change(text):
        joined = " ".join(text.split())
        return joined.lower() if lower else joined

    return change


def returning_text():
    """Return a text in place of a callable."""
    return "text"


def returning_words():
    """Return a list of words in place of a text."""
    return str.split


def of_the_first_character():
    """Look at a character that an empty text does not have."""
    return lambda text: text[0].lower() + text[1:]


def encoding():
    """Go through UTF-8, which has no lone surrogates."""
    return lambda text: text.encode().decode()


def recursive():
    """Call itself once per character."""

    def change(text, start=0):
        return text[start].lower() + change(text, start + 1) if start < len(text) else ""

    return change


def numbering():
    """Number the texts in the order of the calls."""
    seen = []

    def change(text):
        seen.append(text)
        return f"{len(seen)} {text}"

    return change
