"""What differs between two environments, and the environment that a run is locked to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from pydantic import BaseModel, ValidationError

from textforge.components.kinds import KINDS, LISTED
from textforge.errors import BundleError, RecipeError
from textforge.runs import folder as run_folder
from textforge.runs.environment import FORMAT, environment_now

FIRST = ("textforge", "torch", "numpy", "scipy", "scikit-learn")
"""Packages that are likely to change results, the likeliest first; plugins come before them."""


@dataclass(frozen=True)
class Change:
    """One difference between the environment of a run and another one."""

    what: str
    """A package, or what else differs: 'Python', 'the number of threads', 'the device', …"""
    then: str
    now: str
    decisive: bool = True
    """Whether it may change a result. The name of a processor or of an operating system alone does not."""

    def __str__(self) -> str:
        return f"{self.what} was {self.then} and is {self.now}"


def environment_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """The differences between two environments, the likeliest reason for other results first.

    Only what both describe is compared, except packages: one that is missing now is a difference.

    Args:
        then, now: contents of environment.json, of any format.
    """
    found = [*_parts(then, now), *_packages(then, now), *_process(then, now)]
    return [change for change in found if change.decisive] + [change for change in found if not change.decisive]


def _packages(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    versions, files = ({canonicalize_name(name): one for name, one in (now.get(key) or {}).items()}
                       for key in ("packages", "files"))  # fmt: skip
    names = {canonicalize_name(name): name for name in then.get("packages") or {}}
    plugins = {canonicalize_name(name) for _, name, _ in _plugins(then)}
    likely = [*sorted(plugins - {"textforge"}), *FIRST]
    for key in sorted(names, key=lambda key: (likely.index(key) if key in likely else len(likely), key)):
        name = names[key]
        version, digest = then["packages"][name], (then.get("files") or {}).get(name)
        if (found := versions.get(key)) != version:
            yield Change(name, str(version), "not installed" if found is None else str(found))
        elif digest is not None and files.get(key) not in (None, digest):
            origin = (then.get("origins") or {}).get(name) or {}
            commit = f" (commit {str(origin['commit'])[:10]})" if origin.get("commit") else ""
            yield Change(f"the code of {name} {version}", f"{digest[:10]}{commit}", f"{files[key][:10]} by its SHA-256")


def _plugins(described: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name, distribution and version of each part of a run, also of those inside others, in the order of the recipe."""
    lists = [part for kind in LISTED for part in described.get(KINDS[kind].many) or ()]
    waiting = [*(described.get("plugins") or {}).values(), *lists]
    while waiting:
        part = waiting.pop(0)
        yield part.get("use", ""), part.get("distribution", ""), part.get("version", "")
        waiting = [*(part.get("parts") or ()), *waiting]


