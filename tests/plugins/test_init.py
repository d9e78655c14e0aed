"""`textforge init`: from data that nobody described to a recipe that trains."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from conftest import ROOT, make_texts, only_json, write_csv
from hypothesis import given, strategies as st
from in_process import invoke

import textforge as library
from textforge import DataError, PluginManager, RecipeError, StorageError, load_recipe
from textforge_standard.commands import init
from textforge_standard.commands.init_recipe import yaml_value

TEXTS, LABELS = make_texts(240)
RNG = random.Random(0)
SETS = [sorted({label, *RNG.sample(["long", "new"], RNG.randrange(3))}) for label in LABELS]


def call(*arguments: object) -> str:
    """What the command prints; what it raises is raised."""
    return CliRunner().invoke(init.command, list(map(str, arguments)), catch_exceptions=False).stdout


def rows(path: Path, header: list[str] | None, *columns: list[object], **options: object) -> Path:
    encoding = options.pop("encoding", "utf-8")
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, **options)
        writer.writerows([*([header] if header else []), *zip(*columns, strict=True)])
    return path


def lines(path: Path, objects: list[dict]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in objects))
    return path


def tree(folder: Path, labels: list[str] = LABELS) -> Path:
    for number, (text, label) in enumerate(zip(TEXTS, labels, strict=True)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{number}.txt").write_text(text)
    return folder


def packed(path: Path) -> Path:
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return path.with_name(path.name + ".gz")


def splits(folder: Path, names: tuple[str, ...], label: str = "label") -> Path:
    folder.mkdir()
    for name in names:
        rows(folder / f"{name}.csv", ["text", "label" if name == "train" else label], TEXTS, LABELS)
    return folder


def frame() -> pl.DataFrame:
    return pl.DataFrame({"post": [{"body": text} for text in TEXTS], "topic": LABELS, "id": range(240)})


PLAIN = {"text": "text", "label": "label"}
FLAGS = {name: [int(name in one) for one in SETS] for name in ("ball", "long", "new", "paint", "space")}
KINDS = {
    "csv": (lambda p: write_csv(p / "d.csv", TEXTS, LABELS), {"use": "csv", **PLAIN}),
    "csv.gz": (lambda p: packed(write_csv(p / "d.csv", TEXTS, LABELS)), {"use": "csv", **PLAIN}),
    "semicolons": (
        lambda p: rows(p / "d.csv", ["Größe", "text"], LABELS, [f"{t}; é" for t in TEXTS], delimiter=";",
                       encoding="cp1252"),
        {"use": "csv", "separator": ";", "encoding": "cp1252", "text": "text", "label": "Größe"},
    ),
    "UTF-16": (lambda p: rows(p / "d.csv", ["text", "label"], TEXTS, LABELS, encoding="utf-16"),
               {"use": "csv", "encoding": "utf-16", **PLAIN}),
    "no header": (lambda p: rows(p / "d.csv", None, range(240), TEXTS, LABELS),
                  {"use": "csv", "names": ["column_1", "column_2", "column_3"], "text": "column_2",
                   "label": "column_3"}),
    "tsv": (lambda p: rows(p / "d.tsv", ["label", "text"], LABELS, TEXTS, delimiter="\t"), {"use": "tsv", **PLAIN}),
    "plain quotes": (
        lambda p: rows(p / "d.tsv", ["label", "text"], LABELS, [f'"{t}' for t in TEXTS], delimiter="\t",
                       quoting=csv.QUOTE_NONE, quotechar=None),
        {"use": "tsv", "quotes": False, **PLAIN},
    ),
    "jsonl": (
        lambda p: lines(p / "d.jsonl", [{"meta": {"label": b}, "text": a} for a, b in zip(TEXTS, LABELS, strict=True)]),
        {"use": "jsonl", "text": "text", "label": "meta.label"},
    ),
    "lists": (lambda p: lines(p / "d.ndjson", [{"tags": b, "text": a} for a, b in zip(TEXTS, SETS, strict=True)]),
              {"use": "jsonl", "text": "text", "label": "tags"}),
    "several in one": (lambda p: rows(p / "d.csv", ["text", "tags"], TEXTS, ["|".join(one) for one in SETS]),
                       {"use": "csv", "text": "text", "label": "tags", "label_separator": "|"}),
    "flags": (lambda p: rows(p / "d.csv", ["comment", *FLAGS], TEXTS, *FLAGS.values()),
              {"use": "csv", "text": "comment", "label": list(FLAGS)}),
    "parquet": (lambda p: frame().write_parquet(p / "d.parquet") or p / "d.parquet",
                {"use": "parquet", "text": "post.body", "label": "topic"}),
    "folder": (lambda p: tree(p / "d"), {"use": "folder"}),
    "folder of splits": (lambda p: tree(p / "d" / "train") and tree(p / "d" / "test") and p / "d", {"use": "folder"}),
    "fasttext": (
        lambda p: (p / "d.txt").write_text("\n".join(f"__label__{b} {a}" for a, b in zip(TEXTS, LABELS, strict=True)))
        and p / "d.txt",
        {"use": "fasttext"},
    ),
    "two files": (lambda p: splits(p / "d", ("train", "test")), {"use": "csv", "test": "d/test.csv", **PLAIN}),
    "test without labels": (lambda p: splits(p / "d", ("train", "test"), label="sentiment"), {"use": "csv", **PLAIN}),
}  # fmt: skip
SEVERAL = {"lists", "several in one", "flags"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_recipe_for_any_data_passes_check_and_trains(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    make, section = KINDS[kind]
    data = make(tmp_path)
    told = only_json(call(data.relative_to(tmp_path), "--json"))
    recipe = load_recipe("d.yaml")
    assert told["recipe"] == "d.yaml"
    train = {"train": "d/train.csv" if kind in ("two files", "test without labels") else data.name}
    assert told["dataset"] == {**train, **section}
    assert recipe.dataset.component.name == section["use"]
    run = library.run("d.yaml", out=tmp_path / "run", overrides={"trainer.epochs": 5})
    assert run.test["macro_f1"] > (0.5 if kind in SEVERAL else 0.9)
    assert (recipe.decision.threshold == "f1") == (kind in SEVERAL)
    assert all(ord(c) < 128 or c.isprintable() for c in Path("d.yaml").read_text())


def test_texts_without_a_label_are_kept_where_a_text_may_have_several(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sets = ["" if n % 4 == 0 else "|".join(one) for n, one in enumerate(SETS)]
    told = only_json(call(rows(tmp_path / "d.csv", ["text", "tags"], TEXTS, sets).name, "--json"))
    assert told["dataset"] == {"use": "csv", "train": "d.csv", "text": "text", "label": "tags", "label_separator": "|"}
    assert any("60 of 240 rows have none of the labels." in remark for remark in told["remarks"])
    run = library.run("d.yaml", out=tmp_path / "run", overrides={"trainer.epochs": 1})
    assert run.test["n"] == 48 and run.result["n_train"] + round(0.1 * 192) == 192
    assert '"gold": []' in (run.path / "predictions.jsonl").read_text()


def test_the_recipe_says_what_was_seen_and_what_to_type(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = ["rare" if n < 12 else label for n, label in enumerate(LABELS)]
    rows(tmp_path / "d.csv", ["id", "review", "topic", "tone"], range(240), TEXTS,
         ["" if n % 20 == 19 else label for n, label in enumerate(labels)], ["good", "bad"] * 120)  # fmt: skip
    shown = call("d.csv")
    written = Path("d.yaml").read_text()
    assert shown.startswith("wrote d.yaml\n")
    assert shown.endswith("next:\n  textforge check d.yaml\n  textforge run d.yaml\n")
    for part in (
        "240 rows; columns: id, review, topic, tone.",
        "test texts; 4 classes, with their training texts: ",
        "rare 9",
        "Half of the texts have at most 9 words",
        "The classes are unbalanced",
        "set 'label: tone'",
        "0 of 240 rows have no text, 12 no label",
        " of 228 rows, stratified by label, are held out for the test.",
    ):
        assert part in " ".join(shown.split()) and part in " ".join(written.replace("#  ", "").split()), part
    for line in (
        "missing: drop                 # 12 rows have no text or no label",
        "  use: calibrated",
        "textforge run",
    ):
        assert line in written


def test_data_without_anything_odd_are_not_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "d.csv", TEXTS, LABELS)
    shown = call("d.csv")
    assert "unbalanced" not in shown and "left out" not in shown and "missing" not in Path("d.yaml").read_text()


def test_a_few_texts_are_all_trained_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "d.csv", ["the red one", "a green one", "the blue one", "two of them"], ["x", "y", "x", "y"])
    call("d.csv")
    recipe = load_recipe("d.yaml")
    assert recipe.dataset.options["test_fraction"] == 0 and recipe.trainer.validation == 0
    library.run("d.yaml", out=tmp_path / "run")


def test_small_splits_repeats_and_conflicting_labels_are_remarks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "d.csv", [*TEXTS[:60], *["one text"] * 8], [*LABELS[:60], *["ball", "space"] * 4])
    remarks = only_json(call("d.csv", "--json"))["remarks"]
    for part in (
        "test has 14 texts: ",
        " repeat an earlier one word for word",
        " have another label elsewhere in train",
    ):
        assert sum(part in remark for remark in remarks) == 1, part


def test_paths_are_relative_to_the_recipe(tmp_path, monkeypatch):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data" / "d.csv", TEXTS, LABELS)
    monkeypatch.chdir(tmp_path / "data")
    call("d.csv", "-o", "../recipes/mine.yaml")
    assert "train: ../data/d.csv\n" in (tmp_path / "recipes" / "mine.yaml").read_text()
    assert load_recipe(tmp_path / "recipes" / "mine.yaml").dataset.build({"seed": 0}).train[0]


# -- what goes wrong ---------------------------------------------------------------------------


def test_nothing_is_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "d.csv", TEXTS, LABELS)
    (tmp_path / "d.yaml").write_text("mine")
    with pytest.raises(RecipeError, match=r"d\.yaml: exists already, and init overwrites no file\..* -o"):
        call("d.csv")
    with pytest.raises(RecipeError, match=r"d\.yaml: exists already"):  # made meanwhile
        init.write(Path("d.yaml"), "other")
    assert (tmp_path / "d.yaml").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.csv", "d.yaml"]


def test_a_place_that_cannot_be_written_is_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = write_csv(tmp_path / "d.csv", TEXTS, LABELS)
    with pytest.raises(RecipeError, match="the folder nowhere does not exist"):
        call(data, "-o", "nowhere/d.yaml")
    plain = Path.open

    def full(path, mode="r", **options):
        file = plain(path, mode, **options)
        if mode == "x":
            file.close()
            return Full()
        return file

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageError, match=r"d\.yaml: cannot be written: No space left on device"):
        call(data)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.csv"]


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("photo.png", b"\x89PNG\r\n", ["no dataset recognizes this", "csv, excel, fasttext", ".jsonl"]),
        ("notes.txt", b"just text\n", ["its lines are not labelled texts", "i feel fine;joy"]),
        ("d.csv", b"text,label\n\"a, red\",x\n\"green\n", ["line 3", "quote"]),
        ("d.csv", b"", ["is empty"]),
        ("d.csv", b"id,text\n" + b"".join(b"%d,word %d of a text\n" % (n, n) for n in range(9)), ["looks like labels"]),
        ("d.csv", b"text,label\n" + b"a red one,x\n" * 30, ["'label' has one label only"]),
        ("d.csv", b"name,sort\n" + b"a red one,x\n" * 30, ["no column looks like", "'name' (1 distinct value)"]),
        ("d.jsonl", b"{}\n[]\n", ["line 2: a list, not an object"]),
        ("d.parquet", b"PAR1", ["is no Parquet file"]),
    ],
)  # fmt: skip
def test_data_that_make_no_recipe_are_reported_in_one_sentence(tmp_path, monkeypatch, name, content, parts):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as told:
        call(name)
    assert "\n" not in str(told.value)
    assert [part for part in parts if part not in str(told.value)] == []
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_data_that_are_not_there_are_reported(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        call(tmp_path / "nowhere.csv")


def test_an_empty_folder_is_reported(tmp_path):
    with pytest.raises(DataError, match="no dataset recognizes this"):
        call(tmp_path)


class Full(io.StringIO):
    """A file on a full disk."""

    def write(self, _):
        raise OSError(28, "No space left on device")


# -- other people's datasets -------------------------------------------------------------------


class Plugin:
    """Two datasets of another's: one that knows .odd files, one whose look_at is broken."""

    @library.hookimpl
    def textforge_datasets(self):
        def odd(*, file: Path, lines: int = 3):
            """Odd files."""
            print("loading")
            return library.Dataset(train=(TEXTS, LABELS))

        def broken():
            """Never works."""
            raise AssertionError

        odd.look_at = lambda path: {"options": {"file": path, "lines": 7}} if path.suffix == ".odd" else None
        broken.look_at = lambda path: 1 / 0
        return {"odd": odd, "broken": broken}


