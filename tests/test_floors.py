"""The architecture: imports go down only, the core names no plugin, and what must stay light does."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGE = ROOT / "textforge"
FLOORS = {
    0: ["errors", "shown", "shortage"],
    1: ["hookspecs", "compatibility", "settings", "options", "option_errors", "components", "plugins",
        "yaml12", "document", "overlay", "input_paths", "pairing", "recipe", "parameters", "schema",
        "run_folder", "storage", "bundle_description"],
    2: ["splits", "similar_labels", "rows", "remarks", "streams", "data", "features", "feeding", "bag_sums", "layers",
        "rng", "confusion", "metrics", "decision", "averaging", "classifier", "optimization", "self_fitting",
        "validation", "trainer", "bundle_parts", "bundle_weights", "bundle"],
    3: ["environment", "progress", "callbacks", "runner", "spread", "repeats", "cross_validation", "evaluate",
        "probabilities", "text_lines", "text_stream", "predict", "testing", "sklearn"],
    4: ["cli", "__main__"],
}  # fmt: skip
ALLOWED = {
    0: set(),
    1: {"pluggy", "yaml", "pydantic", "pydantic_core", "typing_extensions", "annotated_types", "packaging"},
}
ALLOWED[2] = ALLOWED[1] | {"numpy", "torch", "safetensors"}
ALLOWED[3] = ALLOWED[2]
ALLOWED[4] = ALLOWED[3] | {"click", "rich"}
ALLOWED_IN = {"sklearn": {"sklearn"}, "testing": {"pytest"}}
"""What one module alone may import besides."""
FLOOR_OF = {module: floor for floor, modules in FLOORS.items() for module in modules}


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


def floor(path: Path) -> int:
    return FLOOR_OF[home(path)]


def test_every_module_has_its_floor() -> None:
    assert {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in modules()} == set(FLOOR_OF)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "textforge":
            assert FLOOR_OF[parts[1]] <= floor(path), f"{path.name} on floor {floor(path)} imports {name}"
        elif parts[0] not in sys.stdlib_module_names:
            assert parts[0] in ALLOWED[floor(path)] | ALLOWED_IN.get(home(path), set()), (
                f"{path.name} on floor {floor(path)} imports {name}"
            )


def test_the_contract_kit_imports_pytest_inside_contract_tests_alone() -> None:
    for path in (PACKAGE / "testing").glob("*.py"):
        tree = ast.parse(path.read_text())
        allowed = [node for function in ast.walk(tree) for node in ast.walk(function)
                   if isinstance(function, ast.FunctionDef) and function.name == "contract_tests"]  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)) and "pytest" in ast.unparse(node):
                assert node in allowed, path


def test_the_core_knows_no_component_by_name() -> None:
    from textforge.components import KINDS
    from textforge.plugins import PluginManager

    plugins = PluginManager()
    kinds = set(KINDS) - {"scheduler"}  # whose names are ordinary words, such as 'step'
    names = {name for kind in kinds for name in plugins.names(kind)} - {"tsv", "jsonl"}  # formats of `predict`, too
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


def test_trainer_knows_nothing_of_yaml_entry_points_click_or_files() -> None:
    used = {name.split(".")[0] for name in imports(PACKAGE / "trainer.py")}
    assert not used & {"yaml", "pluggy", "click", "pathlib", "os", "io", "json"}
    local = {name for name in imports(PACKAGE / "trainer.py") if name.startswith("textforge.")}
    assert not local & {"textforge.recipe", "textforge.plugins", "textforge.bundle", "textforge.run_folder"}


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
    code = "import textforge.evaluate, textforge.predict, textforge.cli.run, textforge; assert callable(textforge.run)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_file_is_a_god_object() -> None:
    long = {str(p.relative_to(ROOT)): n for p in [*PACKAGE.rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
            if (n := len(p.read_text().splitlines())) > 360}  # fmt: skip
    assert not long


def test_no_pickle_anywhere() -> None:
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]:
        if path == PACKAGE / "testing" / "pickling.py" or "tests" in path.parts:  # which tell whether anyone else does
            continue
        assert not {name.split(".")[0] for name in imports(path)} & {"pickle", "joblib", "dill", "cloudpickle"}, path
        assert "torch.save" not in path.read_text() and "torch.load" not in path.read_text(), path
