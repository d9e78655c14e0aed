"""`textforge push` and `pull` as commands, some of them as processes of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import only_json, textforge
from in_process import invoke

if TYPE_CHECKING:
    from standin_hub import Hub

NAME = "alice/topics"


@pytest.fixture
def run(tested_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tested_run, tmp_path / "run")


def test_push_pull_and_predict_by_address_work_as_processes(hub: Hub, run: Path, tmp_path: Path) -> None:
    """The run, its copy and its address give the same answers; what is in the cache needs no network."""
    done = textforge("push", run, NAME, "--private", "-q")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"to {NAME}, branch main, private:\nfile ")
    commit = hub.repositories[NAME].branches["main"]
    assert done.stdout.endswith(f"/{NAME}/commit/{commit}\nget it: textforge pull {NAME}@{commit}\n")
    pulled = textforge("pull", NAME, "-q", cwd=tmp_path)
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stdout.startswith("bundle: topics (6 files, ")
    assert pulled.stdout.endswith(f"commit: {commit}\n")
    hub.fail = lambda method, path: "drop"
    expected = invoke("predict", run, "orbit launch", "pitcher inning").stdout
    assert textforge("predict", f"hf://{NAME}@{commit}", "orbit launch", "pitcher inning").stdout == expected
    assert invoke("predict", tmp_path / "topics", "orbit launch", "pitcher inning").stdout == expected


def test_a_process_without_network_exits_with_3_and_one_sentence(hub: Hub, tmp_path: Path) -> None:
    done = textforge("pull", NAME, "-q", cwd=tmp_path, env={"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: alice/topics: the Hugging Face hub (http://127.0.0.1:9) cannot be reached: ")


def test_a_dry_run_names_what_would_be_uploaded(hub: Hub, run: Path) -> None:
    done = invoke("push", run, NAME, "--dry-run", "-q")
    assert done.returncode == 0, done.stderr
    head, columns, *files, end = done.stdout.splitlines()
    assert head == f"to {NAME}, branch main, public:"
    assert columns.split(maxsplit=1) == ["file", "size in bytes"]
    assert [line.split()[0] for line in files] == [
        "README.md", "bundle.json", "model.safetensors", "vectorizer.safetensors", "resolved.yaml", "environment.json",
    ]  # fmt: skip
    assert end == "nothing was uploaded (--dry-run)"
    assert not hub.repositories


def test_json_is_one_object_each(hub: Hub, run: Path, tmp_path: Path) -> None:
    pushed = only_json(invoke("push", run, NAME, "--branch", "next", "-m", "Next", "-q", "--json").stdout)
    assert (pushed["repository"], pushed["branch"], pushed["private"]) == (NAME, "next", False)
    assert hub.repositories[NAME].messages == ["initial commit", "Next"]
    pulled = only_json(invoke("pull", f"{NAME}@next", tmp_path / "copy", "-q", "--json").stdout)
    assert pulled["commit"] == pushed["commit"]
    assert json.loads((tmp_path / "copy" / "hub.json").read_text())["revision"] == "next"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("push", "{run}", "topics"), 2, "'topics': is no name on the Hugging Face hub. Write USER/NAME"),
        (("push", "{run}/none", NAME), 2, "no such run or bundle"),
        (
            ("push", "{run}", f"{NAME}@a", "--branch", "b"),
            2,
            "give the branch in USER/NAME@BRANCH or in --branch, not both",
        ),
        (("push", "{run}", "bob/topics"), 3, "your token may not do this"),
        (("pull", NAME), 3, "alice/topics: is not on the hub, or is private"),
        (("predict", "hf://topics", "x"), 2, "is no name on the Hugging Face hub"),
        (("predict", f"hf://{NAME}", "x"), 3, "alice/topics: is not on the hub, or is private"),
        (("evaluate", f"hf://{NAME}"), 3, "alice/topics: is not on the hub, or is private"),
    ],
)
def test_mistakes_have_their_exit_code_and_sentence(
    hub: Hub, run: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    done = invoke(
        *(argument.format(run=run) for argument in arguments), *(["-q"] if arguments[0] != "evaluate" else [])
    )
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert "pushed" not in done.stdout


def test_files_that_are_no_part_of_a_bundle_are_named(hub: Hub, run: Path, tmp_path: Path) -> None:
    assert invoke("push", run, NAME, "-q").returncode == 0
    hub.repositories[NAME].commit({**hub.files(NAME), "run.pkl": b"x"})
    done = invoke("pull", NAME, tmp_path / "copy", "-q")
    assert done.stderr == "left out, because they are no part of a bundle: run.pkl.\n"
    assert not (tmp_path / "copy" / "run.pkl").exists()