@pytest.fixture
def with_plugin(monkeypatch):
    def manager():
        plugins = PluginManager()
        plugins.register(Plugin())
        return plugins

    monkeypatch.setattr(library, "PluginManager", manager)


def test_a_plugins_dataset_is_asked_too_and_a_broken_one_disturbs_nobody(tmp_path, monkeypatch, with_plugin):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.odd").write_text("?")
    told = only_json(call("d.odd", "--json"))
    assert told["dataset"] == {"use": "odd", "file": "d.odd", "lines": 7}
    assert "240 train texts; 3 classes" in told["remarks"][0]


def test_a_broken_look_at_is_named_where_nothing_else_knows(tmp_path, with_plugin):
    (tmp_path / "d.what").write_text("?")
    with pytest.raises(DataError, match=r"dataset 'broken' from this program failed to inspect .*: division by zero"):
        call(tmp_path / "d.what")


def test_a_package_that_a_dataset_lacks_is_named_with_what_to_install(tmp_path, monkeypatch):
    def without_polars(path):
        raise ModuleNotFoundError("No module named 'polars'", name="polars")

    monkeypatch.setattr("textforge_standard.datasets.parquet.parquet.look_at", without_polars)
    (tmp_path / "d.parquet").write_text("?")
    with pytest.raises(DataError, match=r"dataset 'parquet' .* needs polars, which is not installed\. Install it: pip"):
        call(tmp_path / "d.parquet")


