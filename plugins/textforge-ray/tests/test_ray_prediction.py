"""Many files answered on the cluster: the answers of `predict_file`, done once, the damaged ones reported."""

import json
import os
import shutil

import pytest
import ray_work as work
import textforge
from click.testing import CliRunner
from ray_work import Heard, recipe
from textforge import DataError, RecipeError, StorageError, TextforgeError

from textforge_ray import answered_files, prediction
from textforge_ray.answered_files import AnsweredFiles, Source, sources
from textforge_ray.commands import ray
from textforge_ray.prediction import PredictionOptions, predict_files
from textforge_ray.sent_run import SentRun

pytest_plugins = ["ray_nodes"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return textforge.run(recipe(folder), out=folder / "run").path


@pytest.fixture
def data(tmp_path):
    """Files of every kind, one of them damaged."""
    import polars

    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    texts, _ = work.texts(40, seed=7)
    table = polars.DataFrame({"text": texts, "id": range(40)})
    table.write_csv(folder / "a.csv")
    table.write_parquet(folder / "deep/b.parquet")
    table.write_ndjson(folder / "c.jsonl")
    (folder / "d.txt").write_text("\n".join(texts))
    (folder / "e.parquet").write_bytes((folder / "deep/b.parquet").read_bytes()[:300])
    return folder


def patterns(data):
    return [str(data / "*.*"), str(data / "deep/*")]


def predicted(run, data, output, *, progress=None, **options):
    chosen = PredictionOptions(**{name: options.pop(name) for name in [*options] if name != "force"})
    files = sources(patterns(data), None)
    return predict_files(SentRun(run), files, output, chosen, progress=progress or Heard(), **options)


def test_files_get_the_answers_of_one_machine_and_are_answered_once(cluster, run, data, tmp_path):
    progress = Heard()
    found = predicted(run, data, tmp_path / "out", top=2, progress=progress)
    # lines have no columns
    assert {*found.failed} == {str(data / "e.parquet"), str(data / "d.txt")}
    assert found.answered == {"a.csv": 40, "deep/b.parquet": 40, "c.jsonl": 40}
    for name in found.answered:
        textforge.predict_file(run, data / name, tmp_path / "expected", form=name.rpartition(".")[2], top=2)
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "expected").read_bytes()
    left = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert left == {*found.answered, *(f".textforge-ray/{name}.json" for name in found.answered)}
    again = predicted(run, data, tmp_path / "out", top=2)
    assert (sorted(again.skipped), again.answered) == (["a.csv", "c.jsonl", "deep/b.parquet"], {})
    assert {*again.failed} == {*found.failed}


def test_a_file_that_workers_cannot_read_is_sent(cluster, run, data, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction, "answer", work.answer_elsewhere)
    progress = Heard()
    shutil.rmtree(data / "deep")
    for name in ("a.csv", "c.jsonl", "e.parquet"):
        (data / name).unlink()
    found = predict_files(
        SentRun(run), sources([str(data / "d.txt")], None), tmp_path / "out", PredictionOptions(), progress=progress
    )
    assert found.answered == {"d.txt": 40}
    assert "1 files cannot be read where the workers are, so they are sent" in progress.stages
    textforge.predict_file(run, data / "d.txt", tmp_path / "expected")
    assert (tmp_path / "out/d.txt").read_bytes() == (tmp_path / "expected").read_bytes()


def test_the_command_names_the_files_that_failed_and_its_exit_code_says_so(cluster, run, data, tmp_path):
    arguments = ["predict", str(run), "-i", str(data / "a.csv"), "-i", str(data / "e.parquet")]
    done = CliRunner().invoke(ray, [*arguments, "-o", str(tmp_path / "out"), "--json", "-q"])
    shown = json.loads(done.stdout)
    assert shown["answered"] == {"a.csv": 40}
    assert isinstance(done.exception, TextforgeError)
    assert done.exception.exit_code == 1
    assert str(done.exception).startswith(f"1 of 2 files have no answers: {data / 'e.parquet'}: ")


# -- what is done already; nothing here starts Ray ---------------------------------------------


