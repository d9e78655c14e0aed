"""Option `stream` of the datasets of table files: the rows of the files, from a store on disk."""

import gzip
import json
import os
import random
import re
import shutil
import threading
import weakref
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from conftest import make_sets, make_texts, small_recipe, write_csv
from hypothesis import example, given, settings, strategies as st

import textforge
from textforge import DataError, RecipeError, StorageError, Stream
from textforge.errors.makers import maker
from textforge_standard.datasets import row_store, streamed
from textforge_standard.datasets.columns import Columns, Incomplete
from textforge_standard.datasets.csv_files import csv_files
from textforge_standard.datasets.csv_reader import read_separated, separated_blocks
from textforge_standard.datasets.jsonl import jsonl, jsonl_blocks, read_jsonl
from textforge_standard.datasets.packed import PIECE, pieces
from textforge_standard.datasets.parquet import parquet, parquet_blocks, read_parquet
from textforge_standard.datasets.tsv import tsv


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small(monkeypatch):
    """Many buckets and small chunks of few rows."""
    monkeypatch.setattr(row_store, "BUCKET", 500)
    monkeypatch.setattr(row_store, "CHUNK_ROWS", 8)


def write_jsonl(path, texts, labels):
    path.write_text("".join(json.dumps({"text": t, "label": y}) + "\n" for t, y in zip(texts, labels, strict=True)))
    return path


def rows(stream):
    return [row for texts, labels in stream.chunks() for row in zip(texts, labels, strict=True)]


def whole(read, path, wanted, **options):
    """Every column of a file read at once, or the sentence by which it is refused."""
    try:
        return read(path, wanted, **options).columns
    except DataError as error:
        return str(error)


def in_blocks(read, path, wanted, **options):
    """As `whole`, read in blocks; the rows' numbers count on."""
    columns = {name: [] for name in wanted}
    numbers = []
    try:
        for table in read(path, wanted, **options):
            for name, values in table.columns.items():
                columns[name] += values
            numbers += table.numbers
    except DataError as error:
        return str(error)
    assert len(numbers) == len({*numbers}) and numbers == sorted(numbers)
    return columns


# -- blocks --------------------------------------------------------------------------------------

FIELD = st.sampled_from(
    ["a", "b c", '""', '"x,y"', '"line\nend"', '"he said ""no"""', " ", "", "übergröße", "\r", '"', "'"]
)
LINE = st.lists(FIELD, min_size=1, max_size=3).map(",".join)
CSV = st.lists(LINE, max_size=12).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(["text,label", *lines, ""]))
)


@settings(max_examples=300)
@example(content='text,label\n""\n"\n', size=1)
@example(content='text,label\n" "\n"\n', size=40)
@example(content='text,label\n\r\r\n"\n', size=1)
@given(content=CSV | st.text(alphabet='ab,"\n\r ').map("text,label\n".__add__) | st.text(), size=st.integers(1, 40))
@pytest.mark.parametrize("quotes", [True, False])
def test_csv_in_blocks_of_any_size_has_the_rows_of_the_whole_file(tmp_path_factory, content, size, quotes):
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    path.write_text(content, newline="", errors="replace")
    wanted = {"text": "text", "label": "label"}
    expected = whole(read_separated, path, wanted, quotes=quotes)
    assert in_blocks(separated_blocks, path, wanted, quotes=quotes, size=size) == expected


JSON = st.lists(
    st.sampled_from(['{"text": "a", "label": "x"}', '{"label": 3}', "", " ", '{"text": "\\n\\u00e9"}', "[]", "{", "é"]),
    max_size=8,
).map("\n".join)