# -- what is written ---------------------------------------------------------------------------

VALUE = st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.none()


@given(value=VALUE | st.lists(VALUE, max_size=3))
def test_any_value_is_written_so_that_it_reads_back(tmp_path_factory, value):
    from textforge.recipes.document import read_document

    path = tmp_path_factory.getbasetemp() / "value.yaml"
    written = yaml_value(value)
    assert "\n" not in written
    odd = ("\ud800" <= c <= "\udfff" or (c > "\uffff" and not c.isprintable()) for c in str(value))
    if any(odd):  # halves of characters, which no file holds, and YAML's escapes beyond four digits
        return
    path.write_text(f"a:\n  value: {written}  # why\n", encoding="utf-8")
    assert read_document(path)[1].plain() == {"a": {"value": value}}


@pytest.mark.parametrize(
    "word", ["no", "null", "1e3", "0x1f", "a: b", "# c", "- d", "x #y", "~", "2020-01-01", "'", "a b"]
)
def test_words_with_a_meaning_in_yaml_are_quoted(tmp_path, word):
    rows(tmp_path / "d.csv", [word, "text"], LABELS, TEXTS)
    call(tmp_path / "d.csv", "-o", tmp_path / "d.yaml")
    assert load_recipe(tmp_path / "d.yaml").dataset.options["label"] == word


