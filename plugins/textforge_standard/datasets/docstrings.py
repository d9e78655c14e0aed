"""Dataset `docstrings`: real labelled text that is available wherever textforge is installed."""

import ast
import random
import re
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt, MinLen

ALIASES = {
    "numpy": ("np",),
    "scipy": ("sp",),
    "sklearn": ("scikit-learn", "scikit_learn", "scikits", "scikit"),
    "torch": ("pytorch", "libtorch", "aten"),
}
"""Other names that a package uses for itself."""
MASK = "PACKAGE"
Text = tuple[str, str]
"""A docstring and its file."""


def docstrings(
    seed: int,
    /,
    *,
    packages: Annotated[list[str], MinLen(2)] = ["numpy", "scipy", "sklearn", "torch"],  # noqa: B006
    per_package: Annotated[int, Ge(10)] = 1000,
    min_words: Annotated[int, Ge(1)] = 8,
    labels: Literal["package", "sections"] = "package",
    test_fraction: Annotated[float, Gt(0), Lt(1)] = 0.25,
) -> Any:
    """Docstrings of installed packages, labelled by package or by section. Needs no download.

    Sources are parsed with `ast`; nothing is imported. Names and aliases of the packages are masked in all texts. Each
    file goes entirely to train or to test, so that its style cannot reveal its test texts; a hold-out of train takes
    whole files too.

    Options:
        packages: installed packages to read; their names are the labels.
        per_package: maximum number of docstrings per package.
        min_words: skip shorter docstrings.
        labels: 'package' labels each text with its package; 'sections' labels it with the sections (parameters,
            returns, examples, …) that it has (multi-label), and removes their headings.
        test_fraction: fraction of each package's texts to hold out for the test, in whole files.
    """
    from textforge import Dataset
    from textforge_standard.datasets.docstring_sections import parted_docstring

    mask = _mask(packages)
    seen: set[str] = set()
    rows: dict[str, list[tuple[str, str, str]]] = {"train": [], "test": []}
    for package in packages:
        files = _files(package)
        random.Random(f"{seed}:{package}").shuffle(files)  # noqa: S311  (an order, no secret)
        by_file = ([(text, str(file)) for text in _read(file, mask, min_words, seen)] for file in reversed(files))
        for name, texts in _split(package, by_file, per_package, test_fraction).items():
            rows[name] += [(text, package, file) for text, file in texts]
    for split in rows.values():
        random.Random(seed).shuffle(split)  # noqa: S311
    splits: dict[str, Any] = {}
    for name, split in rows.items():
        docs, packages_of, _ = zip(*split, strict=True)
        if labels == "sections":
            splits[name] = tuple(zip(*map(parted_docstring, docs), strict=True))
        else:
            splits[name] = (docs, packages_of)
    return Dataset(**splits, groups=[file for _, _, file in rows["train"]])


def _split(package: str, by_file: Iterator[list[Text]], wanted: int, fraction: float) -> dict[str, list[Text]]:
    """Split up to `wanted` texts of a package into train and test, by whole files.

    Raises:
        DataError: the package has too few docstrings.
    """
    from textforge import DataError

    share = min(max(1, round(wanted * fraction)), wanted - 1)
    test, train = _enough(by_file, share), _enough(by_file, wanted - share)
    found = sum(map(len, [*test, *train]))
    if found < wanted:
        share = max(1, round(found * fraction))
        while test and sum(map(len, test[:-1])) >= share:
            train.append(test.pop())
    if not (test and train):
        raise DataError(
            f"dataset 'docstrings': package '{package}' has only {found} docstrings that are long enough and "
            "not repeated, too few to split by whole files. Lower min_words, or name another package."
        )
    return {"train": list(chain(*train))[: wanted - share], "test": list(chain(*test))[:share]}


def _enough(by_file: Iterator[list[Text]], wanted: int) -> list[list[Text]]:
    """Take the texts of the next files until `wanted` are found."""
    taken, found = [], 0
    while found < wanted and (texts := next(by_file, None)) is not None:
        taken.append(texts)
        found += len(texts)
    return [texts for texts in taken if texts]


def _files(package: str) -> list[Path]:
    """The source files of a package without its tests, sorted.

    Raises:
        DataUnavailable: the package is not installed.
    """
    from textforge import DataUnavailable

    try:
        spec = find_spec(package) if package.isidentifier() else None  # imports nothing for a top-level name
    except ValueError:  # modules such as `__main__` have no spec
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise DataUnavailable(
            f"dataset 'docstrings': package '{package}' is not installed. Install it, or name other packages."
        )
    root = Path(spec.submodule_search_locations[0])
    left_out = {"tests", "testing"}
    return sorted(path for path in root.rglob("*.py") if not left_out & set(path.relative_to(root).parts))


def _read(file: Path, mask: re.Pattern[str], min_words: int, seen: set[str]) -> Iterator[str]:
    """Yield the masked docstrings of a file that are long enough and not in `seen`."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return  # some packages ship sources for other Python versions
    for node in _definitions(tree):
        text = mask.sub(MASK, ast.get_docstring(node) or "")
        if len(text.split()) >= min_words and text not in seen:
            seen.add(text)
            yield text


def _definitions(node: Any) -> Iterator[Any]:
    """Yield a module and its classes and functions; skip expressions, which are most of a tree."""
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        yield node
    for block in ("body", "orelse", "handlers", "finalbody"):
        for child in getattr(node, block, ()):
            if isinstance(child, ast.stmt | ast.excepthandler):
                yield from _definitions(child)


def _mask(packages: list[str]) -> re.Pattern[str]:
    """Match long names inside words too, as in `TorchScript`; short ones only as words, to spare `concATENate`."""
    names = {name for package in packages for name in (package, *ALIASES.get(package, ()))}
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    anywhere = "|".join(re.escape(name) for name in longest_first if len(name) >= 5)
    words = "|".join(re.escape(name) for name in longest_first if len(name) < 5)
    patterns = [anywhere, rf"(?<![a-z0-9])(?:{words})(?![a-z0-9])" if words else ""]
    return re.compile("|".join(filter(None, patterns)), re.IGNORECASE)
