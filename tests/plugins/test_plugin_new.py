"""`textforge plugin new`: what it writes, and what it refuses. That it works installed is tested beside this."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner
from conftest import ROOT, only_json
from hypothesis import given, settings, strategies as st
from in_process import invoke

from textforge import PLUGIN_API, PluginManager, RecipeError, StorageError, hookimpl, load_recipe
from textforge_standard.commands.plugin import command, new
from textforge_standard.commands.plugin.scaffold import KINDS, PLURALS, TEMPLATES, Plugin, files

EVERY = tuple(word for kind in KINDS for word in ("--kind", kind))
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,2}", fullmatch=True)
LINES = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=80)


def call(*arguments: object) -> str:
    """What the command prints; what it raises is raised."""
    return CliRunner().invoke(command, ["new", *map(str, arguments)], catch_exceptions=False).stdout


def refused(*arguments: object) -> str:
    with pytest.raises(RecipeError) as told:
        call(*arguments)
    assert "\n" not in str(told.value)
    return str(told.value)


def stated(plugin: Plugin) -> dict[str, dict[str, str]]:
    """The entry points of the written distribution, by group."""
    return tomllib.loads(files(plugin)["pyproject.toml"])["project"]["entry-points"]


def module_of(plugin: Plugin) -> ModuleType:
    """The written module, imported from its text."""
    module = ModuleType(plugin.module)
    exec(compile(files(plugin)[f"src/{plugin.module}/__init__.py"], plugin.module, "exec"), vars(module))
    return module


def registered(plugin: Plugin, manager: PluginManager) -> ModuleType:
    """The written module, after the parts that its distribution states are registered as if it were installed."""
    module = module_of(plugin)
    hooks = {}
    for group, points in stated(plugin).items():
        found = {name: getattr(module, value.removeprefix(f"{plugin.module}:")) for name, value in points.items()}
        hooks[group.replace(".", "_")] = hookimpl(lambda found=found: found)
    manager.register(SimpleNamespace(**hooks, TEXTFORGE_API=module.TEXTFORGE_API), plugin.name)
    return module


# -- what it writes --------------------------------------------------------------------------------


def test_the_files_are_written_and_the_next_commands_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = call("mean-pool", "--kind", "model")
    written = sorted(str(p.relative_to("textforge-mean-pool")) for p in Path().rglob("*") if p.is_file())
    assert written == [
        ".github/workflows/test.yml", ".gitignore", "LICENSE", "README.md", "pyproject.toml", "recipe.yaml",
        "src/textforge_mean_pool/__init__.py", "tests/test_mean_pool.py", "tests/test_mean_pool_wheel.py",
    ]  # fmt: skip
    listing, _, after = told.partition("\n\nnext:\n")
    assert [line.strip() for line in listing.splitlines()[1:]] == written
    assert after == ("  cd textforge-mean-pool\n  pip install -e '.[test]'\n  pytest && textforge run recipe.yaml\n")


def test_the_name_may_be_that_of_the_distribution_and_json_is_one_object(tmp_path):
    short, long = (json.loads(call(name, "--kind", "loss", "--kind", "model", "--out", tmp_path / name, "--json"))
                   for name in ("robust", "textforge-robust"))  # fmt: skip
    assert short["distribution"] == long["distribution"] == "textforge-robust"
    assert short["module"] == "textforge_robust"
    assert short["folder"] == str(tmp_path / "robust")
    for name in short["files"]:
        assert (tmp_path / "robust" / name).read_bytes() == (tmp_path / "textforge-robust" / name).read_bytes()


def test_every_kind_of_component_is_offered():
    from textforge.components.kinds import COMMAND, KINDS as PARTS

    assert set(KINDS) == {*PARTS, COMMAND.name}
    assert {path.name for path in (TEMPLATES / "kinds").iterdir()} == set(KINDS)


def test_whatever_is_written_is_clean_and_formatted(tmp_path):
    """Each kind alone and all of them, under the shortest and the longest name, and a kind's own."""
    for number, kinds in enumerate([*((kind,) for kind in KINDS), KINDS]):
        for name in ("a", "x" * 33 + "-" + "y" * 6, kinds[0]):
            new.write(tmp_path / f"{number}-{name}", files(Plugin(name=name, kinds=kinds)))
    for arguments in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


