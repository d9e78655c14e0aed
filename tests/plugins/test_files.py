"""Files by path, list and glob; compressed ones; and what is said of those that cannot be read."""

import gzip
import os
import re
import tracemalloc
import zipfile
from functools import cache
from pathlib import Path

import pytest
import zstandard
from conftest import make_texts, write_csv
from hypothesis import given, strategies as st

from textforge import DataError, RecipeError
from textforge.recipes.recipe import load_dataset_part
from textforge_standard.datasets.csv_files import csv_files
from textforge_standard.datasets.fasttext import fasttext
from textforge_standard.datasets.files import data_files, expanded
from textforge_standard.datasets.jsonl import jsonl
from textforge_standard.datasets.packed import content, pieces, suffix
from textforge_standard.datasets.parquet import parquet


def read(train, **options):
    return csv_files(0, train=train, **{"test_fraction": 0.0, **options}).train


@pytest.fixture
def three(tmp_path):
    """Three files with a row each, and another that no glob here should find."""
    for name in "bac":
        write_csv(tmp_path / f"part-{name}.csv", [f"text {name}"], [name])
    write_csv(tmp_path / "other.csv", ["other"], ["other"])
    return tmp_path


def test_files_of_a_list_are_read_in_its_order(three):
    assert read([three / "part-c.csv", three / "part-a.csv"]) == (["text c", "text a"], ["c", "a"])


def test_files_of_a_glob_are_read_sorted(three):
    assert read(three / "part-*.csv") == (["text a", "text b", "text c"], ["a", "b", "c"])
    assert read([three / "part-[ab].csv", three / "part-?.csv"])[1] == ["a", "b", "c"]  # none twice


def test_a_glob_finds_files_in_folders(tmp_path):
    (tmp_path / "x" / "y").mkdir(parents=True)
    write_csv(tmp_path / "x" / "y" / "deep.csv", ["deep"], ["d"])
    write_csv(tmp_path / "x" / "flat.csv", ["flat"], ["f"])
    (tmp_path / "x" / "folder.csv").mkdir()
    assert read(tmp_path / "**" / "*.csv")[0] == ["flat", "deep"]


def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in members.items():
            opened.writestr(name.replace("__", "/"), text)
    return path


def test_the_one_data_file_of_a_zip_archive_is_read(tmp_path):
    path = archive(tmp_path / "a.zip", **{"x__d.csv": "text,label\nred,a\n", "README.md": "x", "x__.hidden": "y"})
    assert read(path) == (["red"], ["a"])
    assert suffix(path) == ".csv" and data_files(path, (".csv",)) == {"train": path}


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"a.csv": "text", "b.csv": "text"}, "a.zip: contains 2 files: a.csv, b.csv. A .zip must contain exactly one"),
        ({"LICENSE": "text"}, "a.zip: contains no data file"),
    ],
)
def test_a_zip_archive_without_exactly_one_data_file_is_refused(tmp_path, members, told):
    with pytest.raises(DataError, match=re.escape(told)):
        read(archive(tmp_path / "a.zip", **members))


def test_a_damaged_or_encrypted_zip_archive_is_refused(tmp_path):
    path = archive(tmp_path / "a.zip", **{"d.csv": "text,label\n" + "red,a\n" * 99})
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(DataError, match="cannot be decompressed"):
        read(path)
    path.write_bytes(whole[:40] + b"\xff\xff" + whole[42:])
    with pytest.raises(DataError, match="cannot be decompressed"):
        read(path)
    flags = whole.index(b"PK\x01\x02") + 8
    path.write_bytes(whole[:flags] + b"\x01" + whole[flags + 1 :])
    with pytest.raises(DataError, match="is encrypted"):
        read(path)


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path):
    write_csv(tmp_path / "data[1].csv", ["one"], ["a"])
    write_csv(tmp_path / "data1.csv", ["other"], ["b"])
    assert read(tmp_path / "data[1].csv") == (["one"], ["a"])


def test_a_glob_that_matches_nothing_is_reported_with_its_option(three):
    for option in ("train", "test"):
        with pytest.raises(DataError) as told:
            csv_files(0, **{"train": three / "other.csv", option: three / "*.tsv"})
        assert str(told.value) == f"{three}/*.tsv: no file matches this pattern. Correct dataset.{option}."


