"""Every part that ships, found through the catalogue: a new one is tested here by being registered.

What each is held to by itself is in test_contracts.py; here they work together.
"""

import gzip
import json
import pickle

import numpy as np
import pytest
from conftest import make_texts, shipped, write_csv
from written_tables import write_database, write_xlsx

import textforge
from textforge import Dataset, RecipeError, Row, load_recipe

PARTS = shipped()
VECTORIZERS, MODELS = PARTS.components("vectorizer"), PARTS.components("model")
SMALL = {"max_length": 64, "n_features": 4096, "vocab_size": 400, "signed": False}
"""Options that keep tests quick, where a part has them; naive Bayes takes no signed numbers."""
WRAPPERS = {
    "union": {"of": ["tfidf"]},
    "preprocess": {"steps": ["lowercase"], "vectorizer": "tfidf"},
    "ensemble": {"of": ["linear"]},
}
"""Options of parts that need other parts."""
UNTRAINED = ["", "\U0001f680 \U0001f680", "never seen before", "array " * 400]


READING = {"numbers", "categories"}
"""Vectorizers that read columns, of which `with_columns` makes some."""
OF_COUNTS = {"complement-nb", "multinomial-nb", "nbsvm"}
"""Models that refuse the negative numbers of the vectorizer `numbers`."""


def with_columns(texts):
    kinds = {"length": "number", "first": "category"}
    return [Row(text, [float(len(text)) or None, text[:1] or None], kinds) for text in texts]


def named(component):
    return component.name


def needs(model, vectorizer):
    """The facts that a model lacks beside a vectorizer."""
    given = (*model.kind.facts, *small("vectorizer", vectorizer.name).gives)
    return [fact for _, fact in small("model", model.name).unmet_facts(given)]


def small(kind, name):
    """A part with options that keep tests quick."""
    fields = PARTS.component(kind, name).options.fields
    options = {key: value for key, value in SMALL.items() if key in fields}
    return PARTS.part(kind, name, **options, **WRAPPERS.get(name, {}))


PAIRS = [(vectorizer, model) for vectorizer in VECTORIZERS for model in MODELS]
FITTING = [pair for pair in PAIRS if not needs(pair[1], pair[0])]
UNFIT = [pair for pair in PAIRS if needs(pair[1], pair[0])]


@pytest.fixture(scope="session")
def quickstart():
    """Some of the texts of recipes/quickstart.yaml."""
    options = {"packages": ["numpy", "sklearn", "torch"], "per_package": 40}
    return PARTS.part("dataset", "docstrings", **options).build({"seed": 0})


@pytest.fixture(scope="session")
def sections():
    """The same with several labels a text."""
    options = {"packages": ["numpy", "sklearn"], "per_package": 90, "labels": "sections"}
    dataset = PARTS.part("dataset", "docstrings", **options).build({"seed": 0})
    texts, labels = dataset.train
    common = {name for name in dataset.labels() if sum(name in row for row in labels) >= 15}
    return Dataset(train=(texts, [[name for name in row if name in common] for row in labels]))


def trained(dataset, *, vectorizer="tfidf", model="linear", optimizer="adamw", **others):
    """A classifier of parts by name or with options, two epochs long."""
    parts = {"vectorizer": vectorizer, "model": model, "optimizer": optimizer}
    for kind in ("scheduler", "loss"):
        if kind in others:
            parts[kind] = others.pop(kind)
    built = {kind: small(kind, one) if isinstance(one, str) else one for kind, one in parts.items()}
    if built["model"].fits_itself:
        del built["optimizer"]
    return textforge.Trainer(dataset, **built, **{"epochs": 2, "batch_size": 16, **others})


def same_after_loading(classifier, folder):
    texts = [*UNTRAINED, "Return the sum of an array."]
    texts = with_columns(texts) if classifier.columns else texts
    mine = classifier.predict_proba(texts)
    path = textforge.save(classifier, folder / "bundle")
    for again in (textforge.load(path, engine="torch"), pickle.loads(pickle.dumps(classifier))):
        assert np.array_equal(mine, again.predict_proba(texts))
    assert np.allclose(mine, textforge.load(path).predict_proba(texts), rtol=0, atol=1e-5)
    assert np.isfinite(mine).all()
    return mine


# -- vectorizers and models --------------------------------------------------------------------


