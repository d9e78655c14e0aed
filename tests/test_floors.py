"""The architecture: imports go down only, the core names no plugin, and what must stay light does."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGE = ROOT / "textforge"
FLOORS = (
    ("errors",),
    ("components",),
    ("recipes",),
    ("data",),
    ("features",),
    ("classifiers",),
    ("training",),
    ("runs",),
    ("insight", "testing", "sklearn"),
    ("serving",),
    ("cli",),
    ("__main__",),
)
"""The rooms of the package, from the ground up. A room imports from itself and from the floors below it."""
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
LIGHT = {"pluggy", "yaml", "pydantic", "pydantic_core", "typing_extensions", "annotated_types", "packaging"}
HEAVY = LIGHT | {"numpy", "torch", "safetensors"}
ALLOWED = {
    "errors": set[str](),
    "components": LIGHT,
    "recipes": LIGHT,
    **dict.fromkeys(("data", "features", "training"), HEAVY),
    "classifiers": HEAVY | {"onnx", "onnxruntime", "onnxscript"},  # the last three: textforge[onnx-export]
    "runs": HEAVY | {"huggingface_hub", "optuna"},  # textforge[hub], textforge[tune]
    "insight": HEAVY | {"jinja2"} | {"cleanlab", "ftfy", "py3langid", "rensa"},  # the last four: textforge[doctor]
    "testing": HEAVY | {"pytest"},
    "sklearn": HEAVY | {"sklearn"},
    "serving": HEAVY | {"orjson", "prometheus_client", "starlette", "uvicorn", "httptools", "uvloop"},
    "cli": HEAVY | {"click", "rich"},
    "__main__": set[str](),
}
"""The packages beside the standard library that a room may import."""


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module} if node.module != "textforge" else {f"textforge.{a.name}" for a in node.names}
    return found


def modules() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


def home(path: Path) -> str:
    """The module of the package that a file is, or is in."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_the_package_has_the_rooms_of_the_architecture_and_few_entries() -> None:
    assert {home(path) for path in modules()} == set(FLOOR_OF)
    entries = [path for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= 16, sorted(path.name for path in entries)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    room = home(path)
    for name in imports(path):
        parts = name.split(".")
        if name in ("textforge", "textforge.lazy"):
            continue
        if parts[0] == "textforge":
            below = FLOOR_OF[parts[1]] < FLOOR_OF[room]
            assert below or parts[1] == room, f"{path.relative_to(PACKAGE)} imports {name}"
        elif parts[0] not in sys.stdlib_module_names:
            assert parts[0] in ALLOWED[room], f"{path.relative_to(PACKAGE)} imports {name}"


@pytest.mark.parametrize("room", [room for rooms in FLOORS for room in rooms if (PACKAGE / room).is_dir()])
def test_a_room_says_what_it_is_for_and_offers_its_names(room: str) -> None:
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text())
    assert (ast.get_docstring(tree) or "").endswith("."), room
    module = importlib.import_module(f"textforge.{room}")
    for name in getattr(module, "__all__", ()):
        assert getattr(module, name) is not None


def test_the_contract_kit_imports_pytest_inside_contract_tests_alone() -> None:
    for path in (PACKAGE / "testing").glob("*.py"):
        tree = ast.parse(path.read_text())
        allowed = [node for function in ast.walk(tree) for node in ast.walk(function)
                   if isinstance(function, ast.FunctionDef) and function.name == "contract_tests"]  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)) and "pytest" in ast.unparse(node):
                assert node in allowed, path


def test_the_core_knows_no_component_by_name() -> None:
    from textforge.components.kinds import KINDS
    from textforge.components.manager import PluginManager

    plugins = PluginManager()
    kinds = set(KINDS) - {"scheduler"}  # whose names are ordinary words, such as 'step'
    names = {name for kind in kinds for name in plugins.names(kind)} - {
        "tsv", "jsonl",  # formats of `predict`, too
        "numbers",  # a type of columns that `predict` adds to a table
    }  # fmt: skip
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in names, f"{path}:{node.lineno} names '{node.value}'"


def test_plugins_import_only_public_names() -> None:
    import textforge

    public = {f"textforge.{name}" for name in textforge.__all__}
    public |= {f"textforge.{name}" for name in ("data", "errors", "testing")}  # offered to authors by docs/plugins.md
    for path in (ROOT / "plugins").rglob("*.py"):
        if "tests" in path.parts or "benchmarks" in path.parts:
            continue
        used = {name for name in imports(path) if name.split(".")[0] == "textforge"}
        assert used <= public, f"{path}: {used - public}"


def test_training_knows_nothing_of_yaml_entry_points_click_or_files() -> None:
    for path in (PACKAGE / "training").glob("*.py"):
        used = imports(path)
        assert not {name.split(".")[0] for name in used} & {"yaml", "pluggy", "click", "pathlib", "os", "io", "json"}
        local = {name for name in used if name.startswith(("textforge.recipes", "textforge.classifiers.bundles"))}
        assert not local | ({"textforge.components.manager", "textforge.classifiers.storage"} & used), path
        passed_on = [name for name in used if name.startswith("textforge.classifiers.checkpoints")]
        assert not passed_on or path.name == "trainer.py", path  # which passes its state on, when asked


def test_importing_textforge_loads_nothing_heavy_and_every_public_name_is_there() -> None:
    code = (
        "import sys, textforge\n"
        "heavy = {'torch', 'numpy', 'sklearn', 'pydantic', 'polars', 'yaml', 'click', 'pluggy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "for name in textforge.__all__: assert getattr(textforge, name) is not None, name\n"
        "assert callable(textforge.run) and textforge.run.__name__ == 'run'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_textforge_run_is_the_function_whatever_was_imported_before() -> None:
    modules = "textforge.runs.evaluation, textforge.classifiers.streams.predictions, textforge.cli.run, textforge"
    code = f"import {modules}; assert callable(textforge.run)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_file_is_a_god_object() -> None:
    long = {str(p.relative_to(ROOT)): n for p in [*PACKAGE.rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
            if (n := len(p.read_text().splitlines())) > 360}  # fmt: skip
    assert not long


def test_functions_take_few_arguments() -> None:
    # Five, options included, for a private function; five without keyword-only options for any other. A factory's
    # positional-only facts are what it asks for by name; click passes the options of a command line.
    many = []
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "plugins" / "textforge_standard").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef) or any(
                "click." in ast.unparse(one) for one in node.decorator_list
            ):
                continue
            private = node.name.startswith("_") and not node.name.startswith("__")
            taken = [*node.args.args, *((*node.args.posonlyargs, *node.args.kwonlyargs) if private else ())]
            if len([one for one in taken if one.arg not in ("self", "cls")]) > 5:
                many.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not many


def test_no_pickle_anywhere() -> None:
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]:
        if path == PACKAGE / "testing" / "pickling.py" or "tests" in path.parts:  # which tell whether anyone else does
            continue
        assert not {name.split(".")[0] for name in imports(path)} & {"pickle", "joblib", "dill", "cloudpickle"}, path
        assert "torch.save" not in path.read_text() and "torch.load" not in path.read_text(), path