def test_a_recipes_paths_are_relative_to_it_also_in_lists_and_globs(three):
    recipe = three / "recipe.yaml"
    for written, n in (("part-a.csv", 1), ("[part-a.csv, part-b.csv]", 2), ("part-*.csv", 3), ("['p*.csv']", 3)):
        recipe.write_text(f"dataset: {{use: csv, train: {written}, test_fraction: 0}}")
        part, _ = load_dataset_part(recipe)
        assert len(part.build({"seed": 0}).train[0]) == n, written
    recipe.write_text("dataset: {use: csv, train: [part-a.csv, nowhere.csv]}")
    with pytest.raises(RecipeError, match=r"no file or folder .*nowhere\.csv"):
        load_dataset_part(recipe)


def test_a_mistake_names_the_file_of_a_list_that_has_it(three):
    bad = three / "part-b.csv"
    bad.write_text("text,label\nred,\n")
    with pytest.raises(DataError) as told:
        read(three / "part-*.csv")
    assert str(told.value).startswith(f"{bad}: no row has both a text and a label: 0 of 1 rows have")


# -- compressed --------------------------------------------------------------------------------

PACKERS = {".gz": gzip.compress, ".zst": zstandard.compress}


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize(("factory", "name"), [(csv_files, "d.csv"), (jsonl, "d.jsonl"), (parquet, "d.parquet")])
def test_compressed_files_are_read_as_what_they_hold(tmp_path, kind, factory, name):
    import polars as pl

    texts, labels = make_texts(50)
    frame, plain = pl.DataFrame({"text": texts, "label": labels}), tmp_path / name
    {"d.csv": frame.write_csv, "d.jsonl": frame.write_ndjson, "d.parquet": frame.write_parquet}[name](plain)
    packed = tmp_path / (name + kind)
    packed.write_bytes(PACKERS[kind](plain.read_bytes()))
    assert factory(0, train=packed) == factory(0, train=plain)
    assert factory(0, train=plain, test_fraction=0).train == (texts, labels)


@given(pieces=st.lists(st.binary(max_size=40), min_size=1, max_size=5), kind=st.sampled_from(sorted(PACKERS)))
def test_files_of_several_compressed_pieces_are_read_whole(tmp_path_factory, pieces, kind):
    path = tmp_path_factory.getbasetemp() / f"pieces{kind}"
    path.write_bytes(b"".join(map(PACKERS[kind], pieces)))
    assert content(path) == b"".join(pieces)


def test_pieces_that_straddle_what_is_read_at_once_come_out_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("textforge_standard.datasets.packed.PIECE", 7)
    path = tmp_path / "pieces.zst"
    path.write_bytes(zstandard.compress(b"one" * 100) + zstandard.compress(b"two" * 100))
    assert content(path) == b"one" * 100 + b"two" * 100


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        (kind, damage)
        for kind in PACKERS
        for damage in ("empty", "not compressed", "broken off", "broken off between", "rubbish behind")
        if (kind, damage) != (".gz", "empty")  # to gzip an empty file is one
    ],
)
def test_a_damaged_compressed_file_is_reported(tmp_path, kind, damage):
    whole = PACKERS[kind](b"text,label\n" + bytes(range(32, 127)) * 50)
    data = {
        "empty": b"",
        "not compressed": b"text,label\nred,x\n",
        "broken off": whole[:-3],
        "broken off between": whole + whole[: len(whole) // 2],
        "rubbish behind": whole + b"rubbish",
    }[damage]
    path = tmp_path / f"d.csv{kind}"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"cannot be decompressed: .*Is it complete\? Copy or download it again\."):
        read(path)


def zstd_of_one_byte(byte, n_blocks):
    """A frame of n_blocks blocks, each of 4 bytes that stand for 128 KiB: as dense as zstd can be (RFC 8878)."""
    blocks = (((n == n_blocks - 1) | 1 << 1 | 1 << 17 << 3).to_bytes(3, "little") + byte for n in range(n_blocks))
    return b"\x28\xb5\x2f\xfd\x00\x38" + b"".join(blocks)


def test_the_densest_file_is_unpacked_in_pieces_of_a_few_megabytes(tmp_path):
    path = tmp_path / "dense.jsonl.zst"
    path.write_bytes(zstd_of_one_byte(b"a", 4096))
    sizes = [len(piece) for piece in pieces(path)]
    assert sum(sizes) == 1 << 29 and max(sizes) < 20 << 20


