"""What many tests need: the command line as a real process, small data, a recipe on it."""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import warm_processes
import yaml
from hypothesis import HealthCheck, settings

if "PYTEST_XDIST_WORKER" in os.environ:  # a worker for each core: more threads of each would only wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# What a shell runs in the background has interrupts ignored, and so has all that it starts; tests send some.
signal.signal(signal.SIGINT, signal.default_int_handler)

if TYPE_CHECKING:
    from standin_hub import Hub

    from textforge import PluginManager

# No deadline: a busy machine is no fault of the code. In CI the same examples every time, else new ones, 50 of each
# property, so that the suite stays quick; --hypothesis-profile thorough tries 500.
settings.register_profile("default", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("default"), max_examples=500)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

ROOT = Path(__file__).resolve().parent.parent
PAGE = resource.getpagesize()
CORPUS = "20news-bydate_py3.pkz"
TOPICS = {
    "space": "orbit launch shuttle moon rocket nasa satellite lunar mission probe".split(),
    "ball": "pitcher inning bat team league homer catcher baseball season glove".split(),
    "paint": "pixel polygon render image color shader texture graphics vertex raster".split(),
}
SLOW = {
    "cli": """any_file check columns commands cross_validate doctor evaluate failures hub plugins predict_tables
        replay run shortage signals streams terminal""".split(),
    "kit": "command common given models others rules training vectorizers".split(),
    "": """allocation any_script benchmarks bundle bundle_edits bundle_weights bundles_kept callbacks catalogue
        classical_recipes columns_page compiling contracts corpus_cache cross_validation csv_rows decision
        distributed docs docstrings editor encodings engines ensemble environment examination executors export
        export_families fit_chunks fitting_models fitting_weights folds forks gold hashing init_sample
        installed_plugins interrupts kept_plugins light_paths loss_batches loss_weights metrics
        metrics_of_runs named_failures newsgroups ngrams optimizers page_browser partial_fit plugin_index
        plugin_page processes ray_cluster ray_executor ray_prediction ray_training recipe_bounds reliability
        replay report_browser report_values resampling resume run_comparison runner runs_kept schedulers seeds
        sequence_models server service shipped_recipes significance sklearn sklearn_tables state_dict streamed
        subword transformers_export tuning units virtual_environment weighted_metrics weighted_runs wheel
        wheels
        without_torch words""".split(),
}
"""Test modules that `make quick` leaves out, by prefix: they start processes, train many models, or try many texts."""
COMMON = "the a of and to in is it that was for on with as at by this".split()


def pytest_collection_finish() -> None:
    """Leave what was imported so far out of garbage collections, which would otherwise take up to a second each."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of the slow modules."""
    slow = {"_".join(filter(None, ("test", prefix, name))) for prefix, names in SLOW.items() for name in names}
    for item in items:
        if item.path.stem in slow:
            item.add_marker(pytest.mark.slow)


def textforge(*arguments: object, stdin: str | bytes | None = None, **options: object) -> subprocess.CompletedProcess:
    """Run the command line in a process of its own; stdout and stderr as text."""
    changed = options.pop("env", {})
    env = {**os.environ, "PYTHONWARNINGS": "default", **changed}
    command = warm_processes.command()
    if "preexec_fn" in options or any(name.startswith("PYTHON") for name in {*changed} - {"PYTHONPATH"}):
        command = (sys.executable, "-m", "textforge")  # for Python's start
    if "preexec_fn" in options:  # a process with a resource limit: coverage's own files would exceed it
        env.pop("COVERAGE_PROCESS_CONFIG", None)
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*command, *map(str, arguments)],
        input=data if data is not None else b"",
        capture_output=True,
        env=env,
        timeout=240,
        **options,
    )
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in done.stderr, done.stderr
    return done


def make_texts(n: int, seed: int = 0, topics: dict[str, list[str]] = TOPICS) -> tuple[list[str], list[str]]:
    """Texts with a few words of their topic among common ones, and their labels."""
    rng = random.Random(seed)
    labels = [rng.choice(sorted(topics)) for _ in range(n)]
    texts = [" ".join(rng.sample(topics[label], 3) + rng.choices(COMMON, k=6)) for label in labels]
    return texts, labels


@cache
def real_posts(subset: str, *categories: str) -> list[str]:
    """Posts of 20 Newsgroups as scikit-learn reads them; half a second, once for all tests."""
    from sklearn.datasets import fetch_20newsgroups

    return fetch_20newsgroups(subset=subset, categories=categories or None).data


def same_figures(found: object, expected: object) -> None:
    """Metrics are the same but for the rounding of another engine: numpy sums in another order than torch."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            same_figures(found[key], value)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-6)
    else:
        assert found == expected


def make_sets(n: int, seed: int = 0) -> tuple[list[str], list[list[str]]]:
    """Texts of one topic, of two, or of none."""
    first, one = make_texts(n, seed)
    second, other = make_texts(n, seed + 1000)
    texts, sets = [], []
    for n, (text, label) in enumerate(zip(first, one, strict=True)):
        if n % 3 == 0:
            text, labels = f"{text} {second[n]}", sorted({label, other[n]})
        elif n % 10 == 1:
            text, labels = "the a of and", []
        else:
            labels = [label]
        texts.append(text)
        sets.append(labels)
    return texts, sets


def write_csv(path: Path, texts: list[str], labels: list[str]) -> Path:
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(zip(texts, labels, strict=True))
    return path


def refusal(read: Callable[..., object], path: Path, **options: object) -> str:
    """The one sentence with which a dataset refuses a file, without the file's name before it."""
    from textforge import DataError

    with pytest.raises(DataError) as told:
        read(path, **options)
    assert "\n" not in str(told.value)
    assert str(told.value).startswith(f"{path}: ")
    return str(told.value).removeprefix(f"{path}: ")


