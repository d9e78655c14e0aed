"""Dataset `folder`: one folder per class, as scikit-learn reads it."""

import pytest
from sklearn.datasets import load_files

from textforge import DataError, PluginManager
from textforge_standard.datasets.folder import folder


@pytest.fixture
def tree(tmp_path):
    """Write files by their path below a folder, and give the folder."""

    def write(files, root="data"):
        for name, content in files.items():
            path = tmp_path / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / root

    return write


SMALL = {"neg/1.txt": "bad", "neg/0.txt": "awful", "pos/a.txt": "good", "pos/b": "great"}


def read(path, **options):
    return folder(0, train=path, **{"test_fraction": 0.0, **options}).train


def refused(path, **options):
    with pytest.raises(DataError) as told:
        read(path, **options)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_each_folder_is_a_class_and_each_file_a_text(tree):
    assert read(tree(SMALL)) == (["awful", "bad", "good", "great"], ["neg", "neg", "pos", "pos"])


def test_the_texts_are_those_of_scikit_learn(tree):
    path = tree({f"{name}/{n}.txt": f"text {n}\r\nof {name}" for name in ("b", "a", "Ä") for n in range(12)})
    bunch = load_files(path, encoding="utf-8", shuffle=False)
    assert read(path) == (bunch.data, [bunch.target_names[n] for n in bunch.target])


@pytest.mark.parametrize(
    "names", [("train", "test", "valid"), ("Train", "TEST", "dev"), ("training", "testing", "val")]
)
def test_folders_of_splits_above_the_classes(tree, names):
    files = {f"{split}/{path}": f"{text} {kind}" for split, kind in zip(names, ("train", "test", "valid"), strict=True)
             for path, text in SMALL.items()}  # fmt: skip
    dataset = folder(0, train=tree({**files, "README": "see", "train.feat": "1:2"}))
    assert {split: texts[0] for split, (texts, _) in dataset.splits().items()} == {
        split: f"awful {split}" for split in ("train", "test", "valid")
    }
    assert dataset.warnings == ()


def test_splits_in_folders_of_any_name(tree):
    dataset = folder(0, train=tree(SMALL, "one"), test=tree(SMALL, "two"), valid=tree(SMALL, "three"))
    assert dataset.train == dataset.test == dataset.valid


def test_classes_named_test_and_quiz_are_classes(tree):
    assert read(tree({"test/a": "one", "quiz/b": "two"}))[1] == ["quiz", "test"]
    path = tree({"train/a": "choo", "test/b": "exam", "plane/c": "fly"}, "vehicles")
    assert read(path)[1] == ["plane", "test", "train"]


def test_only_some_classes(tree):
    path = tree({**SMALL, "unsup/x": "?"})
    assert set(read(path, classes=["pos", "neg"])[1]) == {"pos", "neg"}
    assert "no folder 'posi'. Folders: neg, pos, unsup. Did you mean 'pos'?" in refused(path, classes=["posi", "neg"])


def test_hidden_files_and_folders_are_left_alone(tree):
    path = tree({**SMALL, ".git/x": "no", "pos/.DS_Store": b"\0\xff"})
    assert len(read(path)[0]) == 4


@pytest.mark.parametrize(
    ("files", "warning"),
    [
        ({"neutral/.keep": ""}, "folders without a text are not classes: neutral."),
        ({"neutral/sub/deep/x.txt": "so", "neutral/sub/y.txt": "la"},
         "2 files are not read (neutral/sub/deep/x.txt, neutral/sub/y.txt): in sub-folders; move those that should be "
         "read into the folder of their class."),
        ({"neutral/sub/x.txt": "so"}, "folders without a text are not classes: neutral."),
        ({"pos/.c.txt": "hidden"}, "1 files are not read (pos/.c.txt): hidden; rename files that should be read."),
        ({".neutral/c.txt": "hidden"}, "1 files are not read (.neutral): hidden; rename files that should be read."),
        ({"README": "see"}, "1 files are not read (README): beside the class folders."),
    ],
)  # fmt: skip
def test_what_is_not_read_is_named_in_a_warning(tree, files, warning):
    path = tree({**SMALL, **files})
    dataset = folder(0, train=path, test_fraction=0.0)
    assert len(dataset.train[0]) == 4
    assert f"{path}: {warning}" in dataset.warnings


def test_a_class_whose_files_are_all_empty_is_named(tree):
    path = tree({**SMALL, "neutral/a.txt": "  "})
    dataset = folder(0, train=path, test_fraction=0.0, missing="drop")
    assert f"{path}: folders without a text are not classes: neutral." in dataset.warnings


def test_links_that_lead_nowhere_or_in_circles_are_named(tree):
    path = tree(SMALL)
    (path / "pos" / "gone.txt").symlink_to(path / "nowhere")
    (path / "pos" / "round").symlink_to(path)
    warnings = folder(0, train=path, test_fraction=0.0).warnings
    assert any("(pos/gone.txt): not regular files" in warning for warning in warnings)
    assert any("pos/round" in warning for warning in warnings)