@given(st.sets(st.sampled_from(KINDS), min_size=1), NAMES, LINES, LINES, st.sampled_from(["apache", "mit"]))
@settings(max_examples=30)
def test_any_plugin_reads_back(kinds, name, description, author, licence):
    author = re.sub("[<>]", "", author).strip()
    plugin = Plugin(
        name=name,
        kinds=tuple(kind for kind in KINDS if kind in kinds),
        description=description.strip(),
        author=f"{author} <a@b.org>",
        license=licence,
    )
    written = files(plugin)
    project = tomllib.loads(written["pyproject.toml"])["project"]
    assert project["description"] == description.strip() or not description.strip()
    assert project["authors"] == [{**({"name": author} if author else {}), "email": "a@b.org"}]
    assert {f"textforge.{PLURALS.get(kind, f'{kind}s')}" for kind in kinds} == set(project["entry-points"])
    for points in project["entry-points"].values():
        assert list(points) == [name]
        assert points[name].startswith(f"{plugin.module}:")
    for path, text in written.items():
        if path.endswith(".py"):
            ast.parse(text)
            assert "$" not in text, path
    recipe = yaml.safe_load(written["recipe.yaml"])
    assert {"dataset", "vectorizer", "model", "optimizer", "trainer"} <= set(recipe)
    assert {"test", "wheel"} == {*yaml.safe_load(written[".github/workflows/test.yml"])["jobs"]}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "command"])
def test_the_readme_tells_every_option_with_its_default_and_what_it_does(kind):
    plugin = Plugin(name="my-own", kinds=(kind,))
    manager = PluginManager(entry_points=False)
    registered(plugin, manager)
    (component,) = manager.components(kind)
    written = dict(component.options.defaults())
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", files(plugin)["README.md"], re.MULTILINE)
    documented = {name: yaml.safe_load(default) for name, default, _ in rows}
    assert documented == {name: list(v) if isinstance(v, tuple) else v for name, v in written.items()}
    fields = component.options.own(component.options.fields)
    assert {name: f"{doc}." for name, _, doc in rows} == {n: o.doc for n, o in fields.items()}
    assert component.options.facts or kind in ("vectorizer", "preprocessor")


@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), ("vectorizer", "model"), KINDS], ids="-".join)
def test_the_module_fits_this_textforge_and_its_recipe_names_all_of_it(tmp_path, kinds):
    plugin = Plugin(name="all-of-it", kinds=kinds)
    manager = PluginManager()
    assert registered(plugin, manager).TEXTFORGE_API == PLUGIN_API
    assert manager.broken == PluginManager().broken
    new.write(tmp_path / "x", files(plugin))
    recipe = load_recipe(tmp_path / "x" / "recipe.yaml", plugins=manager)
    nested = (inner for part in recipe.parts.values() for _, inner in part.parts)
    parts = (*recipe.parts.values(), *nested, *recipe.metrics, *recipe.callbacks)
    used = {part.component.kind.name for part in parts if part.component.name == "all-of-it"}
    assert used == set(kinds) - {"command"}


def test_the_module_is_imported_without_anything_heavy(tmp_path):
    new.write(tmp_path / "x", files(Plugin(name="light", kinds=KINDS)))
    code = "import sys, textforge_light; print({'torch', 'numpy', 'pydantic', 'polars'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "x" / "src", capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_the_wheel_holds_the_package_folder_and_the_source_distribution_all(tmp_path):
    call("packed", *EVERY, "--out", tmp_path / "p", "--author", "Ada Lovelace <ada@example.org>")
    package = tmp_path / "p" / "src" / "textforge_packed"
    (package / "second.py").write_text("")
    (package / "words.txt").write_text("a b")
    (tmp_path / "p" / "runs").mkdir()
    (tmp_path / "p" / "runs" / "big.txt").write_text("not to be shipped")
    build = [sys.executable, "-m", "hatchling", "build", "-d", tmp_path]
    subprocess.run(build, cwd=tmp_path / "p", check=True, capture_output=True)
    with zipfile.ZipFile(tmp_path / "textforge_packed-0.1.0-py3-none-any.whl") as wheel:
        names = [name for name in wheel.namelist() if ".dist-info/" not in name]
        read = {Path(name).name: wheel.read(name).decode() for name in wheel.namelist()}
    assert names == [f"textforge_packed/{name}" for name in ("__init__.py", "second.py", "words.txt")]
    assert "[textforge.models]\npacked = textforge_packed:packed_model\n" in read["entry_points.txt"]
    assert read["LICENSE"] == (ROOT / "LICENSE").read_text()
    for line in ("License-Expression: Apache-2.0", "Author-email: Ada Lovelace <ada@example.org>",
                 "Requires-Dist: textforge>=0.1", "Description-Content-Type: text/markdown"):  # fmt: skip
        assert line in read["METADATA"].splitlines(), line
    with tarfile.open(tmp_path / "textforge_packed-0.1.0.tar.gz") as source:
        shipped = {name.partition("/")[2] for name in source.getnames()}
    added = {f"src/textforge_packed/{name}" for name in ("second.py", "words.txt")}
    assert shipped == {*files(Plugin(name="packed", kinds=KINDS)), *added, "PKG-INFO"}


