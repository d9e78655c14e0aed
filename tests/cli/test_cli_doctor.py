"""`textforge doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import only_json, textforge, write_csv
from examined_texts import distinct
from in_process import invoke


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    texts, labels = distinct(60)
    texts[7] = "-"
    return write_csv(tmp_path / "posts.csv", texts, labels)


def test_a_process_prints_what_is_wrong_and_where(posts: Path) -> None:
    done = textforge("doctor", posts, "--quick", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{posts}: train 60 texts, 3 labels\nfindings: 1 medium\n\nMEDIUM  empty-texts\n")
    assert "rows: train 7\n" in done.stdout
    assert "not looked for:\n" in done.stdout


def test_json_is_one_object(posts: Path) -> None:
    done = invoke("doctor", posts, "--quick", "--json")
    found = only_json(done.stdout)
    assert found["splits"] == {"train": 60}
    assert [(one["kind"], one["rows"]) for one in found["findings"]] == [("empty-texts", {"train": [7]})]
    assert "looking for exact duplicates" in done.stderr


def test_fix_names_what_it_did_and_leaves_the_data_alone(posts: Path, tmp_path: Path) -> None:
    before = posts.read_bytes()
    done = invoke("doctor", posts, "--quick", "-q", "--fix", tmp_path / "clean")
    assert f"cleaned copy in {tmp_path / 'clean'}: train.csv, changes.jsonl" in done.stdout
    assert "removed an empty text: 1 text\n" in done.stdout
    assert posts.read_bytes() == before
    again = invoke("doctor", posts, "--quick", "-q", "--fix", tmp_path / "clean")
    assert (again.returncode, again.stdout) == (2, "")
    assert "overwrites nothing" in again.stderr


def test_texts_cannot_control_the_terminal(tmp_path: Path) -> None:
    texts, labels = distinct(30)
    texts[4] = texts[9] = "\x1b[31mred\x1b[0m and nothing else"
    done = invoke("doctor", write_csv(tmp_path / "posts.csv", texts, labels), "--quick", "-q")
    assert "exact-duplicates" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv"], "no such file or folder"),
        (["posts.csv", "-s", "lable=x"], "Did you mean 'label'"),
        (["posts.csv", "--test", "missing.csv"], "missing.csv"),
    ],
)
def test_a_mistake_is_said_in_a_sentence(
    posts: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(posts.parent)
    done = invoke("doctor", *arguments, "--quick", "-q")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