# -- all of it ---------------------------------------------------------------------------------


def test_reviews_go_from_a_file_to_predictions_with_init_run_predict_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = random.Random(0)
    words = {"good": ["lovely", "superb", "fine"], "bad": ["awful", "dull", "poor"]}
    data = [["no", "review", "verdict"]]
    for number in range(300):
        verdict = rng.choice(sorted(words))
        text = f'They said "{rng.choice(words[verdict])}",\nand then: "{rng.choice(words[verdict])}", film {number}'
        data.append([number, text, "" if number % 20 == 0 else verdict])
    with (tmp_path / "reviews.csv").open("w", newline="") as file:
        csv.writer(file).writerows(data)
    begun = invoke("init", "reviews.csv")
    assert begun.returncode == 0 and "15 no label" in begun.stdout, begun.stderr
    again = invoke("init", "reviews.csv")
    assert (again.returncode, again.stdout) == (2, "") and "exists already" in again.stderr
    trained = invoke("run", "reviews.yaml", "--json")
    assert trained.returncode == 0, trained.stderr
    result = only_json(trained.stdout)
    assert result["test"]["accuracy"] > 0.95
    predicted = invoke("predict", result["run"], "a superb film", "dull and poor")
    assert [line.split("\t")[0] for line in predicted.stdout.splitlines()] == ["good", "bad"]


