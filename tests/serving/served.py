"""A server in a thread of the test's process, and models for it."""

from __future__ import annotations

import csv
import random
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from chromium import HOSTILE
from conftest import make_sets, make_texts, small_recipe

import textforge

CARD = f"""---
license: mit
---
# Posts

Sorts **posts**, see [the data](https://example.org/data) and [a trick](javascript:document.title='owned').

{HOSTILE} <script>document.title='owned'</script>
![a chart](http://evil.test/chart.png)

| metric | value |
| --- | ---: |
| accuracy | `0.9` |

- one
  - two
"""
LABELS = [HOSTILE, "x" * 200, "7", "__proto__"]
"""Labels that a page must neither run nor lose."""
N_MANY = 1000


class Server:
    """An ASGI application behind a socket of this machine; `port` 0 takes any."""

    def __init__(self, application: Any, port: int = 0) -> None:
        import uvicorn

        self.socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        config = uvicorn.Config(application, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self.socket]})

    def __enter__(self) -> Server:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.socket.close()


def trained_models(folder: Path) -> dict[str, Any]:
    """Runs, and one classifier, that differ in what a page shows: odd labels, several, none, columns, a thousand."""
    rng = random.Random(0)
    linear = {"vectorizer": {"use": "tfidf"}, "model": {"use": "linear"}, "optimizer": {"use": "adam", "lr": 0.1}}
    hostile = [(f"word{n % 4} other{n % 4} the", LABELS[n % 4]) for n in range(80)]
    many = [(f"w{n} v{n} please", f"intent {n:03d}") for n in range(N_MANY)]
    columns = folder / "columns.csv"
    with columns.open("w", newline="") as file:
        rows = [(text, rng.random(), rng.choice(["US", "DE"]), label)
                for text, label in zip(*make_texts(60), strict=True)]  # fmt: skip
        csv.writer(file).writerows([("text", "price", "country", "label"), *rows])
    kinds = {"use": "csv", "train": str(columns), "columns": {"price": "number", "country": "category"}}
    every = [{"use": "tfidf"}, {"use": "numbers"}, {"use": "categories"}]
    data = {
        "topics": (make_texts(150), {}),
        "hostile": (zip(*hostile, strict=True), {}),
        "many": (zip(*many, strict=True), {"trainer": {"epochs": 1}}),
        "columns": (None, {"dataset": kinds, "vectorizer": {"use": "union", "of": every}}),
        "several": (make_sets(120), {}),
    }
    found: dict[str, Any] = {}
    for name, (train, sections) in data.items():
        recipe = small_recipe(columns, **{**linear, **sections})
        dataset = None
        if train is not None:
            dataset = textforge.Dataset(train=tuple([*each] for each in train))
            del recipe["dataset"]
        found[name] = textforge.run(recipe, dataset=dataset, out=folder / name).path
    found["abstaining"] = textforge.load(found["topics"])
    found["abstaining"].abstain_below(0.99)
    (found["topics"] / "README.md").write_text(CARD)
    return found