def test_what_desktops_and_version_control_leave_is_not_worth_a_word(tree):
    path = tree({**SMALL, ".git/x": "no", "pos/.DS_Store": b"\0\xff", "neg/._1.txt": "x", "pos/.gitkeep": ""})
    assert folder(0, train=path, test_fraction=0.0).warnings == ()


def test_folders_left_out_by_choice_are_not_named(tree):
    path = tree({**SMALL, "unsup/x": "?", "README": "see"})
    assert folder(0, train=path, classes=["pos", "neg"], test_fraction=0.0).warnings == ()


def test_texts_only_in_sub_folders_are_reported(tree):
    told = refused(tree({"pos/2020/a.txt": "x", "neg/2020/b.txt": "y"}))
    assert "its folders contain no texts" in told and "2 files are not read (neg/2020/b.txt, pos/2020/a.txt)" in told


def test_folders_that_look_alike_become_one_class_by_an_option(tree):
    path = tree({"caf\u00e9/1": "a", "cafe\u0301/2": "b", "Th\u00e9/3": "c", "th\u00e9/4": "d"})
    assert len(set(read(path)[1])) == 4
    assert set(read(path, similar_labels="join")[1]) == {"caf\u00e9", "Th\u00e9", "th\u00e9"}
    assert set(read(path, similar_labels="ignore_case")[1]) == {"caf\u00e9", "th\u00e9"}


def test_compressed_texts_are_unpacked(tree):
    import gzip

    assert read(tree({**SMALL, "pos/c.gz": gzip.compress(b"fine")}))[0][-1] == "fine"


def test_a_test_split_is_held_out_where_there_is_none(tree):
    path = tree({f"{name}/{n}": f"text {n}" for name in "ab" for n in range(10)})
    dataset = folder(0, train=path)
    assert sorted(dataset.test[1]) == ["a", "a", "b", "b"]
    assert dataset.warnings == ("no test folder: 4 of 20 rows, stratified by label, are held out for the test.",)


def test_empty_files_are_reported_or_dropped(tree):
    path = tree({**SMALL, "pos/empty": "", "neg/blank": " \n"})
    told = refused(path)
    assert f"{path}: 2 of 6 files have no text" in told and "neg/blank, pos/empty" in told
    dataset = folder(0, train=path, test_fraction=0.0, missing="drop")
    assert len(dataset.train[0]) == 4 and "they were dropped" in dataset.warnings[0]


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({"readme.txt": "just a file"}, "has no folders"),
        ({"pos/.hidden": "x"}, "its folders contain no texts"),
        ({**SMALL, "pos/x": "café".encode("latin-1")}, "byte 0xe9 is not utf-8"),
        ({**SMALL, "pos/x": b"\0\0"}, "a NUL byte"),
    ],
)
def test_a_folder_that_cannot_be_read_is_reported(tree, files, part):
    assert part in refused(tree(files))


def test_a_class_folder_whose_name_is_not_utf8_is_refused(tree):
    path = tree(SMALL)
    (path / "caf\udce9").mkdir()
    (path / "caf\udce9" / "1.txt").write_text("strong")
    assert "the label 'caf\\udce9' at index 0 cannot be written as UTF-8" in refused(path)
    assert read(path, classes=["pos", "neg"])[1] == ["neg", "neg", "pos", "pos"]


def test_warnings_of_files_whose_names_are_not_utf8_can_be_written(tree):
    path = tree(SMALL)
    (path / "pos" / "sub").mkdir()
    (path / "pos" / "sub" / "caf\udce9.txt").write_text("strong")
    (warning,) = folder(0, train=path, test_fraction=0.0).warnings
    assert "(pos/sub/caf\\udce9.txt)" in warning and warning.encode()


def test_what_is_no_folder_is_reported(tree, tmp_path):
    assert "is a file; a folder is required" in refused(tree(SMALL) / "pos" / "b")
    assert "does not exist; a folder is required" in refused(tmp_path / "nowhere")


def test_look_at_knows_its_own(tree, tmp_path):
    look_at = PluginManager().component("dataset", "folder").factory.look_at
    path = tree({**SMALL, "pos/x": "café".encode("cp1252"), "pos/y": ""})
    found = look_at(path)
    assert found["options"] == {"train": path, "encoding": "cp1252", "missing": "drop"}
    assert folder(0, **found["options"], test_fraction=0.0).train[0][-1] == "café"
    assert look_at(tree(SMALL, "clean"))["options"] == {"train": tmp_path / "clean"}
    assert look_at(tree({"pos/a": b"\0", "neg/b": b"\0"}, "images")) is None
    assert look_at(tree({"pos/a": "x"}, "one")) is None
    assert look_at(path / "pos" / "b") is None
