"""A program that trains, then forks children that use textforge; prints {case: "done" or what went wrong}.

It is started by test_forks.py with more than one thread, so that torch and polars have started their pools.
"""

import json
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars
import torch

import textforge
from textforge.classifiers.random_state import RandomState

TEXTS = ["the moon rose", "a bat flew", "lunar orbit now", "home run today"] * 300
LABELS = ["space", "ball", "space", "ball"] * 300
PARTS, MANAGER = textforge.PluginManager(), textforge.PluginManager()


def written(folder: str) -> textforge.Part:
    path = Path(folder, "texts.csv")
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in zip(TEXTS, LABELS, strict=True)))
    return PARTS.part("dataset", "csv", train=path)


def trainer(vectorizer: str = "bow", model: str = "mlp", dataset: textforge.Part | None = None) -> textforge.Trainer:
    return textforge.Trainer(
        dataset or textforge.Dataset(train=(TEXTS, LABELS)), PARTS.part("vectorizer", vectorizer),
        PARTS.part("model", model), PARTS.part("optimizer", "adam", lr=0.1), batch_size=150, epochs=1, validation=0.1,
    )  # fmt: skip


def outcome(work: Callable[[], object], limit: float = 20) -> str:
    """Do some work in a forked child; SIGALRM ends a child that hangs."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_REAL, limit)
        try:
            work()
            told = "done"
        except textforge.TextforgeError as error:
            told = f"{type(error).__name__}: {error}"
        except BaseException:
            told = traceback.format_exc()
        os.write(writer, told.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    return told if status == 0 else f"ended with status {status}"


@contextmanager
def another_thread(held: Callable[[threading.Event, threading.Event], None]):
    """Run `held` in another thread; it sets the first event once it holds a lock, and ends after the second."""
    ready, done = threading.Event(), threading.Event()

    thread = threading.Thread(target=held, args=(ready, done))
    thread.start()
    ready.wait()
    yield
    done.set()
    thread.join()


def long_fit(ready: threading.Event, done: threading.Event) -> None:
    with RandomState(0, torch.device("cpu")).active():
        ready.set()
        done.wait()


def short_steps(ready: threading.Event, done: threading.Event) -> None:
    state = RandomState(0, torch.device("cpu"))
    while not done.is_set():
        with state.active():
            ready.set()
            time.sleep(0.005)
        time.sleep(0.001)


def loading_plugins(ready: threading.Event, done: threading.Event) -> None:
    with MANAGER._finding:
        ready.set()
        done.wait()


def same_draws(expected: torch.Tensor) -> None:
    assert torch.equal(torch.get_rng_state(), expected), "the child starts with a trainer's random state"


def same_answers(trained: textforge.Classifier, bundle: Path, expected: np.ndarray) -> None:
    for one in (trained, textforge.load(bundle), pickle.loads(pickle.dumps(trained))):
        np.testing.assert_allclose(one.predict_proba(TEXTS), expected, atol=1e-6)


def main(folder: str) -> None:
    assert torch.get_num_threads() > 1, "start this with OMP_NUM_THREADS=2"
    bags = trainer().fit()
    bundle = textforge.save(bags, f"{folder}/bags")
    told = {
        "predict": outcome(lambda: bags.predict(TEXTS)),
        "load": outcome(lambda: textforge.load(bundle).predict(TEXTS)),
        "train": outcome(lambda: trainer().fit().predict(TEXTS)),
        "train a model that fits itself": outcome(lambda: trainer(model="logistic-regression").fit()),
    }
    with get_context("fork").Pool(2) as pool:
        found = pool.map_async(bags.predict, [TEXTS, TEXTS]).get(timeout=20)
        told["a pool of multiprocessing"] = "done" if found == [bags.predict(TEXTS)] * 2 else "other answers"
    with another_thread(long_fit):
        told["while another thread fits"] = outcome(lambda: trainer().fit())
    outside = torch.get_rng_state()
    with another_thread(short_steps):
        told["between two steps of another thread"] = outcome(lambda: same_draws(outside))
    with another_thread(loading_plugins):
        told["while another thread loads plugins"] = outcome(lambda: MANAGER.part("model", "mlp"))
    told["polars, first used by the child"] = outcome(lambda: trainer("tokens", "textcnn").fit().predict(TEXTS))
    sequences = trainer("tokens", "textcnn").fit()  # starts the threads of polars
    bundle = textforge.save(sequences, f"{folder}/sequences")
    told["predict with polars"] = outcome(lambda: sequences.predict(TEXTS))
    told["load with polars"] = outcome(lambda: textforge.load(bundle))
    told["train with polars"] = outcome(lambda: trainer("tokens", "textcnn").fit())
    answers = sequences.predict_proba(TEXTS)
    told["the same answers with polars and without"] = outcome(lambda: same_answers(sequences, bundle, answers))
    table = Path(folder, "texts.parquet")
    polars.DataFrame({"text": TEXTS, "label": LABELS}).write_parquet(table)
    stored = PARTS.part("dataset", "parquet", train=table)
    told["read Parquet with polars"] = outcome(lambda: trainer(dataset=stored))
    told["train on a CSV file without polars"] = outcome(lambda: trainer(dataset=written(folder)).fit().predict(TEXTS))
    told["bags, after polars"] = outcome(lambda: bags.predict(TEXTS))
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
