"""Detect the character encoding of a file."""

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SAMPLE = 1 << 15
"""Bytes to examine; from a longer file, only lines beyond ASCII."""
FEW = 24
"""With at most this many bytes beyond ASCII, a detection is a guess."""
FEWEST = 4
"""Minimum number of bytes beyond ASCII for a detection."""
CLOSE = 0.02
"""Scores closer than this are a tie."""
CLEAR = 0.1
"""Scores further apart than this leave little doubt."""

COMMON = (
    *("cp1252", "cp1250", "iso8859_2", "cp1254", "cp1257", "iso8859_15", "mac_roman", "cp850", "cp852", "mac_latin2"),
    *("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "mac_cyrillic"),
    *("cp1253", "iso8859_7", "cp1255", "iso8859_8", "cp1256", "iso8859_6", "cp874", "cp1258"),
    *("gb18030", "big5", "big5hkscs", "cp932", "shift_jis_2004", "euc_jp", "cp949", "johab"),
)
"""Encodings to consider; the first wins a tie."""
UNCOMMON = {"mac_latin2": 0.3, "cp850": 0.2, "cp852": 0.2, "mac_roman": 0.1, "cp1257": 0.02}
"""Score penalty of encodings that are rare today; a few accents fit many of them."""
MARKS = {
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}
MULTI_BYTE = ("gb18030", "big5", "big5hkscs", "cp932", "shift_jis_2004", "euc_jp", "cp949", "johab")


@dataclass(frozen=True)
class Detected:
    """An encoding that decodes the bytes without an error.

    Args:
        name: name in Python's `codecs`.
        how_sure: reason for the detection, and its confidence.
        sure: whether no other encoding fits about as well.
    """

    name: str
    how_sure: str
    sure: bool


UTF_8 = Detected("utf-8", "it is UTF-8", True)


def detect(data: bytes) -> Detected | None:
    """Detect the encoding of text: UTF-8, UTF-16 or UTF-32 if the bytes are valid in it, else the likeliest.

    Returns None for damaged UTF-8, and for bytes that are not text.
    """
    for name, marks in MARKS.items():
        if data.startswith(marks):
            return Detected(name, f"it begins with the BOM of {name.upper()}", True) if decodes(data, name) else None
    if b"\0" in data:
        return _with_zeros(data)
    if decodes(data, "utf-8"):
        escapes = re.search(rb"\x1b\$[@B]", data) is not None and data.isascii()
        if escapes and decodes(data, "iso2022_jp"):
            return Detected("iso2022_jp", "it switches character sets as ISO-2022-JP does", True)
        return UTF_8
    return None if _is_damaged_utf_8(data) else next(_likeliest(data), None)


def decodes(data: bytes, encoding: str) -> bool:
    """Whether all bytes are valid in an encoding."""
    try:
        data.decode(encoding)
    except UnicodeError:
        return False
    return True


def _with_zeros(data: bytes) -> Detected | None:
    """Detect UTF-16 or UTF-32 without a byte-order mark, by the zero bytes of ASCII characters."""
    swapped = data[0::2].count(0) > data[1::2].count(0)
    for name in ("utf-32-be", "utf-16-be") if swapped else ("utf-32-le", "utf-16-le"):
        if decodes(data, name):
            text = data.decode(name)
            if "\n" in text and "\0" not in text:
                return Detected(name, f"its zero bytes are in the positions of {name.upper()}", True)
    return None


def _is_damaged_utf_8(data: bytes) -> bool:
    """Whether nearly every byte beyond ASCII belongs to a character in UTF-8."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return wrong * 5 < sum(c > "\x7f" for c in text) - wrong


def _likeliest(data: bytes) -> Iterator[Detected]:
    """Yield the encodings that decode all bytes, likeliest first."""
    from charset_normalizer import from_bytes

    sample = _sample(data)
    n = sum(byte > 0x7F for byte in sample)
    if n < FEWEST:
        name = "cp1252" if decodes(data, "cp1252") else "latin-1"
        reason = f"only {n} of its bytes are beyond ASCII, too few to distinguish cp1252 from latin-1 and others"
        yield Detected(name, reason, False)
        return
    found = from_bytes(sample, steps=10, chunk_size=1024, cp_isolation=list(COMMON), enable_fallback=False)
    scores = {}
    for match in found:
        for name in match.could_be_from_charset:
            if name in COMMON and name not in scores and decodes(data, name):
                scores[name] = _score(match, sample.decode(name, "ignore")) - UNCOMMON.get(name, 0)
    ranked = sorted(scores, key=lambda name: (-scores[name], COMMON.index(name)))
    while ranked:
        best = scores[ranked[0]]
        name = min((one for one in ranked if scores[one] > best - CLOSE), key=COMMON.index)
        ranked.remove(name)
        text = data.decode(name)
        rivals = [one for one in ranked if scores[one] > best - CLEAR and data.decode(one) != text]
        yield _detected(name, sample.decode(name, "ignore"), n, rivals)


def _detected(name: str, sample: str, n: int, rivals: list[str]) -> Detected:
    spoken = codecs.lookup(name).name
    most = max(_scripts(sample).items(), key=lambda one: one[1], default=("", 0))[0]
    what = f"{n:,} bytes beyond ASCII look like {spoken}{f' ({most} letters)' if most else ''}"
    if rivals:
        others = ", ".join(codecs.lookup(one).name for one in rivals[:2])
        return Detected(spoken, f"{what}, but it could be {others}: check whether the letters are right", False)
    if n <= FEW:
        return Detected(spoken, f"{what}, but these are few: check whether the letters are right", False)
    return Detected(spoken, f"{what}, and no other common encoding fits as well", True)


def _scripts(text: str) -> Counter[str]:
    """Count the letters beyond ASCII of each script."""
    letters = Counter(c for c in text if c > "\x7f" and c.isalpha())
    found: Counter[str] = Counter()
    for c, n in letters.items():
        script = unicodedata.name(c, "").split(" ")[0]
        found[script if script == "CJK" else script.capitalize()] += n
    return found


def _sample(data: bytes) -> bytes:
    """Lines beyond ASCII, each cut to `SAMPLE` bytes; all data if it is short."""
    if len(data) <= SAMPLE:
        return data
    lines, size = [], 0
    for line in data.split(b"\n"):
        if not line.isascii():
            lines.append(line[:SAMPLE])
            size += len(line)
            if size > SAMPLE:
                break
    return b"\n".join(lines)


def _score(match: Any, text: str) -> float:
    """Score an encoding: the detector's letter statistics minus the fraction of oddly placed characters.

    Letter statistics are useless for scripts with thousands of characters; there only odd characters count.
    """
    high = max(1, sum(c > "\x7f" for c in text))
    odd = sum(_is_odd(c) or _joins(a, c, b) for a, c, b in zip(" " + text, text, text[1:] + " ", strict=False))
    fits = match.coherence
    if match.encoding in MULTI_BYTE:
        wide = sum("\u3000" <= c <= "\uff5e" for c in text)
        fits = max(fits, 0.9 * wide / high)
    return float(fits - match.chaos - odd / high)


def _is_odd(c: str) -> bool:
    """Whether a character is rare in texts: a control or private character, or half-width katakana."""
    control = unicodedata.category(c) in ("Cc", "Co", "Cn") and c not in "\t\n\r\x0b\x0c"
    return control or "\uff61" <= c <= "\uff9f"


def _joins(before: str, c: str, after: str) -> bool:
    """Whether a non-ASCII character breaks a word: a symbol next to a letter, or a capital after a small letter."""
    if c <= "\x7f":
        return False
    if c.isupper():
        return before.islower()
    kind = unicodedata.category(c)
    if kind in ("Pi", "Pf", "Ps", "Pe"):
        return before.isalpha() and after.isalpha() and c not in "‘’"
    symbol = kind in ("So", "Sm", "Sc", "Sk", "Po", "No", "Lm") and c not in "¿¡·…"
    return symbol and (after.isalpha() or (before.isalpha() and c not in "°²³®™©"))