def test_the_licences_are_whole(tmp_path):
    apache = files(Plugin(name="x", kinds=("loss",), author="Ada"))
    assert apache["LICENSE"] == (ROOT / "LICENSE").read_text()
    mit = files(Plugin(name="x", kinds=("loss",), author="Ada <a@b.org>", license="mit"))
    assert mit["LICENSE"].startswith(f"MIT License\n\nCopyright (c) {date.today().year} Ada\n\nPermission is hereby ")
    assert mit["LICENSE"].endswith("DEALINGS IN THE\nSOFTWARE.\n")
    assert '\nlicense = "MIT"\n' in mit["pyproject.toml"]
    assert "MIT; see" in mit["README.md"]
    nobody = files(Plugin(name="x", kinds=("loss",), license="mit"))
    assert f"{date.today().year} the authors of textforge-x\n" in nobody["LICENSE"]
    assert "authors" not in tomllib.loads(nobody["pyproject.toml"])["project"]


# -- what it refuses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Mean_Pool", "mean-pool"), ("mean--pool", "mean-pool"), ("-pool", "pool"), ("pool-", "pool"),
        ("Word2", "word2"), ("4ever", "ever"), ("größe", "gr-e"), ("a b", "a-b"), ("../up", "up"), ("", ""),
        ("textforge-", ""), ("x" * 41, "x" * 40), ("textforge_pool", "pool"), ("$name", "name"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_name_is_refused_with_what_can(tmp_path, monkeypatch, name, meant):
    monkeypatch.chdir(tmp_path)
    told = refused("--kind", "model", "--", name)
    assert told.startswith(f"'{name}' cannot be a plugin's name: ")
    assert told.endswith(f" Did you mean '{meant}'?" if meant else "such as 'mean-pool'.")
    assert not meant or new.checked_name(meant) == meant
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["mlp", "--kind", "model"],
            "model 'mlp' is installed already, from textforge 0.1.0, so that yours could be "
            "used only as 'textforge-mlp/mlp'.",
        ),
        (["init", "--kind", "command"], "command 'init' is installed already"),
        (["standard", "--kind", "model"], "a Python module 'textforge_standard' is installed already."),
    ],
)
def test_a_name_that_is_taken_is_refused(tmp_path, arguments, says):
    told = refused(*arguments, "--out", tmp_path / "x")
    assert told.startswith(says)
    assert told.endswith("Choose another name.")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("word", ["null", "true", "false"])
def test_a_name_that_a_recipe_would_read_otherwise_is_refused(tmp_path, word):
    assert "'use: " in refused(word, "--kind", "model", "--out", tmp_path / "x")
    call(f"{word}-model", "--kind", "model", "--out", tmp_path / "x")


def test_a_name_taken_by_another_kind_is_free(tmp_path):
    call("mlp", "--kind", "loss", "--out", tmp_path / "x")
    assert '"textforge.losses"]\nmlp = "textforge_mlp:mlp_loss"' in (tmp_path / "x" / "pyproject.toml").read_text()


def test_a_command_of_textforge_itself_is_taken_too(tmp_path):
    done = invoke("plugin", "new", "run", "--kind", "command", "--out", tmp_path / "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: textforge already has a command 'run'. Choose another name.\n"


def test_a_folder_with_anything_in_it_is_left_as_it_is(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    told = refused("mine", "--kind", "model", "--out", tmp_path)
    assert told == f"{tmp_path}: is a folder that is not empty; nothing is overwritten. Name another folder with --out."
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    told = refused("mine", "--kind", "model", "--out", tmp_path / "README.md")
    assert "exists already and is not a folder" in told
    assert (tmp_path / "README.md").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path):
    call("mine", "--kind", "model", "--out", tmp_path)
    assert (tmp_path / "pyproject.toml").is_file()


@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch, there):
    folder = tmp_path / "x"
    if there:
        folder.mkdir()
    write_text = Path.write_text

    def full(path: Path, *arguments, **options):
        if path.name == "recipe.yaml":
            raise OSError(28, "No space left on device")
        return write_text(path, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StorageError, match="cannot be written: No space left on device"):
        call("mine", "--kind", "model", "--out", folder)
    assert folder.exists() == there
    assert not there or not any(folder.iterdir())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--author", "Ada <ada>"], "--author 'Ada <ada>': write it as 'Ada Lovelace <ada@example.org>', or "),
        (["--author", "Ada\nLovelace"], "--author must be one line"),
        (["--description", "one\ntwo"], "--description must be one line"),
        (["--description", "x" * 501], "at most 500 printable letters"),
    ],
)
def test_what_pyproject_could_not_hold_is_refused(tmp_path, options, says):
    assert says in refused("mine", "--kind", "model", "--out", tmp_path / "x", *options)
    assert not (tmp_path / "x").exists()


def test_the_command_line_tells_what_is_missing_or_misspelled(tmp_path):
    shown = invoke("plugin", "new", "x", "--kind", "modle")
    assert shown.returncode == 2
    assert "'modle' is not one of 'dataset', 'vectorizer', 'model'" in shown.stderr
    shown = invoke("plugin", "mew")
    assert shown.returncode == 2
    assert "no command 'plugin mew'." in shown.stderr
    assert "Did you mean 'new'?" in shown.stderr
    done = invoke("plugin", "new", "x", "--kind", "loss", "--json", "--out", tmp_path / "x y")
    assert only_json(done.stdout)["folder"] == str(tmp_path / "x y")
