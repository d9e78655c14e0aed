"""Change recipes at random: each must be accepted, or rejected with the place of every mistake."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from measuring import ROOT

from attacks import Attack, Verdict, bounded, crash, edited

if TYPE_CHECKING:
    from textforge import PluginManager

CASES = 10_000
TOKENS: tuple[str, ...] = (
    *"[]{}:,-?&*!|>'\"%@`#\t\n\\", ": ", "- ", "<<: ", "&a ", "*a ", "!t ", "---\n", "...\n", "\r\n", "\u2028",
    "\ufeff", "\x00", "1e999", "0x", "~", "null", "1" * 400, "é", "extends: .\n", "  ", "{" * 60, "- " * 60,
)  # fmt: skip
LONGEST = 30_000
"""Limit on the characters of a message; longer ones are unreadable."""


def prepare(folder: Path) -> Attack:
    from textforge.components.manager import PluginManager

    plugins = PluginManager()
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "recipes").glob("*.yaml"))]

    def attack(rng: random.Random, folder: Path) -> Verdict:
        text, path = rng.choice(texts), folder / "recipe.yaml"
        kind = rng.choice(("text", "values", "values, in code", "parts of two recipes"))
        if kind == "text":
            for _ in range(rng.randint(1, 3)):
                text = _changed(rng, text)
            path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
            return judged(kind, path, plugins, folder)
        tree = yaml.safe_load(text)
        if kind == "parts of two recipes":
            crossed(rng, tree, yaml.safe_load(rng.choice(texts)))
        else:
            for _ in range(rng.randint(1, 3)):
                tree = edited(rng, tree) if isinstance(tree, (dict, list)) else tree
        if kind == "values, in code":
            return judged(kind, tree, plugins, folder) if isinstance(tree, dict) else Verdict(kind, "refused")
        path.write_text(yaml.dump(tree, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
        return judged(kind, path, plugins, folder)

    return attack


def crossed(rng: random.Random, tree: dict[str, Any], other: dict[str, Any]) -> None:
    """Put one to three sections of another recipe, or options of them, into a recipe."""
    for _ in range(rng.randint(1, 3)):
        name = rng.choice([*other])
        mine, theirs = tree.get(name), other[name]
        if isinstance(mine, dict) and isinstance(theirs, dict) and rng.randrange(2):
            option = rng.choice([*theirs])
            mine[option] = theirs[option]
        else:
            tree[name] = theirs


def judged(kind: str, source: Path | dict[str, Any], plugins: PluginManager, folder: Path) -> Verdict:
    from textforge import load_recipe
    from textforge.errors import PluginError, RecipeError

    try:
        with bounded():
            recipe = load_recipe(source, plugins=plugins)
            again = folder / "again.yaml"
            again.write_text(recipe.resolved_yaml(), encoding="utf-8")
            resolved = load_recipe(again, plugins=plugins).resolved()
    except RecipeError as error:
        if (folder / "again.yaml").exists():
            return Verdict(kind, "accepted", f"its resolved.yaml is rejected: {error}")
        if unplaced := [mistake.message for mistake in error.mistakes if not mistake.place]:
            whole = len(error.mistakes) == 1 and unplaced[0].startswith(str(source))  # a file that is not text
            return Verdict(kind, "refused", "" if whole else f"without a place: {unplaced[0][:200]}")
        return Verdict(kind, "refused", "a message too long to read" if len(str(error)) > LONGEST else "")
    except PluginError:
        return Verdict(kind, "refused")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return crash(kind, error)
    same = repr(resolved) == repr(recipe.resolved())
    return Verdict(kind, "accepted", "" if same else "its resolved.yaml has another meaning")


def _changed(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    end = min(len(text), at + rng.randint(1, 12))
    lines = text.split("\n")
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    way = rng.randrange(7)
    if way == 0:
        return text[:at] + text[end:]
    if way == 1:
        return text[:end] + text[at:]
    if way == 2:
        lines[first], lines[second] = lines[second], lines[first]
    elif way == 3:
        lines.insert(first, " " * rng.randrange(5) + lines[second])
    elif way == 4:
        lines[first] = " " * rng.randint(1, 3) + lines[first]
    elif way == 5:
        return text[:at] + chr(rng.choice((rng.randrange(128), rng.randrange(0x3000), 0x1F600))) + text[end:]
    else:
        return text[:at] + rng.choice(TOKENS) + text[at:]
    return "\n".join(lines)