@pytest.fixture
def source(tmp_path):
    (tmp_path / "in.csv").write_text("text\na\n")
    return Source.of(tmp_path / "in.csv", "in.csv")


def kept(source, folder, bundle="b", options=None):
    files = AnsweredFiles(folder, bundle, options or {})
    folder.mkdir(exist_ok=True)
    (folder / "answered").write_text("text,label\na,x\n")
    found = {"input": answered_files.digest(source.path), "input_size": source.size, "input_changed": source.changed}
    files.keep(source, folder / "answered", {**found, "rows": 1, "warnings": []})
    return files


def test_a_file_is_done_for_the_same_classifier_options_and_input(source, tmp_path):
    files = kept(source, tmp_path / "out")
    assert files.is_done(source, force=False)
    os.utime(source.path, ns=(0, 0))  # a copy has other times, and the same content
    assert files.is_done(Source.of(source.path, source.name), force=False)
    source.path.write_text("text\nb\n")
    assert not files.is_done(Source.of(source.path, source.name), force=False)


@pytest.mark.parametrize(
    ("bundle", "options", "says"), [("c", {}, "another classifier"), ("b", {"top": 2}, "other options")]
)
def test_answers_of_another_classifier_or_other_options_are_kept(source, tmp_path, bundle, options, says):
    kept(source, tmp_path / "out")
    other = AnsweredFiles(tmp_path / "out", bundle, options)
    with pytest.raises(RecipeError, match=rf"in.csv: holds answers of {says}\. Choose another --output, or --force"):
        other.is_done(source, force=False)
    assert not other.is_done(source, force=True)


def test_a_file_of_somebody_else_or_one_that_was_changed_is_not_overwritten(source, tmp_path):
    files = kept(source, tmp_path / "out")
    (tmp_path / "out/in.csv").write_text("mine")
    with pytest.raises(RecipeError, match=r"exists, and was not written by this command or was changed since"):
        files.is_done(source, force=False)
    (tmp_path / "out/.textforge-ray/in.csv.json").unlink()
    with pytest.raises(RecipeError, match="not written by this command"):
        files.is_done(source, force=False)


def test_killed_between_the_record_and_the_answers_a_file_is_answered_again(source, tmp_path):
    files = kept(source, tmp_path / "out")
    (tmp_path / "out/in.csv").unlink()
    assert not files.is_done(source, force=False)


def test_patterns_name_files_and_their_answers(tmp_path):
    for name in ("a/x.csv", "b/x.csv", "b/c/y.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = sources([str(tmp_path / "**/*.csv"), str(tmp_path / "a/x.csv")], ".parquet")
    assert sorted(one.name for one in found) == ["a/x.csv.parquet", "b/c/y.csv.parquet", "b/x.csv.parquet"]
    assert [one.name for one in sources([str(tmp_path / "b/c/*")], None)] == ["y.csv"]


@pytest.mark.parametrize(("pattern", "says"), [("*.tsv", "no such file"), ("a", "It is a folder")])
def test_a_pattern_without_files_is_reported(tmp_path, pattern, says):
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match=says):
        sources([str(tmp_path / pattern)], None)


def test_a_run_is_sent_without_what_prediction_does_not_need(run, tmp_path):
    sent = SentRun(run)
    names = {name for name, _ in sent._pieces}
    assert {"model/bundle.json", "resolved.yaml", "result.json"} <= names
    assert "predictions.jsonl" not in names
    assert SentRun(run / "model").digest == sent.digest
    assert sent.classifier is sent.classifier
    assert "classifier" not in sent.__getstate__()
    with pytest.raises(textforge.BundleError):
        SentRun(tmp_path)


def test_pieces_outside_of_a_folder_are_refused(tmp_path):
    from textforge_ray.folders import Received

    received = Received(tmp_path / "to")
    for name in ("../x", "/x", "a/../../x"):
        with pytest.raises(ValueError, match="outside of the folder"):
            received.add((name, b""))
    received.add(("a", b"1"))
    with pytest.raises(StorageError):
        received.add(("a/b", b"1"))
    received.discard()
    assert [*tmp_path.iterdir()] == []