@settings(max_examples=200)
@given(content=JSON, size=st.integers(1, 60))
def test_jsonl_in_blocks_of_any_size_has_the_rows_of_the_whole_file(tmp_path_factory, content, size):
    path = tmp_path_factory.mktemp("jsonl") / "data.jsonl"
    path.write_text(content, newline="")
    wanted = {"text": "text", "label": "label"}
    assert in_blocks(jsonl_blocks, path, wanted, size=size) == whole(read_jsonl, path, wanted)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_parquet_in_blocks_has_the_rows_of_the_whole_file(tmp_path, size):
    path = tmp_path / "data.parquet"
    frame = pl.DataFrame({"meta": [{"text": str(n), "n": n} for n in range(50)], "label": ["x", None] * 25})
    frame.write_parquet(path, row_group_size=20)
    wanted = {"meta.text": "text", "label": "label"}
    expected = read_parquet(path, wanted).columns
    assert in_blocks(parquet_blocks, path, wanted, size=size) == expected
    packed = tmp_path / "data.parquet.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert in_blocks(parquet_blocks, packed, wanted, size=size) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_every_encoding_is_read_in_pieces(tmp_path, encoding, monkeypatch):
    monkeypatch.setattr("textforge_standard.datasets.packed.PIECE", 5)
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "größer,ä\nséance,é\n" * 9, encoding=encoding)
    wanted = {"text": "text", "label": "label"}
    expected = whole(read_separated, path, wanted, encoding=encoding)
    assert expected["label"] == ["ä", "é"] * 9
    assert in_blocks(separated_blocks, path, wanted, encoding=encoding, size=20) == expected


@pytest.mark.parametrize(
    "content", [b"text,label\na,x\n\xff,y\n", b"text,label\na,x\nb,y\n\xc3", b"text,label\na,x\nb\0,y"]
)
def test_what_is_no_text_is_reported_with_its_line(tmp_path, content, monkeypatch):
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    wanted = {"text": "text", "label": "label"}
    expected = whole(read_separated, path, wanted)
    monkeypatch.setattr("textforge_standard.datasets.packed.PIECE", 5)
    assert in_blocks(separated_blocks, path, wanted, size=4) == expected
    assert "line 3" in expected or "line 4" in expected


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zst"])
def test_packed_files_are_unpacked_piece_by_piece(tmp_path, suffix):
    import zstandard

    data = random.Random(0).randbytes(3 * PIECE)
    pack = {".csv": bytes, ".csv.gz": gzip.compress, ".csv.zst": zstandard.compress}[suffix]
    path = tmp_path / f"data{suffix}"
    path.write_bytes(pack(data))
    found = list(pieces(path))
    assert b"".join(found) == data and len(found) > 2
    if suffix != ".csv":
        path.write_bytes(pack(data)[:-5])
        with pytest.raises(DataError, match="cannot be decompressed"):
            list(pieces(path))


def test_a_row_that_never_ends_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr("textforge_standard.datasets.blocks.LONGEST", 1 << 20)
    monkeypatch.setattr("textforge_standard.datasets.packed.PIECE", 1 << 10)
    path = tmp_path / "data.csv"
    path.write_text('text,label\na,b\n"' + "never closed\n" * 10**6)
    told = in_blocks(separated_blocks, path, {"text": "text", "label": "label"}, size=1000)
    assert "line 3: a row of more than 1 million characters begins here. Is a quote never closed?" in told


def test_rows_that_lack_something_are_counted_over_the_whole_file(tmp_path):
    path = tmp_path / "data.csv"
    lines = [f"text {n}," + ("" if n % 3 == 0 else "x") for n in range(40)]
    path.write_text("\n".join(["text,label", *lines]))
    for missing in ("drop", "error"):
        columns = Columns(missing=missing)
        told = []
        for size in (10**6, 50):
            file = Incomplete(path, columns)
            for table in separated_blocks(path, columns.wanted(), size=size):
                file.complete(table)
            try:
                told.append(file.told())
            except DataError as error:
                told.append(str(error))
        assert told[0] == told[1] and "14 no label (rows 1, 4, 7, 10, 13, 16, 19, 22 and 6 more" in str(told[0])


