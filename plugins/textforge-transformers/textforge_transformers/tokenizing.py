"""Encode texts of any size as token ids with a checkpoint's fast tokenizer, cut to a length."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Keep = Literal["head", "tail", "both"]
PIECE = 1 << 16
"""Characters after which a long text is split, at the next space between two words, which no tokenizer joins."""
AT_ONCE = 1 << 20
"""Characters to encode together; bounds memory."""
_SPACE = re.compile(r"(?<=\S) (?=\S)")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Tokenizing:
    """A tokenizer and the special tokens that it puts around a text.

    Args:
        tokenizer: JSON text of the tokenizer, as in tokenizer.json.
    """

    def __init__(self, tokenizer: str) -> None:
        self._restore(tokenizer)

    def _restore(self, text: str) -> None:
        from textforge import DataError

        try:
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_str(text)
        except Exception as error:  # the library raises nothing narrower
            raise DataError(f"the tokenizer cannot be read: {error}.") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # "[SEP]" in a text is five characters
        self._tokenizer = tokenizer
        self.size = max(tokenizer.get_vocab().values(), default=-1) + 1
        around = tokenizer.encode("a")
        inside = [place for place, special in enumerate(around.special_tokens_mask) if not special]
        first, last = (inside[0], inside[-1] + 1) if inside else (len(around), len(around))
        self._before, self._after = (np.array(ids, dtype=np.int32) for ids in (around.ids[:first], around.ids[last:]))

    def __getstate__(self) -> str:
        return self.as_json()

    def __setstate__(self, text: str) -> None:
        self._restore(text)

    def as_json(self) -> str:
        """The tokenizer as JSON text, the argument of `Tokenizing`."""
        return str(self._tokenizer.to_str())

    @property
    def special(self) -> int:
        """The number of special tokens around a text."""
        return len(self._before) + len(self._after)

    def rows(
        self, texts: Sequence[str], most: int | None, keep: Keep = "head"
    ) -> tuple[list[NDArray[np.int32]], list[int]]:
        """Token ids of each text, at most `most` with special ones, and the length of each text before it is cut."""
        rows, lengths = [], []
        for ids in self._each(texts):
            lengths.append(len(ids) + self.special)
            if most is not None and lengths[-1] > most:
                room = most - self.special
                head = {"head": room, "tail": 0, "both": room - room // 2}[keep]
                read = [ids[:head], ids[len(ids) - (room - head) :]]
            else:
                read = [ids]
            rows.append(np.concatenate([self._before, *read, self._after]))
        return rows, lengths

    def _each(self, texts: Sequence[str]) -> Iterator[NDArray[np.int32]]:
        """Yield the token ids of each text, without special ones."""
        for _, pieces in groupby(self._pieces(texts), key=itemgetter(0)):
            yield np.concatenate([ids for _, ids in pieces])

    def _pieces(self, texts: Sequence[str]) -> Iterator[tuple[int, NDArray[np.int32]]]:
        for chunk in _chunks(texts):
            encoded = self._tokenizer.encode_batch_fast([piece for _, piece in chunk], add_special_tokens=False)
            for (number, _), encoding in zip(chunk, encoded, strict=True):
                yield number, np.array(encoding.ids, dtype=np.int32)


def _chunks(texts: Sequence[str]) -> Iterator[list[tuple[int, str]]]:
    """Yield lists of (index of a text, piece of it), each list to be encoded together."""
    chunk: list[tuple[int, str]] = []
    size = 0
    for number, text in enumerate(texts):
        for piece in _cut(_encodable(text)):
            chunk.append((number, piece))
            size += len(piece)
            if size >= AT_ONCE:
                yield chunk
                chunk, size = [], 0
    if chunk:
        yield chunk


def _cut(text: str) -> Iterator[str]:
    start = 0
    while (space := _SPACE.search(text, start + PIECE)) is not None:
        yield text[start : space.start()]
        start = space.start()
    yield text[start:]


def _encodable(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode, by U+FFFD."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def warnings_of_cuts(lengths: Sequence[int], most: int | None) -> list[str]:
    """A warning about the training texts that are longer than `most` tokens; no warning if none are."""
    cut = [length for length in lengths if most is not None and length > most]
    if most is None or not cut:
        return []
    left_out = sum(cut) - most * len(cut)
    return [
        f"max_length {most} cut {len(cut):,} of {len(lengths):,} training texts; {left_out / sum(lengths):.0%} of all "
        f"tokens are not read. The longest text has {max(cut):,} tokens."
    ]
