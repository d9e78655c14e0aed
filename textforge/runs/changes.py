"""What has changed since a run began, and may change its results: versions, threads, processor, data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textforge.components.kinds import KINDS, LISTED

_HERE = {
    "python": "Python",
    "implementation": "the Python implementation",
    "processor": "the processor's instructions",
    "threads": "the number of threads",
    "device": "the device",
}
"""Values of environment.json that results depend on, in words. The name of the platform and of its kernel do not."""


def machine_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Compare two descriptions of the environment, without the data.

    Args:
        before: the content of environment.json.
        now: what `describe_machine` returns.

    Returns:
        A phrase for each change, such as "torch was 2.3.0 and is 2.4.0".
    """
    pairs = [(words, before.get(key), now.get(key)) for key, words in _HERE.items()]
    pairs += _of_mappings("", before.get("packages"), now.get("packages"))
    known = {*_pair(before.get("packages")), *_pair(now.get("packages"))}
    found = [(words, one, other) for words, one, other in pairs if one != other]
    plugins = [*_plugins(before)], [*_plugins(now)]
    for old, new in zip(*plugins, strict=False):
        if old != new and old[1] not in known:
            found.append((f"the plugin of {new[0]}", " ".join(old[1:]), " ".join(new[1:])))
    if len(plugins[0]) != len(plugins[1]):
        found.append(("the number of parts", str(len(plugins[0])), str(len(plugins[1]))))
    return [f"{words} was {_shown(one)} and is {_shown(other)}" for words, one, other in found]


def data_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Compare the fingerprints of the data in two descriptions of the environment."""
    one, other = (_pair(each.get("data")).get("sha256") for each in (before, now))
    if one == other:
        return []
    return [f"the data are others: their SHA-256 was {str(one)[:12]}… and is {str(other)[:12]}…"]


def _of_mappings(lead: str, one: Any, other: Any) -> list[tuple[str, Any, Any]]:
    mine, theirs = _pair(one), _pair(other)
    return [(f"{lead}{name}", mine.get(name), theirs.get(name)) for name in {**mine, **theirs}]


def _pair(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plugins(environment: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name, distribution and version of every part, also of those inside others, in the order of the recipe."""
    for part in _pair(environment.get("plugins")).values():
        yield from _parts(part)
    for kind in LISTED:
        for part in environment.get(KINDS[kind].many) or ():
            yield from _parts(part)


def _parts(part: Any) -> Iterator[tuple[str, str, str]]:
    described = _pair(part)
    yield tuple(str(described.get(key, "")) for key in ("use", "distribution", "version"))  # type: ignore[misc]
    for inner in described.get("parts") or ():
        yield from _parts(inner)


def _shown(value: Any) -> str:
    return "absent" if value is None else str(value)
