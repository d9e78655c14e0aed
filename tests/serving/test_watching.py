"""Models that are loaded again while the server runs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest
from asgi import Client
from conftest import make_texts, small_recipe, write_csv

import textforge
from textforge.errors import BundleError, RecipeError
from textforge.serving.application import Application
from textforge.serving.models import Models
from textforge.serving.sources import Source
from textforge.serving.watching import Loader


@pytest.fixture(scope="module")
def other_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other")
    data = write_csv(folder / "small.csv", *make_texts(60, seed=5))
    return textforge.run(small_recipe(data), out=folder / "run").path


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    monkeypatch.setattr("textforge.serving.watching.EVERY", 0.01)


class Watched:
    """A server that watches one source."""

    def __init__(self, path: Path | str) -> None:
        self.models, self.messages = Models(), list[str]()
        self.loader = Loader([Source.given(str(path))], self.models, report=self.messages.append)
        self.loader.load_all(may_be_empty=True)
        self.application = Application(self.models)

    async def until(self, true) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.01)

    @property
    def version(self) -> str:
        return self.models.find(None).version

    def run(self, steps) -> None:
        async def main() -> None:
            watching = asyncio.create_task(self.loader.watch(self.application.metrics))
            await steps()
            watching.cancel()

        asyncio.run(main())


def replace_bundle(folder: Path, other: Path) -> None:
    """As textforge writes bundles: at once."""
    shutil.copytree(other / "model", folder / "new")
    (folder / "model").rename(folder / "old")
    (folder / "new").rename(folder / "model")


def test_a_replaced_bundle_is_served_without_a_lost_request(finished_run, other_run, tmp_path):
    shutil.copytree(finished_run, tmp_path / "run")
    watched = Watched(tmp_path / "run")
    client, first = Client(watched.application), watched.version

    async def steps() -> None:
        answered = []

        async def ask_on() -> None:
            while not answered or answered[-1].json["version"] == first:
                answered.append(await client.post("/predict", {"text": "orbit"}))

        asking = [asyncio.create_task(ask_on()) for _ in range(4)]
        await watched.until(lambda: answered)
        replace_bundle(tmp_path / "run", other_run)
        await asyncio.wait_for(asyncio.gather(*asking), 20)
        assert {one.status for one in answered} == {200}
        assert {one.json["version"] for one in answered} == {first, watched.version}

    watched.run(steps)
    (message,) = watched.messages
    assert f"version {watched.version}" in message and f"in place of version {first}" in message
    gone = Client(watched.application).json("/predict", {"text": "a", "model": f"run@{first}"})
    assert (gone.status, len(watched.models)) == (404, 1)


@pytest.mark.parametrize("damage", ["flipped", "half"])
def test_a_damaged_bundle_is_reported_once_and_the_earlier_one_stays(finished_run, other_run, tmp_path, damage):
    shutil.copytree(finished_run, tmp_path / "run")
    watched = Watched(tmp_path / "run")
    first = watched.version

    async def steps() -> None:
        new = tmp_path / "new"
        shutil.copytree(other_run / "model", new)
        weights = new / "model.safetensors"
        content = weights.read_bytes()
        weights.write_bytes(content[:-9] if damage == "half" else bytes([*content[:-1], content[-1] ^ 1]))
        (tmp_path / "run" / "model").rename(tmp_path / "old")
        new.rename(tmp_path / "run" / "model")
        await watched.until(lambda: watched.messages)
        await asyncio.sleep(0.1)
        assert watched.version == first
        (tmp_path / "run" / "model" / "model.safetensors").write_bytes(content)  # complete now
        await watched.until(lambda: watched.version != first)

    watched.run(steps)
    reported, _ = watched.messages
    assert "was not loaded" in reported and f"Version {first} stays." in reported
    found = Client(watched.application).get("/metrics").body.decode()
    assert 'textforge_reloads_total{outcome="failed"} 1.0' in found
    assert 'textforge_reloads_total{outcome="loaded"} 1.0' in found


def test_a_new_run_in_a_watched_folder_takes_the_place_of_the_earlier_one(finished_run, other_run, tmp_path):
    runs = tmp_path / "runs" / "small"
    runs.mkdir(parents=True)
    watched = Watched(tmp_path / "runs")
    assert len(watched.models) == 0
    client = Client(watched.application)
    assert [(client.get(path)).status for path in ("/readyz", "/healthz")] == [503, 200]
    assert client.json("/predict", {"text": "a"}).status == 503

    async def steps() -> None:
        shutil.copytree(finished_run, runs / "first")
        await watched.until(lambda: len(watched.models))
        before = watched.version
        shutil.copytree(other_run, runs / ".being-copied")
        os.utime(runs / ".being-copied" / "result.json", (2**31, 2**31))
        (runs / ".being-copied").rename(runs / "second")
        await watched.until(lambda: watched.version != before)

    watched.run(steps)
    assert len(watched.models) == 1
    assert client.get("/readyz").status == 200


def test_a_folder_stands_for_the_newest_of_each_name(finished_run, other_run, tmp_path):
    for name, run, time in (("a", finished_run, 100), ("b", other_run, 200)):
        shutil.copytree(run, tmp_path / name)
        os.utime(tmp_path / name / "result.json", (time, time))
    shutil.copytree(other_run / "model", tmp_path / "plain")
    recipe = json.loads((finished_run / "result.json").read_text())["recipe"]
    found = {one.name: one.path.name for one in Source(tmp_path).candidates()}
    assert found == {recipe: "b", "plain": "plain"}
    assert [one.name for one in Source.given(f"given={tmp_path}").candidates()] == ["given"]


def test_a_folder_without_a_bundle_is_an_error_unless_it_is_watched(tmp_path):
    with pytest.raises(BundleError, match="neither a run"):
        Source(tmp_path).candidates()
    assert Source(tmp_path).candidates(may_be_empty=True) == []


@pytest.mark.parametrize("written", ["=x", "a@b=x", "a/b=x", "name="])
def test_a_name_that_requests_could_not_give_is_refused(written):
    with pytest.raises(RecipeError, match="give NAME=PATH"):
        Source.given(written)