# -- the stream ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_the_stream_has_the_rows_of_the_files_in_another_order(tmp_path, kind, small):
    texts, labels = make_texts(120)
    texts = [f"{text} {n}" for n, text in enumerate(texts)]
    order = sorted(range(120), key=labels.__getitem__)
    texts, labels = [texts[n] for n in order], [labels[n] for n in order]
    train, test = tmp_path / f"train.{kind}", tmp_path / f"test.{kind}"
    write = {
        "csv": lambda path, *split: write_csv(path, *split),
        "tsv": lambda path, *split: pl.DataFrame(dict(zip(("text", "label"), split, strict=True))).write_csv(
            path, separator="\t"
        ),
        "jsonl": write_jsonl,
        "parquet": lambda path, *split: pl.DataFrame(dict(zip(("text", "label"), split, strict=True))).write_parquet(
            path
        ),
    }[kind]
    write(train, texts, labels)
    write(test, texts[:5], labels[:5])
    factory = {"csv": csv_files, "tsv": tsv, "jsonl": jsonl, "parquet": parquet}[kind]
    dataset = factory(0, train=train, test=test, stream=True)
    assert isinstance(dataset.train, Stream) and dataset.train.n_chunks > 5
    found = rows(dataset.train)
    assert sorted(found) == sorted(zip(texts, labels, strict=True)) and found != list(zip(texts, labels, strict=True))
    assert dataset.test == (texts[:5], labels[:5])
    assert Counter(dataset.label_counts()) == Counter(labels) and dataset.n_train == 120
    chunks = [{*labels} for _, labels in dataset.train.chunks() if len(labels) > 4]
    assert all(len(found) > 1 for found in chunks)  # though the file is sorted by label
    again = Stream(dataset.train.n_chunks, dataset.train.chunk)
    assert again.survey() == dataset.train.survey()  # what the store says of itself is true


def test_the_order_of_a_store_is_the_same_every_time_whatever_the_seed(tmp_path, small, cache, monkeypatch):
    path = write_csv(tmp_path / "train.csv", *make_texts(100))
    found = rows(csv_files(0, train=path, test_fraction=0.0, stream=True).train)
    assert rows(csv_files(1, train=path, test_fraction=0.0, stream=True).train) == found
    shutil.rmtree(cache)
    assert rows(csv_files(0, train=path, test_fraction=0.0, stream=True).train) == found


def test_sets_of_labels_are_streamed(tmp_path, small):
    texts, sets = make_sets(60)
    path = write_jsonl(tmp_path / "train.jsonl", texts, sets)
    dataset = jsonl(0, train=path, test_fraction=0.2, stream=True)
    assert dataset.multi_label and dataset.labels() == tuple(sorted({name for row in sets for name in row}))
    found = [(t, tuple(y)) for t, y in [*rows(dataset.train), *zip(*dataset.test, strict=True)]]
    assert sorted(found) == sorted((t, tuple(y)) for t, y in zip(texts, sets, strict=True))


def test_several_files_are_one_stream_and_warnings_name_their_file(tmp_path, small):
    texts, labels = make_texts(60)
    one = write_csv(tmp_path / "one.csv", texts[:30], labels[:30])
    two = write_csv(tmp_path / "two.csv", [*texts[30:], ""], [*labels[30:], "space"])
    dataset = csv_files(0, train=[one, two], test_fraction=0.0, missing="drop", stream=True)
    assert sorted(rows(dataset.train)) == sorted(zip(texts, labels, strict=True))
    (told,) = dataset.warnings
    assert told.startswith(f"{two}: 1 of 31 rows have no text, 0 no label (rows 31 after the header)")
    moved = two.rename(tmp_path / "moved.csv")  # the store is found by what is in the files
    (told,) = csv_files(0, train=[one, moved], test_fraction=0.0, missing="drop", stream=True).warnings
    assert told.startswith(f"{moved}: 1 of 31 rows")


def test_mixed_labels_are_refused_as_in_memory(tmp_path):
    path = write_jsonl(tmp_path / "train.jsonl", ["a", "b"], ["x", ["y"]])
    with pytest.raises(DataError) as told:
        jsonl(0, train=path, stream=True)
    with pytest.raises(DataError) as in_memory:
        jsonl(0, train=path)
    assert str(told.value) == str(in_memory.value)
    train, test = write_jsonl(path, ["a", "b"], ["x", "y"]), write_jsonl(tmp_path / "t.jsonl", ["a"], [["y"]])
    with pytest.raises(DataError, match="test: some texts have a list of labels"):
        jsonl(0, train=train, test=test, stream=True)