def _parts(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    """Parts that another distribution offers now, or whose distribution is not among the packages."""
    if "plugins" not in then or "plugins" not in now:
        return
    known = {canonicalize_name(name) for name in (*(then.get("packages") or {}), *(now.get("packages") or {}))}
    before, after = [*_plugins(then)], [*_plugins(now)]
    for one, other in zip(before, after, strict=False):
        versions = canonicalize_name(one[1]) in known and one[1] == other[1]  # compared as those of packages
        if one != other and not versions:
            yield Change(f"the plugin of {other[0]}", " ".join(one[1:]), " ".join(other[1:]))
    if len(before) != len(after):
        yield Change("the number of parts", str(len(before)), str(len(after)))


def _process(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    """Differences of machine and process."""
    for key, name in (("device", "the device"), ("processes", "the number of processes"),
                      ("threads", "the number of threads"),
                      ("interop_threads", "the number of threads between operations"),
                      ("processor", "the processor's instructions"), ("python", "Python"),
                      ("implementation", "the Python implementation"), ("libc", "the C library")):  # fmt: skip
        if key in then and key in now and then[key] != now[key]:
            yield Change(name, str(then[key]), str(now[key]), decisive=key != "interop_threads")
    then_cpu, now_cpu = then.get("cpu") or {}, now.get("cpu") or {}
    if "features" in then_cpu and "features" in now_cpu:
        before, after = set(then_cpu["features"]), set(now_cpu["features"])
        if before != after:
            lost, gained = (", ".join(sorted(one)) or "none" for one in (before - after, after - before))
            yield Change("the processor", f"one with {lost}", f"one without, but with {gained}")
    for key, name in (("blas", "the BLAS of"), ("determinism", "the setting")):
        one, other = then.get(key) or {}, now.get(key) or {}
        for inner in one:
            if inner in other and one[inner] != other[inner]:
                yield Change(f"{name} {inner}", str(one[inner]), str(other[inner]))
    yield from _variables(then, now)
    if "model" in then_cpu and "model" in now_cpu and then_cpu["model"] != now_cpu["model"]:
        yield Change("the model of the processor", then_cpu["model"], now_cpu["model"], decisive=False)
    if "platform" in then and "platform" in now and then["platform"] != now["platform"]:
        yield Change("the platform", then["platform"], now["platform"], decisive=False)


def _variables(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    """Environment variables that choose how to compute; those that count threads show in the numbers of threads."""
    if "variables" not in then or "variables" not in now:
        return
    before, after = then["variables"], now["variables"]
    for name in sorted({*before, *after}):
        if not name.endswith("_NUM_THREADS") and before.get(name) != after.get(name):
            yield Change(f"the variable {name}", str(before.get(name, "not set")), str(after.get(name, "not set")))


def data_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Compare the digests of the data in two descriptions of the environment; return a phrase if they differ."""
    one, other = ((each.get("data") or {}).get("sha256") for each in (then, now))
    if one == other:
        return []
    return [f"the data (their SHA-256 was {str(one)[:12]}… and is {str(other)[:12]}…)"]


def read_environment(path: Path) -> dict[str, Any]:
    """Read the environment.json of a run folder, or the file itself.

    Raises:
        BundleError: there is none, or it is damaged, or a newer textforge wrote it.
    """
    file = path / run_folder.ENVIRONMENT if path.is_dir() else path
    if not file.is_file():
        raise BundleError(f"{file}: no such file. The environment of a run is in its {run_folder.ENVIRONMENT}.")
    found = run_folder.read_object(file, f"{file}: damaged")
    number = found.get("format", 1)
    if type(number) is not int or number > FORMAT:
        raise BundleError(
            f"{file}: has format {number}, and this textforge reads formats up to {FORMAT}. Update textforge."
        )
    try:
        _Environment.model_validate(found)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise BundleError(f"{file}: damaged: {place}: {error.errors()[0]['msg']}.") from error
    return found


class _Part(BaseModel):
    use: str = ""
    distribution: str = ""
    version: str = ""
    parts: list[_Part] = []


class _Split(BaseModel):
    texts: int
    sha256: str


class _Data(BaseModel):
    sha256: str = ""
    train: int = 0
    splits: dict[str, _Split] = {}
    inputs: dict[str, str] = {}


class _Origin(BaseModel):
    source_folder: str = ""
    url: str = ""
    commit: str = ""
    archive: str = ""


class _Processor(BaseModel):
    model: str = ""
    features: list[str] = []


class _Environment(BaseModel):
    """The types of what is read of an environment.json, of any format."""

    packages: dict[str, str] = {}
    files: dict[str, str] = {}
    origins: dict[str, _Origin] = {}
    plugins: dict[str, _Part] = {}
    metrics: list[_Part] = []
    callbacks: list[_Part] = []
    variables: dict[str, str] = {}
    blas: dict[str, str] = {}
    determinism: dict[str, Any] = {}
    cpu: _Processor = _Processor()
    data: _Data = _Data()


def refuse_other_environment(lock: Path) -> None:
    """Refuse to run in an environment that may give other results than the one that a lock describes.

    Args:
        lock: a run folder, or its environment.json.

    Raises:
        BundleError: the lock cannot be read.
        RecipeError: the environment differs; the message names every difference.
    """
    then = read_environment(lock)
    changes = [change for change in environment_changes(then, environment_now(then)) if change.decisive]
    if changes:
        raise RecipeError(
            f"the environment differs from that of {lock}: {'; '.join(map(str, changes))}. {advice(changes, then)}"
        )


def advice(changes: Sequence[Change], then: Mapping[str, Any]) -> str:
    """What to do about differences, in one sentence."""
    if any(change.what in (then.get("packages") or {}) for change in changes):
        return "'textforge replay RUN --write-requirements FILE' writes the versions as requirements for pip."
    if any(change.what == "the number of threads" for change in changes):
        return f"Set the number of threads by the environment variable OMP_NUM_THREADS={then['threads']}."
    return "Leave out --locked and --lock to go on regardless."
