"""Random edits of a bundle's description, signed anew, as whoever can write a file can make them."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 10**6, 2**31, 2**63, 10**30, 0.0, 0.5, -0.5, 1.5, 1e-300, 1e300,
    "", "x", "null", "../../etc/passwd", "x'; rm -rf ~ #", "\x1b[31m", "ß" * 50, "0.1.0", "mlp", "tokens", "words",
    [], ["x"], ["x", "x", "x"], [0], [1, 1], [[]], [5000] * 60, {}, {"x": 1}, {"use": "mlp"}, {"a": {"b": [{}]}},
)  # fmt: skip


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value of a description is, the innermost ones too."""
    if before:
        yield before
    if isinstance(value, dict):
        for key in value:
            yield from paths(value[key], (*before, key))
    elif isinstance(value, list):
        for index in range(min(len(value), 8)):
            yield from paths(value[index], (*before, index))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def edited(described: dict[str, Any], draw: random.Random) -> tuple[str, dict[str, Any]]:
    """A description with one or two random edits, and what they are."""
    changed, told = copy.deepcopy(described), []
    for _ in range(draw.choice((1, 1, 1, 2))):
        path = draw.choice([path for path in paths(changed) if path[0] != "digest"] or [("format",)])
        if path[0] == "format" and "format" not in changed:
            break
        within, key = at(changed, path[:-1]), path[-1]
        old, kind = within[key], draw.choice(("delete", "retype", "retype", "swap", "number", "nest", "add", "repeat"))
        if kind == "delete":
            del within[key]
        elif kind == "retype":
            within[key] = copy.deepcopy(draw.choice(VALUES))
        elif kind == "swap":
            within[key] = copy.deepcopy(at(changed, draw.choice(list(paths(changed)))))
        elif kind == "number" and isinstance(old, (int, float)):
            within[key] = draw.choice((old + 1, old - 1, -old, old * 1000, old / 3, float(old), str(old)))
        elif kind == "nest":
            within[key] = draw.choice(([old], {"x": old}, [old, old]))
        elif kind == "add" and isinstance(old, dict):
            old[draw.choice(("x", "use", "n_features", "vocab_size", "state", "vectors"))] = copy.deepcopy(
                draw.choice(VALUES)
            )
        elif kind == "repeat" and isinstance(old, list) and old:
            old.append(copy.deepcopy(draw.choice(old)))
        else:
            within[key] = copy.deepcopy(draw.choice(VALUES))
        told.append(f"{kind} {'.'.join(map(str, path))}")
    return ", ".join(told), changed


def sign(folder: Path, described: dict[str, Any]) -> None:
    """Write a description with a digest that fits."""
    from textforge.classifiers.bundles.description import digest
    from textforge.classifiers.storage import json_text

    signed = {**described, "digest": digest(described)}
    (folder / "bundle.json").write_text(json_text(signed), encoding="utf-8")


def unsealed(folder: Path) -> Path:
    """The bundle without a seal, as earlier versions wrote it, so that other checks meet what is edited."""
    from safetensors.numpy import load_file, save_file

    from textforge.classifiers.storage import sha256

    file, found = folder / "vectorizer.safetensors", described(folder)
    save_file(load_file(file), file)
    sign(folder, {**found, "files": {**found["files"], file.name: sha256(file)}})
    return folder


def described(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    return found