def test_there_are_pairs_that_fit_and_pairs_that_do_not():
    assert len(FITTING) > 10
    assert len(UNFIT) > 5
    assert {m.name for _, m in FITTING} == {m.name for m in MODELS}, "each model has a vectorizer"
    assert {v.name for v, _ in FITTING} == {v.name for v in VECTORIZERS}, "each vectorizer has a model"


@pytest.mark.parametrize(("vectorizer", "model"), FITTING, ids=lambda c: c.name)
def test_a_pair_that_fits_trains_and_comes_back_from_disk(vectorizer, model, quickstart, tmp_path):
    dataset = quickstart
    if vectorizer.name in READING:
        dataset = Dataset(train=(with_columns(quickstart.train[0]), quickstart.train[1]))
    trainer = trained(dataset, vectorizer=vectorizer.name, model=model.name)
    if vectorizer.name == "numbers" and model.name in OF_COUNTS:
        with pytest.raises(RecipeError, match="takes counts or tf-idf, and these features have negative numbers"):
            trainer.fit()
        return
    probabilities = same_after_loading(trainer.fit(), tmp_path)
    assert probabilities.shape == (5, 3)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert len(trainer.history) == trainer.epochs
    assert np.isfinite(trainer.history[-1].train_loss)


@pytest.mark.parametrize(("vectorizer", "model"), UNFIT, ids=lambda c: c.name)
def test_a_pair_that_does_not_fit_is_refused_before_anything_runs(vectorizer, model):
    recipe = {
        "dataset": "docstrings",
        "vectorizer": {"use": vectorizer.name, **WRAPPERS.get(vectorizer.name, {})},
        "model": {"use": model.name, **WRAPPERS.get(model.name, {})},
        "optimizer": "adam",
    }
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe)
    (mistake,) = caught.value.mistakes
    assert mistake.message.startswith(f"model '{model.name}' ")
    assert "needs " in mistake.message
    assert f"vectorizer '{vectorizer.name}' gives" in mistake.message
    helpful = [v.name for v in VECTORIZERS if not needs(model, v)]
    assert any(f"'{name}'" in mistake.message.split("Use the vectorizer")[1] for name in helpful)


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_a_model_takes_several_labels_a_text_or_says_what_does(model, sections, tmp_path):
    vectorizer = next(v for v in VECTORIZERS if not needs(model, v))
    try:
        classifier = trained(sections, vectorizer=vectorizer.name, model=model.name).fit()
    except RecipeError as error:
        assert model.name in str(error)
        assert "'" in str(error).split(model.name, 1)[1], "names another model"
        return
    probabilities = same_after_loading(classifier, tmp_path)
    assert probabilities.shape == (5, len(classifier.labels))
    assert all(isinstance(labels, tuple) for labels in classifier.predict(UNTRAINED))


# -- schedulers, losses, metrics -----------------------------------------------------------------


@pytest.mark.parametrize("scheduler", PARTS.components("scheduler"), ids=named)
def test_a_scheduler_changes_the_rate_within_bounds_and_training_goes_on(scheduler, quickstart):
    part = PARTS.part("scheduler", scheduler.name)
    trainer = trained(quickstart, scheduler=part, validation=0.2, epochs=4)
    rates = []
    for _ in trainer:
        rates += [group["lr"] for group in trainer.optimizer.param_groups]
    assert all(0 <= rate <= 1 for rate in rates)
    assert trainer.history[-1].train_loss < trainer.history[0].train_loss


@pytest.mark.parametrize("loss", PARTS.components("loss"), ids=named)
def test_a_loss_trains_on_one_kind_of_labels_or_names_the_other(loss, quickstart, sections):
    trained_on = 0
    for dataset in (quickstart, sections):
        try:
            trainer = trained(dataset, loss=loss.name, epochs=4)
            trainer.fit()
        except RecipeError as error:
            assert loss.name in str(error)
            others = [f"'{one.name}'" in str(error) for one in PARTS.components("loss") if one.name != loss.name]
            assert any(others), error
            continue
        trained_on += 1
        assert trainer.history[-1].train_loss < trainer.history[0].train_loss
    assert trained_on


@pytest.mark.parametrize("metric", PARTS.components("metric"), ids=named)
def test_a_metric_measures_validation_and_test(metric, quickstart, sections):
    measured = 0
    for dataset in (quickstart, sections):
        part = PARTS.part("metric", metric.name)
        try:
            trainer = trained(dataset, metrics=[part], validation=0.25)
            valid = next(iter(trainer)).valid
        except RecipeError as error:
            assert metric.name in str(error)
            continue
        value = valid[metric.name.replace("-", "_")]
        measured += 1
        assert value is None or np.isfinite(value)
    assert measured