@cache
def gzip_of_nuls():
    return gzip.compress(bytes(1 << 28), 1)


@pytest.mark.parametrize(
    ("name", "packed"),
    [("d.zst", lambda: zstd_of_one_byte(b"\0", 4096)), ("d.gz", gzip_of_nuls)],
    ids=["zstd", "gzip"],
)
@pytest.mark.parametrize("read", [read, lambda path: jsonl(0, train=path), lambda path: fasttext(0, train=path)])
def test_a_packed_file_of_nuls_is_refused_before_it_fills_the_memory(tmp_path, name, packed, read):
    path = tmp_path / name
    path.write_bytes(packed())
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="line 1: a NUL byte"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 80 << 20
    finally:
        tracemalloc.stop()


def test_init_refuses_a_packed_file_of_nuls_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "d.csv.gz"
    path.write_bytes(gzip_of_nuls())
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="a megabyte of NUL bytes"):
            csv_files.look_at(path)
        assert tracemalloc.get_traced_memory()[1] < 80 << 20
    finally:
        tracemalloc.stop()


# -- what is no file ---------------------------------------------------------------------------


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    return path


def test_pipes_and_devices_are_refused_before_they_are_opened(tmp_path, pipe):
    for path in (pipe, Path("/dev/zero"), [pipe], tmp_path / "*.csv"):
        for factory in (csv_files, jsonl, parquet, fasttext):
            for stream in ({}, {} if factory is fasttext else {"stream": True}):
                with pytest.raises(DataError, match=r"(pipe\.csv|zero): is a pipe or a device"):
                    factory(0, train=path, **stream)


def test_check_refuses_pipes_devices_and_folders(tmp_path, pipe):
    (tmp_path / "data").mkdir()
    recipe = tmp_path / "recipe.yaml"
    for option in ("train", "test"):
        for name, part in (("/dev/zero", "is a pipe or a device"), ("pipe.csv", "is a pipe or a device"),
                           ("data", "is a folder. Name the files in it, such as data/*")):  # fmt: skip
            recipe.write_text(
                f"dataset: {{use: csv, {'' if option == 'train' else 'train: recipe.yaml, '}{option}: {name}}}"
            )
            with pytest.raises(RecipeError, match=rf"recipe\.yaml:1:.*{option}.*{re.escape(part)}"):
                load_dataset_part(recipe)


def test_a_file_behind_a_link_is_a_file(tmp_path, three):
    (tmp_path / "link.csv").symlink_to(three / "part-a.csv")
    assert read(tmp_path / "link.csv") == (["text a"], ["a"])


def test_a_glob_tells_of_a_link_that_leads_nowhere(three):
    (three / "part-d.csv").symlink_to(three / "nowhere.csv")
    with pytest.raises(DataError, match=r"part-d\.csv: cannot be read: No such file"):
        read(three / "part-*.csv")


def test_a_glob_that_matches_only_folders_says_how_to_go_on(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match=r"no file matches this pattern, only folders; .*/\*/\* matches the files"):
        read(tmp_path / "*")


# -- finding -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"),
    [("a.csv", ".csv"), ("a.CSV", ".csv"), ("a.csv.gz", ".csv"), ("a.b.jsonl.zst", ".jsonl"), ("a.gz", ""), ("a", "")],
)
def test_the_suffix_that_tells_the_format(name, found):
    assert suffix(Path(name)) == found


def test_a_folder_with_files_of_splits_is_understood(tmp_path):
    for name in ("train.csv.gz", "dev.csv", "test.csv", "notes.txt"):
        (tmp_path / name).write_text("")
    found = data_files(tmp_path, (".csv",))
    assert {split: path.name for split, path in found.items()} == {
        "train": "train.csv.gz",
        "valid": "dev.csv",
        "test": "test.csv",
    }
    assert data_files(tmp_path, (".jsonl",)) == {}
    assert data_files(tmp_path, (".txt",)) == {"train": tmp_path / "notes.txt"}
    (tmp_path / "more.txt").write_text("")
    assert data_files(tmp_path, (".txt",)) == {}  # which of the two?


def test_one_path_is_a_list_of_one(tmp_path):
    assert expanded(tmp_path / "x.csv", "train") == [tmp_path / "x.csv"]  # its reader tells that it is not there