def write_site(folder: Path, distribution: str, source: str, version: str = "1.0") -> Path:
    """A folder that, on sys.path, is an installed distribution with one plugin module of that source."""
    module = distribution.replace("-", "_")
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[textforge]\n{distribution} = {module}\n")
    return folder


@pytest.fixture
def small_csv(tmp_path: Path) -> Path:
    """120 labelled texts of three topics."""
    return write_csv(tmp_path / "small.csv", *make_texts(120))


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Write a file's content, bytes or text, and give its path."""

    def write(content: bytes | str, name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def small_recipe(data: Path, **sections: object) -> dict:
    """A recipe on `data` that trains in a moment; sections replace those of the same name."""
    recipe = {
        "seed": 0,
        "dataset": {"use": "csv", "train": str(data)},
        "vectorizer": {"use": "bow"},
        "model": {"use": "mlp", "hidden": [8]},
        "optimizer": {"use": "adam", "lr": 0.01},
        "trainer": {"epochs": 3, "batch_size": 16},
    }
    return {**recipe, **sections}


@pytest.fixture
def recipe_file(tmp_path: Path, small_csv: Path) -> Path:
    """The small recipe as a file beside its data."""
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small_recipe(small_csv), sort_keys=False))
    return path


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run on small data. Tests that change it copy it first."""
    import textforge

    folder = tmp_path_factory.mktemp("finished")
    data = write_csv(folder / "small.csv", *make_texts(120))
    return textforge.run(small_recipe(data), out=folder / "run").path


def installed(kind: str) -> str:
    """The names of a kind, as messages list them."""
    from textforge.components.manager import PluginManager
    from textforge.errors import listed

    return listed(PluginManager().names(kind))


def shipped() -> PluginManager:
    """The parts that ship with textforge, whatever else is installed."""
    import textforge_standard
    from textforge import __version__
    from textforge.components.component import Origin
    from textforge.components.manager import PluginManager

    plugins = PluginManager(entry_points=False)
    plugins.register(textforge_standard, origin=Origin("textforge", __version__))
    return plugins


def only_json(text: str) -> dict:
    """The one JSON object that stdout holds, and nothing else."""
    assert text.count("\n") == 1, text
    return json.loads(text)


@pytest.fixture(scope="session")
def tested_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run with a test split, of the recipe topics.yaml. Tests that change it copy it first."""
    import textforge

    folder = tmp_path_factory.mktemp("tested")
    data = write_csv(folder / "posts.csv", *make_texts(160))
    recipe = small_recipe(data, dataset={"use": "csv", "train": str(data), "test_fraction": 0.25})
    (folder / "topics.yaml").write_text(yaml.safe_dump(recipe))
    return textforge.run(folder / "topics.yaml", out=folder / "run").path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A stand-in for the Hugging Face hub, where alice is logged in, and an empty cache."""
    from huggingface_hub import constants
    from standin_hub import standin_hub

    with standin_hub() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        monkeypatch.setenv("HF_TOKEN", "hf_alice")
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")  # a protocol of its own, which the stand-in lacks
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(constants, "ENDPOINT", found.url)  # the library reads the variables when it is imported
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", found.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)  # between its retries
        yield found


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 pages."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={64 * PAGE}", "textforge-test", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no mount program here: a really full disk is NOT tested (the file size limit is)")
    if done.returncode:
        pytest.skip(f"mount is not permitted: a really full disk is NOT tested ({done.stderr.strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path, pages_left: int) -> None:
    """Leave room for so many pages."""
    free = os.statvfs(disk).f_bavail
    (disk / "filler").write_bytes(bytes((free - pages_left) * PAGE))
    assert os.statvfs(disk).f_bavail == pages_left


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory) -> None:
    """What is cached is this run's, of all its processes, and not the user's."""
    base = tmp_path_factory.getbasetemp()
    os.environ["TEXTFORGE_CACHE"] = str((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache")


@pytest.fixture(scope="session", autouse=True)
def entry_points_read_once() -> Iterator[None]:
    """Read what is installed again only when a folder of `sys.path` has changed: every manager of plugins asks."""
    read = cache(lambda folders, asked: found(**dict(asked)))

    def entry_points(**asked: str) -> metadata.EntryPoints:
        there = [path for path in sys.path if os.path.exists(path or ".")]
        return read(tuple((path, os.stat(path or ".").st_mtime_ns) for path in there), tuple(asked.items()))

    found = metadata.entry_points
    metadata.entry_points = entry_points
    yield
    metadata.entry_points = found


@pytest.fixture
def corpus() -> Path:
    """The folder with the real corpus; the test is skipped, saying so, where there is none."""
    home = Path(os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data")).expanduser()
    if not (home / CORPUS).is_file():
        pytest.skip(f"the real 20 Newsgroups corpus is not at {home / CORPUS}; set SCIKIT_LEARN_DATA to its folder")
    return home