def test_groups_in_a_stream_are_refused():
    wrong = csv_files.check_options(train=Path("x.csv"), stream=True, group="author", separator=",", names=None,
                                    encoding="utf-8")  # fmt: skip
    assert wrong.startswith("group has no effect on a stream, whose hold-outs ignore it")


# -- what is held out ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_held_out_by_the_seed_and_every_row_is_in_one_split(tmp_path, small, seed):
    texts, labels = make_texts(100)
    texts = [f"{text} {n}" for n, text in enumerate(texts)]
    path = write_csv(tmp_path / "train.csv", texts, labels)
    dataset = csv_files(seed, train=path, test_fraction=0.3, valid_fraction=0.2, stream=True)
    splits = [rows(dataset.train), *(list(zip(*split, strict=True)) for split in dataset.splits().values())]
    assert [len(split) for split in splits] == [50, 20, 30]
    assert sorted(row for split in splits for row in split) == sorted(zip(texts, labels, strict=True))
    assert dataset.n_train == 50 and Counter(dataset.label_counts()) == Counter(label for _, label in splits[0])
    again = csv_files(seed, train=path, test_fraction=0.3, valid_fraction=0.2, stream=True)
    other = csv_files(seed + 1, train=path, test_fraction=0.3, valid_fraction=0.2, stream=True)
    assert again.test == dataset.test != other.test
    assert again.fingerprint() == dataset.fingerprint() != other.fingerprint()
    assert dataset.warnings[0] == "no test file: 30 of 100 rows, drawn at random, are held out for the test."


def test_no_more_is_held_out_than_memory_takes(tmp_path, small, monkeypatch):
    path = write_csv(tmp_path / "train.csv", *make_texts(100))
    monkeypatch.setattr(streamed, "MOST_HELD_OUT", 7)
    assert len(csv_files(0, train=path, test_fraction=0.5, stream=True).test[0]) == 7
    monkeypatch.setattr(streamed, "MOST_HELD_BYTES", 400)
    assert len(csv_files(0, train=path, test_fraction=0.5, stream=True).test[0]) < 7


def test_a_label_that_is_held_out_whole_is_reported(tmp_path):
    path = write_csv(tmp_path / "train.csv", ["a", "b", "c", "d"], ["x", "x", "x", "y"])
    with pytest.raises(DataError, match=r"every text of the label '.' would be held out. Give a test file"):
        csv_files(0, train=path, test_fraction=0.9, stream=True)


