"""The files that `plugin new` writes, made of the templates beside this module."""

import ast
import json
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from string import Template

TEMPLATES = Path(__file__).with_name("templates")

KINDS = (
    "dataset", "vectorizer", "model", "optimizer", "scheduler", "loss", "metric", "callback", "preprocessor", "command",
)  # fmt: skip
PLURALS = {"loss": "losses"}
"""Plurals that do not end in a single 's'."""
CLASSES = ("vectorizer", "callback")
"""Kinds whose example is a class; the examples of other kinds are functions."""

LICENSES = {"apache": ("Apache-2.0", "apache.txt"), "mit": ("MIT", "mit.txt")}
"""Licence to its SPDX identifier and the file with its text."""


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """The author's choices for a new plugin."""

    name: str
    kinds: tuple[str, ...]
    description: str = ""
    author: str = ""
    license: str = "apache"

    @property
    def distribution(self) -> str:
        return f"textforge-{self.name}"

    @property
    def module(self) -> str:
        return self.distribution.replace("-", "_")

    @property
    def title(self) -> str:
        """`A model for textforge.`, `Model, loss and metric for textforge.`"""
        *first, last = self.kinds
        if not first:
            return f"{'An' if last[0] in 'aeiou' else 'A'} {last} for textforge."
        return f"{', '.join(first)} and {last} for textforge.".capitalize()

    def factory(self, kind: str) -> str:
        """The Python name of the example of a kind."""
        words = self.name.split("-")
        words += [kind] * (words[-1] != kind)
        return "".join(map(str.capitalize, words)) if kind in CLASSES else "_".join(words)


def files(plugin: Plugin) -> dict[str, str]:
    """The path and the text of every file of the distribution."""
    spdx, licence = LICENSES[plugin.license]
    author, _, mail = plugin.author.removesuffix(">").partition("<")
    author, mail = author.strip(), mail.strip()
    points = [(PLURALS.get(kind, f"{kind}s"), plugin.factory(kind)) for kind in plugin.kinds]
    values = {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "module": plugin.module,
        "title": plugin.title,
        "description": plugin.description or plugin.title,
        "description_toml": toml_text(plugin.description or plugin.title),
        "authors": authors_line(author, mail),
        "spdx": spdx,
        "year": str(date.today().year),
        "holder": author or f"the authors of {plugin.distribution}",
        "entry_points": "\n\n".join(
            f'[project.entry-points."textforge.{many}"]\n{plugin.name} = "{plugin.module}:{factory}"'
            for many, factory in points
        ),
        "key": plugin.name.replace("-", "_"),
    }
    imports, components = joined([filled(f"kinds/{kind}/component.py", plugin, values, kind) for kind in plugin.kinds])
    values |= {"imports": imports, "components": components}
    module = filled("module.py", plugin, values)
    common = "from pathlib import Path\n\nimport pytest\nimport textforge\n"
    tests = [filled(f"kinds/{kind}/test.py", plugin, values, kind) for kind in plugin.kinds]
    values["imports"], values["tests"] = joined([common, *tests], first_party=plugin.module)
    values["sections"] = "\n\n".join(sections(plugin, values))
    own = "\n".join(sections(plugin, values, all_of_it=False))
    values["use"] = f"In a recipe:\n\n```yaml\n{own}\n```" if own else "On the runs that recipes leave:"
    values["parts"] = "\n".join(filled(f"kinds/{kind}/README.md", plugin, values, kind) for kind in plugin.kinds)
    short = plugin.module.removeprefix("textforge_")
    return {
        ".github/workflows/test.yml": filled("test.yml", plugin, values),
        ".gitignore": filled("gitignore", plugin, values),
        "LICENSE": Template((TEMPLATES / "licenses" / licence).read_text(encoding="utf-8")).safe_substitute(values),
        "README.md": filled("README.md", plugin, values),
        "pyproject.toml": filled("pyproject.toml", plugin, values),
        "recipe.yaml": filled("recipe.yaml", plugin, values),
        f"src/{plugin.module}/__init__.py": module,
        f"tests/test_{short}.py": filled("tests.py", plugin, values),
        f"tests/test_{short}_wheel.py": filled("wheel_tests.py", plugin, values),
    }


def filled(name: str, plugin: Plugin, values: dict[str, str], kind: str = "") -> str:
    """A template with its values filled in, ending in a newline."""
    own = {"factory": plugin.factory(kind)} if kind else {}
    text = (TEMPLATES / f"{name}.tmpl").read_text(encoding="utf-8")
    return f"{Template(text).substitute(values | own).strip()}\n"


def sections(plugin: Plugin, values: dict[str, str], *, all_of_it: bool = True) -> list[str]:
    """Sections of the recipe: those of the plugin's parts and, if `all_of_it`, all others that a recipe needs."""
    found = []
    for kind in KINDS if all_of_it else plugin.kinds:
        stem = f"kinds/{kind}/{'recipe' if kind in plugin.kinds else 'otherwise'}.yaml"
        if "preprocessor" in plugin.kinds and kind == "vectorizer":
            continue  # it is inside the preprocessor's section
        if kind == "preprocessor" and {"preprocessor", "vectorizer"} <= {*plugin.kinds}:
            stem = "kinds/preprocessor/with_vectorizer.yaml"
        if (TEMPLATES / f"{stem}.tmpl").is_file():
            found.append(filled(stem, plugin, values, kind).strip())
    return found


def joined(sources: list[str], first_party: str = "") -> tuple[str, str]:
    """Merge Python sources; return their imports, sorted as linters require, and the code that follows them."""
    plain: set[str] = set()
    names: dict[str, set[str]] = defaultdict(set)
    bodies = []
    for source in sources:
        tree = ast.parse(source)
        end = 0
        for node in tree.body:
            if isinstance(node, ast.Import):
                plain.add(ast.unparse(node))
            elif isinstance(node, ast.ImportFrom):
                names[str(node.module)] |= {alias.name for alias in node.names}
            else:
                break
            end = node.end_lineno or end
        bodies.append("\n".join(source.splitlines()[end:]).strip())
    lines = sorted(plain) + [f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)]
    groups: dict[int, list[str]] = {0: [], 1: [], 2: []}
    for line in lines:
        module = line.split()[1].split(".")[0]
        groups[2 if module == first_party else module not in sys.stdlib_module_names].append(line)
    return "\n\n".join("\n".join(group) for group in groups.values() if group), "\n\n\n".join(filter(None, bodies))


def toml_text(text: str) -> str:
    """A line of text as a TOML string, which has the syntax of a JSON string."""
    return json.dumps(text, ensure_ascii=False)


def authors_line(author: str, mail: str) -> str:
    """The line of pyproject.toml that names the author, or an empty string."""
    known = {"name": author, "email": mail}
    inner = ", ".join(f"{key} = {toml_text(value)}" for key, value in known.items() if value)
    return f"authors = [{{ {inner} }}]\n" if inner else ""
