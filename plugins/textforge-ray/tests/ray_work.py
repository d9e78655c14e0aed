"""Shared by the tests: small labelled texts, recipes on them, work for tasks."""

import json
import os
import random
import signal
import time
from pathlib import Path

import textforge

# A shell's background jobs ignore interrupts, and so do their children; these tests send interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

TOPICS = {
    "space": "orbit launch shuttle moon rocket".split(),
    "ball": "pitcher inning bat team league".split(),
    "paint": "pixel polygon render image color".split(),
}
TIMES = ("seconds", "load", "vectorize", "train", "evaluate", "total")


class Heard(textforge.Progress):
    """Collect what is shown, and call a function with each stage."""

    def __init__(self, on_stage=lambda text: None):
        self.stages, self.warnings, self._on_stage = [], [], on_stage

    def stage(self, text):
        self.stages.append(text)
        self._on_stage(text)

    def warning(self, text):
        self.warnings.append(text)


def texts(n, seed=0):
    rng = random.Random(seed)
    labels = [rng.choice(sorted(TOPICS)) for _ in range(n)]
    return [
        " ".join(rng.sample(TOPICS[label], 3) + rng.choices("the a of and to".split(), k=3)) for label in labels
    ], labels


def recipe(folder: Path, n=60, **sections):
    """A recipe on a CSV file that trains in a moment."""
    file = folder / "texts.csv"
    if not file.exists():
        rows = "".join(f"{text},{label}\n" for text, label in zip(*texts(n), strict=True))
        file.write_text(f"text,label\n{rows}")
    made = {
        "dataset": {"use": "csv", "train": str(file)}, "vectorizer": "bow", "model": {"use": "mlp", "hidden": [4]},
        "optimizer": {"use": "adam", "lr": 0.01}, "trainer": {"epochs": 2, "batch_size": 16},
    }  # fmt: skip
    return {**made, **sections}


def digests(folder: Path):
    """Every file of a folder, without times and what describes the machine."""
    found = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "environment.json"):
        lines = file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_bytes()]
        values = [without_times(json.loads(line)) for line in lines] if "json" in file.suffix else lines
        found[str(file.relative_to(folder))] = values
    return found


def without_times(value):
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name not in TIMES}
    return [without_times(one) for one in value] if isinstance(value, list) else value


# -- work for tasks ----------------------------------------------------------------------------


def count(shared, folder, progress, *, n):
    """Read and change the folder, print, and give the sum of the shared list and n."""
    before = (folder / "deep" / "before.txt").read_text() if (folder / "deep").is_dir() else ""
    folder.mkdir(exist_ok=True)
    (folder / "after.txt").write_text(f"{before}{n}")
    print("printed", n)
    return sum(shared) + n


def fail(shared, folder, progress):
    """Leave a file, and fail with a message that names the folder."""
    folder.mkdir()
    (folder / "left.txt").write_text("left")
    error = textforge.DataError(f"{folder}: no rows")
    error.add_note(f"See {folder}/left.txt.")
    raise error


def crash(shared, folder, progress):
    """Raise what is no error of textforge."""
    return {}["missing"]


def stay(shared, folder, progress, *, node, n):
    """Never be done on one of the nodes."""
    import ray

    time.sleep(600 if ray.util.get_node_ip_address() == node else 1)
    return n


def die(shared, folder, progress):
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(shared, folder, progress):
    progress.stage(f"asleep in {os.getpid()}")
    time.sleep(600)


def threads(shared, folder, progress):
    import torch

    return torch.get_num_threads()


def answer_elsewhere(shared, folder, progress, *, source, options, sent):
    """Answer a file as on a machine without it, unless it is sent."""
    from textforge_ray.prediction import ABSENT, answer

    return answer(shared, folder, progress, source=source, options=options, sent=True) if sent else ABSENT


def train_and_die(shared, folder, progress, *, place, rank, marker):
    """Train as a worker does; the first time, this rank ends as by the kernel at its eighth step."""
    from unittest.mock import patch

    import torch

    from textforge_ray.training import train_here

    steps, step = [], torch.optim.Adam.step

    def counted(self, *arguments, **options):
        steps.append(None)
        if len(steps) == 8 and place["RANK"] == rank and not os.path.exists(marker):
            Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *arguments, **options)

    with patch.object(torch.optim.Adam, "step", counted):
        train_here(shared, folder, progress, place=place)