@pytest.mark.parametrize(("n", "fraction", "n_held"), [(505, 0.1, 50), (40, 0.01, 1), (33, 0.2, 7), (15, 0.3, 4)])
def test_the_held_out_rows_of_a_stream_are_as_many_as_those_in_memory(tmp_path, n, fraction, n_held):
    path = write_csv(tmp_path / "train.csv", [f"text {n}" for n in range(n)], ["x", "y"] * (n // 2) + ["x"] * (n % 2))
    for stream in (True, False):
        dataset = csv_files(0, train=path, test_fraction=fraction, stream=stream)
        assert (dataset.n_train, len(dataset.test[0])) == (n - n_held, n_held)


# -- the store -----------------------------------------------------------------------------------


def stores(cache):
    return sorted((cache / "streams").iterdir())


def test_the_store_is_used_again_and_made_anew_where_file_or_options_differ(tmp_path, cache, monkeypatch):
    path = write_csv(tmp_path / "train.csv", *make_texts(60))
    csv_files(0, train=path, stream=True)
    (store,) = stores(cache)
    with monkeypatch.context() as patched:
        patched.setattr(row_store, "_scatter", None)  # nothing is made any more
        csv_files(0, train=path, stream=True)
    csv_files(0, train=path, stream=True, missing="drop")
    path.write_text(path.read_text() + "more,space\n")
    csv_files(0, train=path, stream=True)
    assert len(stores(cache)) == 3 and store in stores(cache)


@pytest.mark.parametrize("harm", ["flipped", "shortened", "gone", "without its list", "older"])
def test_a_damaged_store_is_made_anew(tmp_path, cache, harm):
    path = write_csv(tmp_path / "train.csv", *make_texts(60))
    found = rows(csv_files(0, train=path, test_fraction=0.0, stream=True).train)
    (store,) = stores(cache)
    (chunk,) = store.glob("*.arrow")
    original = chunk.read_bytes()
    data = bytearray(original)
    about = store / "store.json"
    if harm == "flipped":
        data[len(data) // 2] ^= 1
        chunk.write_bytes(data)
    elif harm == "shortened":
        chunk.write_bytes(data[:-9])
    elif harm == "gone":
        chunk.unlink()
    elif harm == "without its list":
        about.unlink()
    else:
        about.write_text(json.dumps({**json.loads(about.read_text()), "format": 0}))
    assert rows(csv_files(0, train=path, test_fraction=0.0, stream=True).train) == found
    assert stores(cache) == [store]
    assert [one.read_bytes() for one in store.glob("*.arrow")] == [original]
    assert row_store._opened(store) is not None


def test_a_chunk_that_is_damaged_while_it_is_used_is_reported(tmp_path, cache):
    path = write_csv(tmp_path / "train.csv", *make_texts(60))
    train = csv_files(0, train=path, test_fraction=0.0, stream=True).train
    shutil.rmtree(cache)
    with pytest.raises(DataError, match=r"is missing or damaged. Run again to create it again"):
        train.chunk(0)


def test_what_fails_leaves_nothing_in_the_cache(tmp_path, cache):
    path = tmp_path / "train.csv"
    path.write_text("text,label\na,x\nb,y,z\n")
    with pytest.raises(DataError, match="line 3: 3 columns, but the header has 2"):
        csv_files(0, train=path, stream=True)
    assert stores(cache) == []


def test_what_a_killed_process_left_is_taken_away_but_not_what_another_one_makes(tmp_path, cache):
    host = maker().split("-")[0]
    old, new = (cache / "streams" / f".{'0' * 32}.{number:012x}.tmp" for number in (1, 2))  # of an earlier version
    killed, running = (cache / "streams" / f".x.{name}-abcdef.tmp" for name in (f"{host}-999999999-1", maker()))
    for folder in (old, new, killed, running):
        folder.mkdir(parents=True)
        (folder / "bucket-0").write_bytes(b"rows")
        os.utime(folder / "bucket-0", (0, 0))
    os.utime(old, (0, 0))
    csv_files(0, train=write_csv(tmp_path / "train.csv", *make_texts(60)), stream=True)
    assert [folder.exists() for folder in (old, new, killed, running)] == [False, True, False, True]


def test_a_full_disk_is_reported_in_a_sentence(tmp_path, cache, monkeypatch):
    path = write_csv(tmp_path / "train.csv", *make_texts(60))

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(
        StorageError,
        match=r"cannot be written: No space left on device. Free some space.*\n.*stored there.*TEXTFORGE_CACHE",
    ):
        csv_files(0, train=path, stream=True)
    assert stores(cache) == []


def test_a_cache_that_cannot_be_made_is_reported(tmp_path, cache):
    path = write_csv(tmp_path / "train.csv", *make_texts(60))
    cache.write_text("a file")
    with pytest.raises(StorageError, match="cannot be written: Not a directory"):
        csv_files(0, train=path, stream=True)


def test_a_missing_file_is_reported_as_in_memory(tmp_path):
    with pytest.raises(DataError, match=r"nowhere.csv: cannot be read: No such file or directory"):
        csv_files(0, train=tmp_path / "nowhere.csv", stream=True)


def test_many_runs_may_make_the_same_store_at_once(tmp_path, cache, small):
    path = write_csv(tmp_path / "train.csv", *make_texts(60))
    found, errors = [], []

    def load():
        try:
            found.append(rows(csv_files(0, train=path, test_fraction=0.0, stream=True).train))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and all(one == found[0] for one in found) and len(found) == 4
    assert len(stores(cache)) == 1


# -- a run on it ---------------------------------------------------------------------------------


@pytest.fixture
def streaming(tmp_path, small):
    """A recipe on a stream with a test file."""
    texts, labels = make_texts(150)
    data = write_csv(tmp_path / "train.csv", texts[:120], labels[:120])
    test = write_csv(tmp_path / "test.csv", [*texts[120:], texts[3]], [*labels[120:], labels[3]])
    dataset = {"use": "csv", "train": str(data), "test": str(test), "stream": True}
    return small_recipe(data, dataset=dataset, vectorizer={"use": "tfidf"}, model="linear")


def test_a_run_on_a_stream_leaves_all_that_a_run_in_memory_leaves(streaming, tmp_path):
    run = textforge.run(streaming, out=tmp_path / "run", overrides={"trainer.epochs": 20, "optimizer.lr": 0.1})
    assert run.result["n_train"] == 120 and run.test["accuracy"] > 0.8
    assert [told for told in run.result["warnings"] if "1 of the 31 test texts also occur in train" in told]
    assert len((run.path / "predictions.jsonl").read_text().splitlines()) == 31
    assert len(json.loads((run.path / "environment.json").read_text())["data"]["sha256"]) == 64
    again = textforge.run(run.path / "resolved.yaml", out=tmp_path / "again")
    assert again.test == run.test
    texts = make_texts(5, seed=3)[0]
    assert textforge.load(run.path).predict(texts) == textforge.load(again.path).predict(texts)


def test_a_run_on_a_stream_is_evaluated_on_other_files_read_whole(streaming, tmp_path):
    from textforge.runs.evaluation import evaluate

    run = textforge.run(streaming, out=tmp_path / "run")
    other = write_csv(tmp_path / "other.csv", *make_texts(20, seed=5))
    assert evaluate(run.path, data=other)["n"] == 20
    figures = evaluate(run.path)
    assert figures["accuracy"] == run.test["accuracy"] and not figures["warnings"]


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"vectorizer": "subword"}, "vectorizer 'subword' learns from all texts at once, but dataset 'csv' gives a st"),
        ({"vectorizer": "subword"}, "Use a vectorizer that can: bow, bytes, hashing, preprocess, tfidf, tokens, union"),
        ({"model": "multinomial-nb"}, "model 'multinomial-nb' fits itself on all texts at once"),
        ({"trainer.validation": 0.1}, "trainer.validation needs all texts in memory"),
        ({"dataset.group": "author"}, "dataset 'csv': group has no effect on a stream"),
    ],
)
def test_what_cannot_learn_from_a_stream_is_reported_before_anything_is_read(streaming, overrides, told, cache):
    with pytest.raises(RecipeError, match=re.escape(told)):
        textforge.load_recipe(streaming, overrides=overrides)
    assert not (cache / "streams").exists()


