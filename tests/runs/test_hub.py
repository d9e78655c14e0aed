"""Push and pull by the real client of the hub, against a stand-in server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from standin_hub import Answer, Hub, error

import textforge
from textforge import BundleError, DataUnavailable, PushOptions, RecipeError, StorageError, TextforgeError
from textforge.runs.hub.address import HubAddress, hub_address, parse_address

NAME = "alice/topics"
TEXTS = ["orbit launch shuttle", "pitcher inning", "pixel polygon shader"]


@pytest.fixture
def run(tested_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tested_run, tmp_path / "run")


@pytest.fixture
def pushed(hub: Hub, run: Path) -> textforge.Pushed:
    return textforge.push(run, NAME)


def answers(classifier: textforge.Classifier) -> list[list[float]]:
    return classifier.predict_proba(TEXTS).tolist()


def fill_in(run: Path, text: str, section: str = "intended-use") -> None:
    """Write the card of a run, and text into a section of it."""
    file = run / "README.md"
    textforge.card(run, file)
    begin = f"<!-- yours: {section} -->\n"
    before, _, after = file.read_text().partition(begin)
    file.write_text(f"{before}{begin}{text}\n{after[after.index('<!-- end') :]}")


# -- push --------------------------------------------------------------------------------------


def test_a_push_creates_the_repository_and_uploads_bundle_card_recipe_and_environment_in_one_commit(
    hub: Hub, run: Path
) -> None:
    announced: list[textforge.Pushed] = []
    done = textforge.push(run, NAME, PushOptions(message="First"), announce=announced.append)
    files, repository = hub.files(NAME), hub.repositories[NAME]
    assert set(files) - {".gitattributes"} == set(done.files) == set(announced[0].files) == {
        "README.md", "bundle.json", "model.safetensors", "vectorizer.safetensors", "resolved.yaml", "environment.json",
    }  # fmt: skip
    assert {name: len(files[name]) for name in done.files} == done.files
    assert repository.messages == ["initial commit", "First"]
    assert not repository.private
    assert announced[0].commit is None
    assert done.commit == repository.branches["main"]
    assert done.url == f"{hub.url}/{NAME}/commit/{done.commit}"
    for name in ("bundle.json", "model.safetensors", "vectorizer.safetensors"):
        assert files[name] == (run / "model" / name).read_bytes()


def test_no_text_prediction_local_folder_or_password_is_uploaded(hub: Hub, run: Path, tmp_path: Path) -> None:
    resolved = yaml.safe_load((run / "resolved.yaml").read_text())
    resolved["dataset"]["url"] = "postgresql://me:hunter2@db/posts?sslkey=abcd"
    resolved["dataset"]["password"] = "hunter3"
    (run / "resolved.yaml").write_text(yaml.safe_dump(resolved))
    textforge.push(run, NAME)
    everything = b"".join(content for name, content in hub.files(NAME).items() if not name.endswith(".safetensors"))
    texts = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    assert texts
    for secret in ("hunter2", "hunter3", "abcd", str(tmp_path), str(Path(resolved["dataset"]["train"]).parent)):
        assert secret.encode() not in everything, secret
    posts = Path(resolved["dataset"]["train"]).read_text().splitlines()
    assert not [line for line in posts[1:] if line.rpartition(",")[0].encode() in everything]
    assert yaml.safe_load(hub.files(NAME)["resolved.yaml"])["dataset"]["train"] == "posts.csv"


def test_a_second_push_of_the_same_makes_no_commit_and_uploads_nothing_again(
    hub: Hub, run: Path, pushed: textforge.Pushed
) -> None:
    hub.log.clear()
    assert textforge.push(run, NAME).commit == pushed.commit
    assert not [line for line in hub.log if line.startswith("PUT") or "/commit/" in line]


def test_a_push_to_a_branch_leaves_main_alone(hub: Hub, run: Path, pushed: textforge.Pushed) -> None:
    fill_in(run, "For us.")
    done = textforge.push(run, f"{NAME}@try-2", PushOptions(message="On a branch"))
    repository = hub.repositories[NAME]
    assert repository.branches == {"main": pushed.commit, "try-2": done.commit}
    assert done.branch == "try-2"
    assert b"For us." in hub.files(NAME, "try-2")["README.md"]
    assert b"For us." not in hub.files(NAME)["README.md"]


def test_a_private_push_creates_a_private_repository_and_refuses_a_public_one(hub: Hub, run: Path) -> None:
    textforge.push(run, NAME, PushOptions(private=True))
    assert hub.repositories[NAME].private
    hub.add("alice/open")
    with pytest.raises(RecipeError, match="is public on the hub already"):
        textforge.push(run, "alice/open", PushOptions(private=True))
    assert hub.repositories["alice/open"].messages == ["initial commit"]


def test_a_dry_run_names_the_files_and_changes_nothing(hub: Hub, run: Path) -> None:
    planned = textforge.push(run, NAME, PushOptions(dry_run=True))
    assert "model.safetensors" in planned.files
    assert planned.commit is None
    assert not hub.repositories


def test_files_of_the_earlier_push_that_the_new_one_lacks_are_deleted_in_the_same_commit(
    hub: Hub, run: Path, pushed: textforge.Pushed, tmp_path: Path
) -> None:
    repository = hub.repositories[NAME]
    repository.commit({**hub.files(NAME), "picture.png": b"theirs"})
    bundle = shutil.copytree(run / "model", tmp_path / "topics")
    with pytest.raises(RecipeError, match="has the figures of a run, which a card of the bundle alone would lose"):
        textforge.push(bundle, NAME)
    textforge.push(bundle, NAME, PushOptions(force=True))
    assert {*hub.files(NAME)} == {
        ".gitattributes", "README.md", "bundle.json", "model.safetensors", "vectorizer.safetensors", "picture.png",
    }  # fmt: skip
    assert len(repository.messages) == 4


# -- pull --------------------------------------------------------------------------------------


def test_a_pull_gives_the_same_answers_and_writes_the_commit_down(
    hub: Hub, run: Path, pushed: textforge.Pushed, tmp_path: Path
) -> None:
    pulled = textforge.pull(NAME, tmp_path / "copy")
    assert answers(textforge.load(pulled.path)) == answers(textforge.load(run))
    source = json.loads((pulled.path / "hub.json").read_text())
    assert source["commit"] == pulled.commit == pushed.commit
    assert source["repository"] == NAME
    assert set(source["files"]) == set(pushed.files)
    assert (pulled.path / "README.md").read_bytes() == hub.files(NAME)["README.md"]


def test_a_pull_of_a_commit_gives_that_commit_also_after_later_pushes(
    hub: Hub, run: Path, pushed: textforge.Pushed, tmp_path: Path
) -> None:
    repository = hub.repositories[NAME]
    repository.commit({**hub.files(NAME), "bundle.json": b"{}"})
    pulled = textforge.pull(f"{NAME}@{pushed.commit}", tmp_path / "copy")
    assert pulled.commit == pushed.commit
    with pytest.raises(BundleError, match="damaged"):
        textforge.pull(NAME, tmp_path / "other")


def test_a_pulled_bundle_can_be_pushed_with_the_card_that_it_has(
    hub: Hub, pushed: textforge.Pushed, tmp_path: Path
) -> None:
    pulled = textforge.pull(NAME, tmp_path / "copy")
    again = textforge.push(pulled.path, "alice/again")
    assert set(again.files) == set(pushed.files)
    for name in pushed.files:
        assert hub.files("alice/again")[name] == hub.files(NAME)[name], name


def test_only_files_of_the_bundle_are_downloaded_and_the_others_named(
    hub: Hub, pushed: textforge.Pushed, tmp_path: Path
) -> None:
    extra = {"pytorch_model.bin": b"cos\nsystem\n", "run.pkl": b"x", "code/setup.py": b"x", "../evil.txt": b"x"}
    hub.repositories[NAME].commit({**hub.files(NAME), **extra})
    hub.log.clear()
    pulled = textforge.pull(NAME, tmp_path / "in" / "copy")
    assert set(pulled.left_out) == set(extra)
    assert {path.name for path in pulled.path.iterdir()} == {*pushed.files, "hub.json"}
    assert not [line for line in hub.log for name in extra if line.endswith(name)]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["copy"]


def test_a_description_that_names_another_path_is_refused_before_anything_of_it_is_downloaded(
    hub: Hub, pushed: textforge.Pushed, tmp_path: Path
) -> None:
    from textforge.classifiers.bundles.description import digest
    from textforge.classifiers.storage import json_text

    described = json.loads(hub.files(NAME)["bundle.json"])
    for name in ("../../evil.safetensors", "/etc/passwd", "model.pkl"):
        described["files"] = {name: "0" * 64, "vectorizer.safetensors": "0" * 64}
        changed = json_text({**described, "digest": digest(described)}).encode()
        hub.repositories[NAME].commit({**hub.files(NAME), "bundle.json": changed, name: b"x"})
        hub.log.clear()
        with pytest.raises(BundleError, match=rf"^hf://{NAME}: damaged"):
            textforge.pull(NAME, tmp_path / "copy")
        assert not [line for line in hub.log if line.endswith((name, ".safetensors"))]
    assert not (tmp_path / "copy").exists()


def test_a_changed_weight_on_the_hub_is_refused_and_no_folder_appears(
    hub: Hub, pushed: textforge.Pushed, tmp_path: Path
) -> None:
    weights = bytearray(hub.files(NAME)["model.safetensors"])
    weights[-1] ^= 1
    hub.repositories[NAME].commit({**hub.files(NAME), "model.safetensors": bytes(weights)})
    with pytest.raises(BundleError, match=rf"^hf://{NAME}: damaged: the file 'model.safetensors' was changed"):
        textforge.pull(NAME, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_repository_without_a_bundle_is_refused_with_its_files_named(hub: Hub, tmp_path: Path) -> None:
    hub.add(NAME, {"pytorch_model.bin": b"x", "config.json": b"{}"})
    with pytest.raises(
        BundleError, match=r"is no bundle of textforge: it has no bundle.json. Its files: config.json, py"
    ):
        textforge.pull(NAME, tmp_path / "copy")


def test_an_existing_folder_is_never_overwritten(hub: Hub, pushed: textforge.Pushed, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(RecipeError, match="exists already; bundles are never overwritten"):
        textforge.pull(NAME, tmp_path / "copy")


# -- load by address ---------------------------------------------------------------------------


def test_a_classifier_loads_from_the_hub_and_then_from_the_cache_without_network(
    hub: Hub, run: Path, pushed: textforge.Pushed
) -> None:
    expected = answers(textforge.load(run))
    assert answers(textforge.load(f"hf://{NAME}")) == expected
    hub.fail = lambda method, path: "drop"
    hub.log.clear()
    assert answers(textforge.load(f"hf://{NAME}@{pushed.commit}")) == expected
    assert not hub.log, "a commit hash that is in the cache asks nobody"
    assert answers(textforge.load(f"hf://{NAME}")) == expected
    assert hub.log


def test_without_network_and_cache_the_address_cannot_be_had(hub: Hub, pushed: textforge.Pushed) -> None:
    hub.fail = lambda method, path: "drop"
    with pytest.raises(DataUnavailable, match=r"the Hugging Face hub \(http://127.* cannot be reached"):
        textforge.load(f"hf://{NAME}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf://a/b", HubAddress("a/b")),
        ("hf:/a/b", HubAddress("a/b")),
        ("a/b@v1.0", HubAddress("a/b", "v1.0")),
        ("hf://my-org/some.model_2@refs/pr/3", HubAddress("my-org/some.model_2", "refs/pr/3")),
    ],
)
def test_addresses_are_read(text: str, expected: HubAddress) -> None:
    assert parse_address(text) == expected
    assert parse_address(str(expected)) == expected


@pytest.mark.parametrize(
    "text", ["b", "a/b/c", "a/..", "../b", "a/b@", "a/b@x@y", "hf://", "a b/c", "a/-b", "ä/b", "a/b--c"]
)
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(RecipeError, match=r"is no name on the Hugging Face hub\. Write USER/NAME"):
        parse_address(text)


def test_a_folder_of_such_a_name_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hf:" / "a" / "b").mkdir(parents=True)
    assert hub_address("hf:/a/b") is None
    assert hub_address("runs/a/b") is None
    assert hub_address("hf://a/c") == HubAddress("a/c")


# -- failures ----------------------------------------------------------------------------------


def failing(where: str, answer: Answer | str) -> Callable[[str, str], Answer | str | None]:
    return lambda method, path: answer if where in f"{method} {path}" else None


@pytest.mark.parametrize(
    ("where", "answer", "kind", "sentence"),
    [
        ("POST /api/repos/create", error(403, message="no rights"), DataUnavailable, "your token may not do this"),
        (
            "/commit/",
            error(412, message="A commit has happened since"),
            TextforgeError,
            "was changed on the hub meanwhile",
        ),
        ("/commit/", error(500), DataUnavailable, r"the hub fails \(500\)"),
        ("/commit/", "drop", DataUnavailable, "cannot be reached"),
        ("/preupload/", error(429), DataUnavailable, "too many requests"),
        ("PUT /lfs/", "drop", DataUnavailable, "cannot be reached"),
        ("PUT /lfs/", error(507), StorageError, "no space is left for it on the hub"),
        ("/commit/", error(403, message="Private repository storage limit reached"), StorageError, "no space is left"),
        ("objects/batch", error(413, message="Payload too large"), StorageError, "no space is left"),
    ],
)
def test_a_push_that_fails_says_why_and_commits_nothing(
    hub: Hub, run: Path, where: str, answer: Answer | str, kind: type[Exception], sentence: str
) -> None:
    hub.fail = failing(where, answer)
    with pytest.raises(kind, match=sentence) as caught:
        textforge.push(run, NAME)
    assert type(caught.value).__name__ in (kind.__name__, "Unreachable")
    assert "\n" not in str(caught.value)
    assert "Nothing was committed" in str(caught.value)
    assert NAME not in hub.repositories or hub.repositories[NAME].messages == ["initial commit"]


def test_a_push_after_an_interrupted_one_does_not_send_again_what_arrived(hub: Hub, run: Path) -> None:
    hub.fail = failing("/commit/", "drop")
    with pytest.raises(DataUnavailable):
        textforge.push(run, NAME)
    arrived = len(hub.blobs)
    hub.fail = lambda method, path: None
    hub.log.clear()
    textforge.push(run, NAME)
    assert arrived == 2
    assert not [line for line in hub.log if line.startswith("PUT")]
    assert hub.repositories[NAME].messages == ["initial commit", "Push topics with textforge"]


def test_somebody_elses_commit_between_look_up_and_upload_stops_the_push(
    hub: Hub, run: Path, pushed: textforge.Pushed
) -> None:
    def intrude(planned: textforge.Pushed) -> None:
        hub.repositories[NAME].commit({**hub.files(NAME), "theirs.txt": b"x"}, message="theirs")

    fill_in(run, "For us.")
    with pytest.raises(TextforgeError, match=r"was changed on the hub meanwhile\. Push again"):
        textforge.push(run, NAME, announce=intrude)
    assert hub.repositories[NAME].messages[-1] == "theirs"


@pytest.mark.parametrize(
    ("token", "name", "sentence"),
    [
        (
            "",
            NAME,
            "needs a token of the Hugging Face hub that may write: log in with 'hf auth login', or set HF_TOKEN",
        ),
        ("hf_wrong", NAME, "the hub does not accept your token"),
        ("hf_reader", NAME, "your token may not do this"),
        ("hf_bob", NAME, "your token may not do this"),
    ],
)
def test_a_push_without_the_right_token_says_what_to_do(
    hub: Hub, run: Path, monkeypatch: pytest.MonkeyPatch, token: str, name: str, sentence: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr("huggingface_hub.utils._auth._get_token_from_file", lambda: None)
    with pytest.raises((RecipeError, DataUnavailable), match=sentence):
        textforge.push(run, name)
    assert not hub.repositories


def test_what_cannot_be_pulled_says_why(hub: Hub, pushed: textforge.Pushed, tmp_path: Path, monkeypatch: Any) -> None:
    hub.add("bob/secret", private=True)
    hub.add("bob/gated", gated=True)

    def reason(name: str) -> str:
        with pytest.raises(DataUnavailable) as caught:
            textforge.pull(name, tmp_path / "copy")
        assert caught.value.exit_code == 3
        return str(caught.value)

    assert "is not on the hub, or is private" in reason("alice/nothing")
    assert reason("alice/nothing").replace("alice/nothing", "") == reason("bob/secret").replace("bob/secret", "")
    assert "bob/gated: is gated. Ask for access on its page" in reason("bob/gated")
    hub.repositories[NAME].branches["better"] = hub.repositories[NAME].branches["main"]
    assert "has no branch, tag or commit 'bettr'. Did you mean 'better'?" in reason(f"{NAME}@bettr")
    assert "has no branch, tag or commit 'x9'. It has main, better." in reason(f"{NAME}@x9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in reason("alice/nothing")


def test_a_full_disk_in_the_cache_is_no_failure_of_the_network(
    hub: Hub, pushed: textforge.Pushed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hub-cache").write_text("a file in place of the folder")
    with pytest.raises(StorageError, match="hub-cache"):
        textforge.pull(NAME, tmp_path / "copy")


def test_without_the_library_the_extra_is_named(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textforge.runs.hub.client.find_spec", lambda name: None)
    for act in (
        lambda: textforge.push(run, NAME),
        lambda: textforge.pull(NAME),
        lambda: textforge.load(f"hf://{NAME}"),
    ):
        with pytest.raises(RecipeError, match=r"Install it: pip install 'textforge\[hub\]'"):
            act()
