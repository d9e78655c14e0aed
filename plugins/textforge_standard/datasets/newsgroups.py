"""Dataset `newsgroups`."""

import os
import re
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from textforge_standard.declare import declare

Group = Literal[
    "alt.atheism",
    "comp.graphics",
    "comp.os.ms-windows.misc",
    "comp.sys.ibm.pc.hardware",
    "comp.sys.mac.hardware",
    "comp.windows.x",
    "misc.forsale",
    "rec.autos",
    "rec.motorcycles",
    "rec.sport.baseball",
    "rec.sport.hockey",
    "sci.crypt",
    "sci.electronics",
    "sci.med",
    "sci.space",
    "soc.religion.christian",
    "talk.politics.guns",
    "talk.politics.mideast",
    "talk.politics.misc",
    "talk.religion.misc",
]


def newsgroups(
    *,
    categories: Annotated[list[Group], MinLen(1)] | None = None,
    remove: list[Literal["headers", "footers", "quotes"]] = [],  # noqa: B006  (copied for each use)
    archive: Path | None = None,
) -> Any:
    """20 Newsgroups "by date" (Lang 1995), read through scikit-learn's `fetch_20newsgroups`.

    A hold-out of train takes whole threads (posts with one subject). Replies quote each other, so a hold-out of single
    posts would make validation look better than the test, which has later posts.

    The dataset uses and fills the cache of scikit-learn (`~/scikit_learn_data`, or the folder in SCIKIT_LEARN_DATA).
    It keeps a copy that is faster to read in `~/.cache/textforge` (or the folder in TEXTFORGE_CACHE).

    Options:
        categories: groups to read; null reads all twenty.
        remove: parts of the posts to remove, as in scikit-learn; scores are then lower but more realistic.
        archive: a manually downloaded 20news-bydate.tar.gz, for machines without network access.
    """
    from textforge import Dataset
    from textforge.data import alone
    from textforge_standard.datasets.corpus_cache import cached, file_digest
    from textforge_standard.datasets.newsgroups_archive import CACHE, provide

    home = Path(os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data")).expanduser()  # the default of scikit-learn
    with nullcontext() if (home / CACHE).is_file() else alone(home / ".20news-bydate.lock"):
        provide(home, archive)
        if not (home / CACHE).is_file():
            _read(home, "train", [])  # unpacks the archive
    key = {"source": file_digest(home / CACHE), "remove": sorted(set(remove))}
    columns, warnings = cached("newsgroups", key, lambda: _columns(home, remove))
    splits: dict[str, Any] = {}
    for subset in ("train", "test"):
        groups = columns[f"{subset}.group"].take(range(len(columns[f"{subset}.group"])))
        rows = _order([row for row, group in enumerate(groups) if categories is None or group in categories])
        splits[subset] = (columns[f"{subset}.post"].take(rows), [groups[row] for row in rows])
        if subset == "train":
            threads = columns["train.thread"].take(rows)
    names = sorted(categories) if categories is not None else None
    return Dataset(**splits, label_names=names, groups=threads, warnings=tuple(warnings))


def _order(rows: list[int]) -> list[int]:
    """Order rows as scikit-learn does: shuffle after selecting groups."""
    import numpy as np

    order = np.arange(len(rows))
    np.random.RandomState(42).shuffle(order)
    return [rows[n] for n in order]


def _columns(home: Path, remove: Sequence[str]) -> dict[str, list[str]]:
    """The columns post and group of both splits, and thread of train, in file order."""
    columns = {}
    for subset in ("train", "test"):
        bunch = _read(home, subset, remove)
        columns[f"{subset}.post"] = bunch.data
        columns[f"{subset}.group"] = [bunch.target_names[number] for number in bunch.target]
    whole = _read(home, "train", []).data if "headers" in remove else columns["train.post"]
    return {**columns, "train.thread": [thread(post, row) for row, post in enumerate(whole)]}


def _read(home: Path, subset: str, remove: Sequence[str]) -> Any:
    """Read the corpus with scikit-learn, which checks the digest of the archive and removes parts of posts.

    Raises:
        DataUnavailable: the cache is damaged.
        StorageError: the corpus cannot be unpacked.
    """
    from sklearn.datasets import fetch_20newsgroups

    from textforge import DataUnavailable, StorageError
    from textforge_standard.datasets.newsgroups_archive import CACHE

    there = (home / CACHE).is_file()
    try:
        # otherwise scikit-learn would replace a damaged cache by a download from its single source
        return fetch_20newsgroups(
            data_home=home, subset=subset, remove=tuple(remove), shuffle=False, download_if_missing=not there
        )
    except OSError as error:
        if there:
            raise DataUnavailable(f"{home / CACHE}: is damaged. Delete it and run again.") from error
        raise StorageError(f"{home}: the corpus cannot be extracted there: {error}.") from error


def thread(post: str, row: int) -> str:
    """The subject of a post without "Re:", which identifies the thread; the row number if it has no subject."""
    found = re.search(
        r"^Subject:\s*(?:re(?:\[\d+\])?:\s*)*(.*)$", post.partition("\n\n")[0], re.IGNORECASE | re.MULTILINE
    )
    return (found and " ".join(found[1].lower().split())) or f"post {row}"


def _check(*, categories: Sequence[str] | None, **_: Any) -> str | None:
    return "categories names a group twice." if categories and len(set(categories)) < len(categories) else None


declare(newsgroups, check_options=_check)