def test_the_recipe_to_begin_with_is_in_the_package():
    from textforge_standard.commands.init_recipe import HEAD, LARGE, STRONG

    assert all(path.is_file() and path.parent.name == "commands" for path in (HEAD, STRONG, LARGE))


def test_the_recipe_is_the_strong_one_that_ships(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "d.csv", TEXTS, LABELS)
    call("d.csv")
    ours, shipped = (load_recipe(path).resolved() for path in ("d.yaml", ROOT / "recipes" / "strong.yaml"))
    for kind in ("vectorizer", "model", "optimizer", "trainer"):
        assert ours.get(kind) == shipped.get(kind), kind


def test_data_with_very_many_texts_get_a_recipe_that_trains_in_batches(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("textforge_standard.commands.init_recipe.MANY", 100)
    write_csv(tmp_path / "d.csv", TEXTS, LABELS)
    call("d.csv")
    recipe = load_recipe("d.yaml")
    assert recipe.optimizer is not None and recipe.trainer.validation == 0.1
    assert library.run("d.yaml", out="run").test["accuracy"] > 0.6


ANY_TEXT = {
    "emoji": (["😀😀👍🏽", "😡👎🏿"], "Emoji and other symbols count as words"),
    "single letters": (["I a", "c d"], None),
    "Chinese": (["这个电影很好看", "那个电影不好看"], "Han is written without spaces"),
    "Hindi": (["किताब पढ़ी", "कुताब पढ़ा"], "Devanagari 100%"),
    "Thai": (["ปีนี้ดี", "ปืนนี้แย่"], "Thai is written without spaces"),
    "Arabic": (["كَتَبَ كتاب", "كُتِبَ درس"], "Arabic 100%"),
}


@pytest.mark.parametrize("kind", ANY_TEXT)
def test_texts_of_any_script_get_a_recipe_that_tells_the_classes_apart(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    (good, bad), remark = ANY_TEXT[kind]
    write_csv(tmp_path / "d.csv", [good, bad] * 40, ["good", "bad"] * 40)
    shown = " ".join(call("d.csv").split())
    assert remark is None or remark in shown
    assert "at most 1 words" not in shown
    assert library.run("d.yaml", out="run").test["accuracy"] == 1.0


def test_labels_that_may_mean_missing_are_mentioned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "d.csv", TEXTS, ["N/A" if n % 10 == 0 else label for n, label in enumerate(LABELS)])
    assert "These labels may mean that the label is not known (training texts of each): 'N/A'" in " ".join(
        call("d.csv").split()
    )


def test_a_recipe_for_very_many_classes_is_tried_on_some_of_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried, plain = [], library.Trainer

    def trainer(dataset, *arguments, **options):
        tried.append(len(dataset.labels()))
        return plain(dataset, *arguments, **options)

    monkeypatch.setattr("textforge_standard.commands.init_check.CLASSES", 5)
    with monkeypatch.context() as patch:
        patch.setattr(library, "Trainer", trainer)
        write_csv(tmp_path / "d.csv", [f"a text of {n % 40}" for n in range(200)], [f"c{n % 40}" for n in range(200)])
        text = call("d.csv")
    assert "40 classes" in text and tried == [5]


def test_no_recipe_is_written_that_fails_on_the_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "d.csv", ["\u00ad\u200d", "\u2060"] * 40, ["good", "bad"] * 40)
    with pytest.raises(DataError, match="the vocabulary is empty"):
        call("d.csv")
    assert not (tmp_path / "d.yaml").exists()