def test_a_stream_is_not_cross_validated(streaming, tmp_path):
    with pytest.raises(RecipeError, match="cross-validation divides texts in memory"):
        textforge.cross_validate(streaming, folds=2, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_nothing_of_a_stream_is_kept_while_it_is_trained_on(tmp_path, monkeypatch):
    """The rows that are in memory at once are those of some chunks, however many there are."""
    monkeypatch.setattr(row_store, "BUCKET", 2000)

    class Text(str):
        """Text that can be followed."""

        __slots__ = ("__weakref__",)

    alive, most = weakref.WeakSet(), []

    def read(store, number):
        frame = pl.read_ipc(store.folder / store.chunks[number].name)
        texts = [Text(text) for text in frame["text"].to_list()]
        for text in texts:
            alive.add(text)
        most.append(len(alive))
        return texts, frame["label"].to_list(), None

    monkeypatch.setattr(row_store.Store, "read", read)
    path = write_csv(tmp_path / "train.csv", *make_texts(1500))
    recipe = small_recipe(path, model="linear", vectorizer={"use": "bow"})
    recipe["dataset"] |= {"stream": True, "test_fraction": 0.02}
    run = textforge.run(recipe, out=tmp_path / "run")
    assert run.result["n_train"] == 1470 and len(most) > 100
    assert max(most) < 300