# -- datasets --------------------------------------------------------------------------------------


def lines(path, rows):
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def as_csv(folder, rows):
    return {"train": str(write_csv(folder / "data.csv", *zip(*rows, strict=True)))}


def as_tsv(folder, rows):
    return {"train": str(lines(folder / "data.tsv", ["text\tlabel", *("\t".join(row) for row in rows)]))}


def as_jsonl(folder, rows):
    written = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    path = folder / "data.jsonl.gz"
    path.write_bytes(gzip.compress(written.encode()))
    return {"train": str(path)}


def as_parquet(folder, rows):
    import polars as pl

    pl.DataFrame(rows, schema=["text", "label"], orient="row").write_parquet(folder / "data.parquet")
    return {"train": str(folder / "data.parquet")}


def as_folder(folder, rows):
    for number, (text, label) in enumerate(rows):
        (folder / "texts" / label).mkdir(parents=True, exist_ok=True)
        (folder / "texts" / label / f"{number}.txt").write_text(text)
    return {"train": str(folder / "texts")}


def as_fasttext(folder, rows):
    return {"train": str(lines(folder / "data.ft", [f"__label__{label} {text}" for text, label in rows]))}


def as_huggingface(folder, rows):
    library = pytest.importorskip("datasets", reason="needs the extra textforge[huggingface]")
    columns = dict(zip(("text", "label"), map(list, zip(*rows, strict=True)), strict=True))
    library.Dataset.from_dict(columns).save_to_disk(folder / "saved")
    return {"folder": str(folder / "saved")}


def as_json(folder, rows):
    (folder / "data.json").write_text(json.dumps([{"text": text, "label": label} for text, label in rows]))
    return {"train": str(folder / "data.json")}


def as_lines(folder, rows):
    return {"train": str(lines(folder / "data.txt", [f"{text};{label}" for text, label in rows])), "separator": ";"}


def as_excel(folder, rows):
    pytest.importorskip("fastexcel", reason="needs the extra textforge[excel]")
    return {"train": str(write_xlsx(folder / "data.xlsx", [("text", "label"), *rows]))}


def as_sql(folder, rows):
    write_database(folder / "data.db", ("text", "label"), rows)
    return {"connection": f"sqlite:///{folder / 'data.db'}", "query": "select text, label from texts"}


EXAMPLES = {
    "csv": as_csv,
    "docstrings": lambda folder, rows: {"packages": ["numpy", "torch"], "per_package": 20},
    "excel": as_excel,
    "fasttext": as_fasttext,
    "folder": as_folder,
    "huggingface": as_huggingface,
    "json": as_json,
    "jsonl": as_jsonl,
    "lines": as_lines,
    "newsgroups": lambda folder, rows: {"categories": ["sci.space", "rec.autos"]},
    "parquet": as_parquet,
    "sql": as_sql,
    "tsv": as_tsv,
}
"""Options of each dataset for data that it can have here."""


@pytest.mark.parametrize("dataset", PARTS.components("dataset"), ids=named)
def test_a_dataset_trains_a_small_recipe(dataset, tmp_path, request):
    assert dataset.name in EXAMPLES, f"give an example of data for {dataset.label}"
    if dataset.name == "newsgroups":
        request.getfixturevalue("corpus")
    rows = list(zip(*make_texts(90), strict=True))
    options = EXAMPLES[dataset.name](tmp_path, rows)
    recipe = {
        "dataset": {"use": dataset.name, **options},
        "vectorizer": "tfidf",
        "model": "linear",
        "optimizer": {"use": "adamw", "lr": 0.05},
        "trainer": {"epochs": 3, "batch_size": 8},
    }
    run = textforge.run(recipe, out=tmp_path / "run")
    assert run.test is not None
    assert run.test["accuracy"] > 0.55
    built = PARTS.part("dataset", dataset.name, **load_recipe(recipe).dataset.options).build({"seed": 0})
    assert isinstance(built, Dataset)
    assert built.fingerprint() == json.loads((run.path / "environment.json").read_text())["data"]["sha256"]


def test_every_example_is_of_a_dataset():
    assert set(EXAMPLES) == set(PARTS.names("dataset"))
