"""Dataset `newsgroups`."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import MinLen

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
):
    """20 Newsgroups "by date" (Lang 1995), read through scikit-learn's `fetch_20newsgroups`.

    Where posts of train are held out, whole threads are (posts of one subject): answers quote each other, and posts
    alone would make validation look better than the test, whose posts are later ones.

    Its cache (`~/scikit_learn_data`, or the folder in SCIKIT_LEARN_DATA) is used and filled.

    Options:
        categories: groups to take; null takes all twenty.
        remove: parts of the posts to strip, as scikit-learn does; without them scores are lower but more honest.
        archive: a 20news-bydate.tar.gz fetched by hand, for a machine without network.
    """
    from sklearn.datasets import fetch_20newsgroups, get_data_home

    from textforge import Dataset, DataUnavailable, StorageError
    from textforge_standard.datasets.newsgroups_archive import CACHE, provide

    home = Path(get_data_home())
    provide(home, archive)
    cached = (home / CACHE).is_file()

    def read(subset: str, remove: list[str]) -> Any:
        try:
            # where the cache is damaged scikit-learn would download anew, from its one source
            return fetch_20newsgroups(
                subset=subset, categories=categories, remove=tuple(remove), download_if_missing=not cached
            )
        except OSError as error:
            if cached:
                raise DataUnavailable(f"{home / CACHE}: is damaged. Delete it and run again.") from error
            raise StorageError(f"{home}: the corpus cannot be unpacked there: {error}.") from error

    splits = {}
    for subset in ("train", "test"):
        bunch = read(subset, remove)
        splits[subset] = (bunch.data, [bunch.target_names[number] for number in bunch.target])
    whole = read("train", []).data if "headers" in remove else splits["train"][0]
    names = sorted(categories) if categories is not None else None
    return Dataset(**splits, label_names=names, groups=[thread(post, row) for row, post in enumerate(whole)])


def thread(post: str, row: int) -> str:
    """The subject of a post without its "Re:", which its whole thread has; the row where there is none."""
    found = re.search(
        r"^Subject:\s*(?:re(?:\[\d+\])?:\s*)*(.*)$", post.partition("\n\n")[0], re.IGNORECASE | re.MULTILINE
    )
    return (found and " ".join(found[1].lower().split())) or f"post {row}"


def _fit(*, categories, **_):
    return "categories names a group twice." if categories and len(set(categories)) < len(categories) else None


newsgroups.check_options = _fit
