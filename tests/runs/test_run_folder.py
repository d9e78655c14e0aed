"""Run folders: how they are named, never overwritten, and known as finished or not."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from textforge.errors import BundleError, RecipeError, StorageError
from textforge.errors.makers import maker
from textforge.runs.evaluation import evaluate
from textforge.runs.folder import (
    bundle_folder,
    create_run_folder,
    data_fingerprint,
    is_finished,
    is_run,
    read_result,
    write_result,
)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unfinished(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text("seed: 0\n")
    (folder / "metrics.jsonl").write_text("{}\n")
    return folder


def test_by_default_it_is_runs_name_utc_time_and_short_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = [create_run_folder("mine", None) for _ in range(20)]
    for path in made:
        assert path.is_dir()
        assert re.fullmatch(r"runs/mine/\d{8}T\d{6}Z-[0-9a-f]{6}", path.as_posix())
    assert len(set(made)) == 20, "runs of one second do not meet"


def test_the_log_is_synced_before_the_result_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, synced = unfinished(tmp_path / "run"), []

    def fsync(number: int) -> None:
        path = Path(f"/proc/self/fd/{number}").resolve()
        synced.append((path.name, is_finished(run)))

    monkeypatch.setattr("os.fsync", fsync)
    write_result(run, {"test": None})
    assert synced[0] == ("metrics.jsonl", False)
    assert synced[-1] == ("run", True)


def left_by_a_killed_process(run: Path) -> None:
    host = maker().split("-")[0]
    (run / f".model.{host}-999999999-1-abcdef.tmp").mkdir(parents=True)
    (run / f".result.json.{host}-999999999-1-abcdef.tmp").write_text("half")


def test_a_new_run_deletes_what_killed_runs_of_its_recipe_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    killed = unfinished(tmp_path / "runs" / "mine" / "20260101T000000Z-abcdef")
    before = contents(killed)
    left_by_a_killed_process(killed)
    create_run_folder("mine", None)
    assert contents(killed) == before
    assert sorted(path.name for path in killed.iterdir()) == sorted(before)


def test_out_that_holds_only_what_a_killed_process_left_is_empty(tmp_path: Path) -> None:
    left_by_a_killed_process(tmp_path / "run")
    assert [*create_run_folder("x", tmp_path / "run").iterdir()] == []


def test_out_is_made_with_its_parents(tmp_path: Path) -> None:
    assert create_run_folder("x", tmp_path / "a" / "b").is_dir()


def test_an_empty_folder_may_be_out(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert create_run_folder("x", tmp_path / "mine") == tmp_path / "mine"


def test_a_finished_run_is_never_overwritten(tmp_path: Path, finished_run: Path) -> None:
    copy = shutil.copytree(finished_run, tmp_path / "run")
    before = contents(copy)
    with pytest.raises(RecipeError, match=r"holds a finished run; runs are never overwritten\. Choose another --out"):
        create_run_folder("x", copy)
    assert contents(copy) == before


def test_an_unfinished_run_is_never_overwritten(tmp_path: Path) -> None:
    run = unfinished(tmp_path / "run")
    before = contents(run)
    with pytest.raises(RecipeError, match="holds an unfinished run"):
        create_run_folder("x", run)
    assert contents(run) == before


def test_other_files_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("mine")
    with pytest.raises(RecipeError, match="holds other files"):
        create_run_folder("x", tmp_path)
    assert contents(tmp_path) == {".hidden": b"mine"}


def test_a_file_is_no_run_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(RecipeError, match=r"a: is a file\. Choose another --out"):
        create_run_folder("x", tmp_path / "a")
    assert (tmp_path / "a").read_text() == "mine"


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(StorageError, match=r"cannot be created: Not a directory\. Choose another --out"):
        create_run_folder("x", tmp_path / "a" / "b")


def test_a_place_that_may_not_be_written_is_reported(tmp_path: Path) -> None:
    closed = tmp_path
    if os.geteuid() == 0:  # whom no folder's rights stop; the kernel's own folders do
        closed = Path("/proc")
        if not closed.is_dir():
            pytest.skip("running as root, and there is no /proc: nothing here is closed to root")
    else:
        closed.chmod(0o555)
    with pytest.raises(StorageError, match=r"cannot be created: .+\. Choose another --out"):
        create_run_folder("x", closed / "textforge-run")


def test_only_result_json_makes_a_run_finished(tmp_path: Path, finished_run: Path) -> None:
    copy = shutil.copytree(finished_run, tmp_path / "run")
    assert is_finished(copy)
    assert is_run(copy)
    (copy / "result.json").unlink()
    assert not is_finished(copy)
    assert is_run(copy)
    with pytest.raises(BundleError, match=r"an unfinished run: it has no result\.json.*textforge resume /.*run"):
        bundle_folder(copy)


def test_a_run_gives_its_bundle_and_a_bundle_itself(finished_run: Path) -> None:
    assert bundle_folder(finished_run) == finished_run / "model"
    assert bundle_folder(finished_run / "model") == finished_run / "model"


@pytest.mark.parametrize(
    "damage", [b"", b'{"recipe": ', b"\xff\xfe", b"[1]", b"3", b"[]", b"[[1, 2]]", b"null", b"[" * 100_000, b"9" * 5000]
)
def test_a_damaged_result_is_reported(tmp_path: Path, finished_run: Path, damage: bytes) -> None:
    copy = shutil.copytree(finished_run, tmp_path / "run")
    (copy / "result.json").write_bytes(damage)
    for read in (read_result, bundle_folder):
        with pytest.raises(BundleError, match=r"its result\.json is damaged"):
            read(copy)


@pytest.mark.parametrize(
    "damage",
    [b"", b"[]", b"{}", b"3", b'{"data": [1]}', b'{"data": {"sha256": 3}}', b"\xff", b"[" * 100_000, b"9" * 5000],
)
def test_the_fingerprint_of_a_damaged_environment_is_unknown(tmp_path: Path, finished_run: Path, damage: bytes) -> None:
    copy = shutil.copytree(finished_run, tmp_path / "run")
    assert re.fullmatch("[0-9a-f]{64}", data_fingerprint(copy) or "")
    (copy / "environment.json").write_bytes(damage)
    assert data_fingerprint(copy) is None
    assert "environment.json cannot be read" in evaluate(copy)["warnings"][-1]


@pytest.mark.parametrize("name", ["my run", "it's", "-r", "$(touch x)", "; ls #"])
@pytest.mark.parametrize(
    ("file", "lead", "offered"),
    [
        ("metrics.jsonl", "Run it again: ", "resolved.yaml"),
        ("folds.jsonl", "Run it again: ", "resolved.yaml"),
        ("plan.json", "continue with: ", ""),
    ],
)
def test_the_command_that_is_offered_can_be_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str, lead: str, offered: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (unfinished(Path(name)) / file).write_text("{}\n")
    with pytest.raises(BundleError) as told:
        bundle_folder(Path(name))
    *_, path = shlex.split(str(told.value).partition(lead)[2])
    assert not path.startswith("-")
    assert Path(path) == Path(name, offered)


def test_nothing_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such run or bundle"):
        bundle_folder(tmp_path / "away")


@pytest.mark.parametrize("depth", ["runs", "runs/small"])
def test_a_folder_of_runs_names_the_latest(tmp_path: Path, depth: str) -> None:
    for name, when in (("b", 2_000), ("a", 3_000), ("c", 1_000)):
        run = tmp_path / "runs" / "small" / name
        run.mkdir(parents=True)
        (run / "result.json").write_text("{}")
        os.utime(run / "result.json", (when, when))
    with pytest.raises(BundleError, match=r"it contains runs; the latest is .*runs/small/a$"):
        bundle_folder(tmp_path / depth)


def test_a_whole_home_folder_is_not_searched_for_runs(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c" / "d"
    deep.mkdir(parents=True)
    (deep / "result.json").write_text("{}")
    with pytest.raises(BundleError, match=r"neither a run \(result\.json\) nor a bundle \(bundle\.json\)"):
        bundle_folder(tmp_path)


# -- folders of several trainings --------------------------------------------------------------


def crossed(folder: Path, *files: str) -> Path:
    folder.mkdir()
    for name in ("recipe.yaml", "resolved.yaml", *files):
        (folder / name).write_text("{}\n")
    return folder


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["folds.jsonl"], r"an unfinished cross-validation: it has no cross-validation\.json\. Run it again: textforge "
         r"cross-validate .*resolved\.yaml"),
        (["folds.jsonl", "cross-validation.json"], "a cross-validation, which saves no classifier. Train one on all"),
    ],
    ids=["unfinished", "finished"],
)  # fmt: skip
def test_a_cross_validation_is_no_run_and_holds_no_bundle(tmp_path: Path, files: list[str], says: str) -> None:
    path = crossed(tmp_path / "cv", *files)
    assert not is_run(path)
    assert not is_finished(path)
    with pytest.raises(BundleError, match=says):
        bundle_folder(path)
    before = contents(path)
    with pytest.raises(RecipeError, match="holds other files; runs are never overwritten"):
        create_run_folder("x", path)
    assert contents(path) == before


def test_a_folder_of_runs_is_no_run_and_names_the_last(tmp_path: Path, finished_run: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(finished_run, runs / "seed-0")
    (runs / "seeds.json").write_text("{}")
    assert not is_run(runs)
    with pytest.raises(BundleError, match=r"it contains runs; the latest is .*seed-0"):
        bundle_folder(runs)
