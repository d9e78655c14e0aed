"""Dataset `newsgroups`."""

from pathlib import Path
from typing import Annotated, Literal

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
    splits = {}
    for subset in ("train", "test"):
        try:
            # where the cache is damaged scikit-learn would download anew, from its one source
            bunch = fetch_20newsgroups(
                subset=subset, categories=categories, remove=tuple(remove), download_if_missing=not cached
            )
        except OSError as error:
            if cached:
                raise DataUnavailable(f"{home / CACHE}: is damaged. Delete it and run again.") from error
            raise StorageError(f"{home}: the corpus cannot be unpacked there: {error}.") from error
        splits[subset] = (bunch.data, [bunch.target_names[number] for number in bunch.target])
    return Dataset(**splits, label_names=sorted(categories) if categories is not None else None)


def _fit(*, categories, **_):
    return "categories names a group twice." if categories and len(set(categories)) < len(categories) else None


newsgroups.check_options = _fit
