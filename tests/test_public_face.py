"""What a program that embeds textforge sees: public names, and types that hold."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import sys
import typing
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from test_docs import blocks, section

import textforge
from textforge.components.settings import OF_RUNS, TrainerOptions, TrainerSettings

# -- names -------------------------------------------------------------------------------------


def public_members(value: Any) -> Iterator[tuple[str, Any]]:
    """What a user may call or read: a function itself, or a class's constructor, methods and properties."""
    if not inspect.isclass(value):
        yield "", value
        return
    for name, member in vars(value).items():
        if isinstance(member, property):
            member = member.fget
        elif isinstance(member, (staticmethod, classmethod)):
            member = member.__func__
        if inspect.isfunction(member) and (name == "__init__" or not name.startswith("_")):
            yield name, member
    yield "its attributes", value


def everything_importable() -> dict[str, Any]:
    """Names that modules import only for their annotations."""
    found: dict[str, Any] = {}
    for path in sorted((ROOT / "textforge").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                for line in node.body:
                    if isinstance(line, ast.Import):
                        found |= {alias.name: importlib.import_module(alias.name) for alias in line.names}
                    elif isinstance(line, ast.ImportFrom) and (line.module or "").startswith(("textforge.", "torch")):
                        module = importlib.import_module(line.module or "")
                        found |= {alias.asname or alias.name: getattr(module, alias.name) for alias in line.names}
    return found


def classes(hint: Any) -> Iterator[type]:
    """The classes that an annotation names, to any depth."""
    if inspect.isclass(hint) and not typing.get_args(hint):
        yield hint
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Annotated:
        inner = inner[:1]
    for one in inner:
        for each in one if isinstance(one, (list, tuple)) else [one]:
            yield from classes(each)


def test_every_type_in_a_public_signature_is_public() -> None:
    names = everything_importable()
    public = {id(getattr(textforge, name)) for name in textforge.__all__}
    hidden, seen = set(), 0
    for name in textforge.__all__:
        value = getattr(textforge, name)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        for member, one in public_members(value):
            module = sys.modules[one.__module__]
            hints = typing.get_type_hints(one, localns={**names, **vars(module)}, include_extras=True)
            for of, hint in hints.items():
                for kind in classes(hint):
                    seen += kind.__module__.startswith("textforge")
                    if not of.startswith("_") and kind.__module__.startswith("textforge") and id(kind) not in public:
                        hidden.add(f"{name}.{member}: {of}: {kind.__module__}.{kind.__qualname__}")
    assert not hidden, sorted(hidden)
    assert seen > 50


def test_the_settings_of_a_trainer_for_type_checkers_are_its_settings() -> None:
    options = typing.get_type_hints(TrainerOptions)
    assert options == {
        field.name: hint
        for field in fields(TrainerSettings)
        for hint in [typing.get_type_hints(TrainerSettings)[field.name]]
        if field.name not in OF_RUNS
    }


def test_the_constructor_of_a_dataset_for_type_checkers_is_that_of_its_fields() -> None:
    tree = ast.parse((ROOT / "textforge" / "data" / "dataset.py").read_text())
    (made,) = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    names = [argument.arg for argument in (*made.args.args, *made.args.kwonlyargs)]
    assert names == ["self", *inspect.signature(textforge.Dataset).parameters]


# -- types -------------------------------------------------------------------------------------

RIGHT = """
from collections.abc import Iterator

import numpy as np
import textforge

parts = textforge.PluginManager()
texts = np.array(["a", "b"])


def generated() -> Iterator[str]:
    yield "a"


data = textforge.Dataset(train=(texts, np.array([0, 1])), test=(generated(), iter([0])), label_names=(0, 1))
trainer = textforge.Trainer(
    data, parts.part("vectorizer", "bow"), parts.part("model", "mlp"), parts.part("optimizer", "adam"),
    batch_size=12, validation=0.1, device="cpu", metrics=[parts.part("metric", "log-loss")],
)
clf: textforge.Classifier = trainer.fit()
answers: list[object] = clf.predict(generated())
clf.evaluate(texts, np.array([0, 1]), metrics=[parts.part("metric", "log-loss")])
clf.evaluate(generated(), (n for n in [0]), metrics={"n": lambda gold, probabilities: float(len(gold))})
run = textforge.run("recipe.yaml", overrides={"seed": 1})
accuracy: float = run.test["accuracy"]
try:
    textforge.load_recipe("recipe.yaml")
except textforge.RecipeError as error:
    mistakes: tuple[textforge.Mistake, ...] = error.mistakes
"""

WRONG = """
import textforge

parts = textforge.PluginManager()
data = textforge.Dataset(train=(["a", "b"], [0, 1]))
bow, mlp, adam = parts.part("vectorizer", "bow"), parts.part("model", "mlp"), parts.part("optimizer", "adam")
textforge.Trainer(data, bow, mlp, adam, batch_size="12")
textforge.Trainer(data, bow, mlp, adam, nonsense=3)
textforge.Trainer(data, bow, mlp, adam, precision="float16")
textforge.Dataset(train=([1, 2], [0, 1]))
textforge.run(3)
"""


def examples(text: str) -> list[str]:
    """The Python examples of a page; one that imports nothing goes on from the first."""
    found: list[str] = []
    for code in blocks(text, "python"):
        if "import textforge" in code or not found:
            found.append(code)
        else:
            found.append(found[0] + code)
    return found


@pytest.fixture(scope="module")
def mypys_errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What `mypy --strict` says of each example, all in one call, with the cache of `make types`."""
    api = pytest.importorskip("mypy.api")
    folder = tmp_path_factory.mktemp("typed")
    sources = {"right": RIGHT, "wrong": WRONG}
    pages = {"code": (ROOT / "docs" / "code.md").read_text()}
    pages["readme"] = section((ROOT / "README.md").read_text(), "In code")
    for page, text in pages.items():
        sources |= {f"{page}_{n}": code for n, code in enumerate(examples(text), 1)}
    for name, code in sources.items():
        (folder / f"{name}.py").write_text(code)
    there = Path.cwd()
    os.chdir(ROOT)  # where the settings of mypy and its cache are
    try:
        out, problem, _ = api.run(["--no-error-summary", "--hide-error-context", *map(str, folder.glob("*.py"))])
    finally:
        os.chdir(there)
    assert not problem
    found: dict[str, list[str]] = {name: [] for name in sources}
    for line in out.splitlines():
        found[Path(line.partition(":")[0]).stem].append(line)
    return found


def test_the_examples_of_the_docs_hold_under_mypy_strict(mypys_errors: dict[str, list[str]]) -> None:
    assert len(mypys_errors) > 8
    for name, errors in mypys_errors.items():
        if name != "wrong":
            assert not errors, name


def test_wrong_arguments_are_errors_of_the_type_checker(mypys_errors: dict[str, list[str]]) -> None:
    lines = [int(line.split(":")[1]) for line in mypys_errors["wrong"] if ": error:" in line]
    wrong = [n for n, line in enumerate(WRONG.splitlines(), 1) if line.startswith("textforge.")]
    assert sorted({*lines}) == wrong
