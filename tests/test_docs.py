"""What the documentation shows is what happens."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, make_texts, only_json, shipped, textforge
from in_process import invoke

README = (ROOT / "README.md").read_text()
DOCS = ROOT / "docs"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def section(text: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, title
    return found[1]


def test_what_is_made_from_the_code_is_up_to_date() -> None:
    """In a process of its own: click remembers how a command's help was asked for first."""
    done = subprocess.run([sys.executable, DOCS / "generate.py", "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "### model: mlp" in (DOCS / "parts.md").read_text()


def test_every_option_that_ships_is_documented() -> None:
    from textforge.components.kinds import KINDS
    from textforge.components.manager import PluginManager

    plugins = PluginManager()
    for kind in KINDS:
        for component in plugins.components(kind):
            if component.origin.distribution == "textforge":
                assert component.doc, component.label
                undocumented = [o.name for o in component.options.fields.values() if not o.doc]
                assert not undocumented, (component.label, undocumented)


def test_links_between_pages_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *DOCS.glob("*.md")):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


# -- README ------------------------------------------------------------------------------------


def test_readme_counts_the_parts_that_ship() -> None:
    plugins = shipped()
    counts = {kind: len(plugins.names(kind)) for kind in ("optimizer", "scheduler", "loss", "metric")}
    told = "{optimizer} optimizers, {scheduler} schedulers, {loss} losses, {metric} metrics".format(**counts)
    assert told in README
    assert told in (ROOT / "CHANGELOG.md").read_text()


def test_readme_shows_the_first_recipe_as_it_is(tmp_path: Path) -> None:
    from textforge import load_recipe

    shown = tmp_path / "shown.yaml"
    shown.write_text(blocks(section(README, "The first recipe"), "yaml")[0])
    assert load_recipe(shown).resolved() == load_recipe(ROOT / "recipes/newsgroups.yaml").resolved()


@pytest.mark.corpus
def test_readme_shows_the_first_recipes_real_output(corpus: Path, tmp_path: Path) -> None:
    done = textforge("run", "recipes/newsgroups.yaml", "--out", tmp_path / "run", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    shown = blocks(section(README, "The first recipe"), "console")[0].splitlines()
    real = ["$ textforge run recipes/newsgroups.yaml", *done.stderr.splitlines(), *done.stdout.splitlines()]
    # Another processor rounds otherwise, so figures may differ a little; all else is the same.
    number = re.compile(r"\d+\.\d+")
    fixed = [re.sub(r"\s+", " ", number.sub("#", line)) for line in shown]
    again = [re.sub(r"\s+", " ", number.sub("#", line)) for line in real]
    confusion = fixed.index("confusion (row: gold, column: predicted) [1] [2] [3]")
    assert again[: confusion + 1] == fixed[: confusion + 1]
    accuracy = [float(re.search(r"test accuracy ([\d.]+)", "\n".join(lines))[1]) for lines in (shown, real)]
    assert accuracy[0] == pytest.approx(accuracy[1], abs=0.03)
    reaches_the_articles_accuracy(tmp_path / "run")


def reaches_the_articles_accuracy(run: Path) -> None:
    """What recipes/newsgroups.yaml, run on the real corpus, comes to."""
    from textforge import load

    result = json.loads((run / "result.json").read_text())
    assert (result["n_train"], result["test"]["n"]) == (1774, 1180)
    assert result["test"]["accuracy"] > 0.88
    assert result["test"]["macro_f1"] > 0.88
    assert sorted(result["labels"]) == ["comp.graphics", "rec.sport.baseball", "sci.space"]
    assert load(run).predict(["the shuttle reached orbit around the moon"]) == ["sci.space"]


def test_readme_shows_the_real_words_of_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    command, *shown = blocks(section(README, "Swapping parts"), "console")[1].splitlines()
    monkeypatch.chdir(ROOT)
    done = invoke(*command.removeprefix("$ textforge ").split())
    assert done.returncode == 2
    assert done.stderr.splitlines() == shown


def test_readme_commands_for_a_csv_file_lead_to_predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts, labels = make_texts(120)
    rows = [f'"{text}, as ever",{label}' for text, label in zip(texts, labels, strict=True)]
    (tmp_path / "reviews.csv").write_text("review,stars\n" + "\n".join(rows) + "\n")
    (tmp_path / "texts.txt").write_text("the moon\na bat\n")
    for command in blocks(section(README, "Your own text"), "console")[0].splitlines():
        words = command.removeprefix("$ textforge ").partition("#")[0].split()
        words = [str(next((tmp_path / "runs" / "reviews").iterdir())) if w.startswith("runs/") else w for w in words]
        done = invoke(*words)
        assert done.returncode == 0, done.stderr
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["space", "ball"]


@pytest.mark.slow
def test_readme_plugin_installs_and_trains(tmp_path: Path, recipe_file: Path) -> None:
    package, site = tmp_path / "package", tmp_path / "site"
    package.mkdir()
    shown = section(README, "A plugin")
    (package / "textforge_mean_pool.py").write_text(blocks(shown, "python")[0])
    (package / "pyproject.toml").write_text(blocks(shown, "toml")[0])
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), str(package)], check=True, capture_output=True)
    env = {"PYTHONPATH": str(site)}
    listed = textforge("plugins", "model", env=env)
    assert "mean-pool" in listed.stdout and "textforge-mean-pool 0.1" in listed.stdout
    done = textforge("run", recipe_file, "-s", "model={use: mean-pool, dim: 50}", "--json", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert only_json(done.stdout)["n_parameters"] > 50


def shorter(folder: Path, name: str, sections: dict) -> None:
    """Write a recipe that ships into `folder`/recipes, with sections that make it train in a moment."""
    (folder / "recipes").mkdir(exist_ok=True)
    recipe = {"extends": str(ROOT / "recipes" / f"{name}.yaml"), **sections}
    (folder / "recipes" / f"{name}.yaml").write_text(yaml.safe_dump(recipe))


@pytest.mark.corpus
def test_readme_code_with_a_recipe_runs(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorter(tmp_path, "newsgroups", {"trainer": {"epochs": 3}})
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(blocks(section(README, "In code"), "python")[0], names)
    assert names["run"].test["accuracy"] > 0.85
    assert names["clf"].predict(["the shuttle launch"]) == ["sci.space"]


def test_readme_code_without_a_recipe_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(blocks(section(README, "In code"), "python")[1], names)
    assert names["clf"].predict(["the moon", "a bat"]) == ["space", "ball"]
    assert names["textforge"].load("runs/ball-or-space").predict(["a bat"]) == ["ball"]


# -- docs --------------------------------------------------------------------------------------


def test_code_page_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorter(tmp_path, "newsgroups", {})
    shorter(tmp_path, "quickstart", {"dataset": {"packages": ["numpy", "sklearn"]}})
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for code in blocks((DOCS / "code.md").read_text(), "python"):
        exec(code, names)
    assert len(list(tmp_path.glob("runs/quickstart/*/result.json"))) == 5
    assert (tmp_path / "runs" / "my-bundle" / "bundle.json").is_file()


def offering(components: dict) -> Callable[[], dict]:
    """A hook implementation that gives these components."""
    import textforge

    return textforge.hookimpl(lambda: components)


def test_recipe_page_lists_what_a_run_writes(finished_run: Path) -> None:
    text = section((DOCS / "recipes.md").read_text(), "The run folder")
    result = json.loads((finished_run / "result.json").read_text())
    epoch = json.loads((finished_run / "metrics.jsonl").read_text().splitlines()[0])
    row = json.loads((finished_run / "predictions.jsonl").read_text().splitlines()[0])
    files = [path.name for path in finished_run.iterdir()]
    for name in (*result, *result["test"], *result["seconds"], *epoch, *row, *files):
        assert f"`{name}" in text, name


def test_recipe_page_examples_are_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from textforge import load_recipe

    text = (DOCS / "recipes.md").read_text()
    first, second, nested, calibrated, slower, continued, called, decided = blocks(text, "yaml")
    earlier = yaml.safe_load(continued)["init_from"]
    (tmp_path / earlier).mkdir(parents=True)
    (tmp_path / "continued.yaml").write_text(f"extends: newsgroups.yaml\n{continued}")
    (tmp_path / "newsgroups.yaml").write_text(first)
    (tmp_path / "wide.yaml").write_text(second)
    (tmp_path / "decided.yaml").write_text(f"extends: newsgroups.yaml\n{decided}")
    assert yaml.safe_load(called)["callbacks"][0] == "tensorboard"  # of a plugin of its own
    load_recipe(tmp_path / "newsgroups.yaml")
    start = load_recipe(tmp_path / "continued.yaml").init_from
    assert start is not None
    assert (start.run, start.vocabulary) == (tmp_path / earlier, "keep")
    wide = load_recipe(tmp_path / "wide.yaml").resolved()
    assert wide["model"]["hidden"] == [500] and wide["optimizer"]["use"] == "sgd"
    assert yaml.safe_load(first)["vectorizer"]["use"] == wide["vectorizer"]["use"]
    assert load_recipe(tmp_path / "decided.yaml").decision.abstain == 0.6
    for name, text in (("nested", nested), ("calibrated", calibrated), ("slower", slower)):
        (tmp_path / f"{name}.yaml").write_text(text)
    assert load_recipe(tmp_path / "calibrated.yaml").model.options["of"].component.name == "linear"
    inner = load_recipe(tmp_path / "slower.yaml").optimizer.options["of"]
    assert (inner.component.name, inner.options["lr"]) == ("adam", 0.001)
    (shown,) = re.findall(r"^\$ textforge (check nested.*)", (DOCS / "recipes.md").read_text(), re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    done = invoke(*shlex.split(shown), "--resolved")
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["vectorizer"]["of"][0]["ngrams"] == [1, 3]


def test_architecture_page_lists_every_module() -> None:
    shown = blocks(section((DOCS / "architecture.md").read_text(), "Rooms"), "text")[0]
    folder, found = "", []
    for indent, name in re.findall(r"^( +)(\S+)  ", shown, re.MULTILINE):
        found.append(name if len(indent) == 2 else f"{folder}{name}")
        folder = name if len(indent) == 2 else folder
    package = ROOT / "textforge"
    entries = [path for path in (*package.glob("*"), *package.glob("*/*")) if "__pycache__" not in path.parts]
    real = {f"{path.relative_to(package)}{'/' if path.is_dir() else ''}" for path in entries}
    assert sorted(found) == sorted(path for path in real if not path.endswith("/__init__.py"))
