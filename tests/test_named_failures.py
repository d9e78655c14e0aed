"""Every call into a plugin that raises is reported as that plugin's failure, from whatever line it is made.

Scenarios call parts that record the line of textforge from which each of their methods is called. Then each scenario
is repeated once for every line found, and the method raises there. So a new call is tested as soon as a scenario
reaches it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import numpy as np
import pytest
import torch
from conftest import ROOT, make_texts, small_recipe, write_csv
from torch import nn

import textforge
from textforge import (
    Dataset,
    FeatureLinear,
    PluginManager,
    Preprocessor,
    Ragged,
    Stream,
    Trainer,
    TrainingError,
    hookimpl,
)
from textforge.components.component import Origin
from textforge.errors import TextforgeError

TRIED = ("_module_size", "_without_initial_weights")
"""Functions that try something and go another way if it fails."""
CORE = str(ROOT / "textforge")
TEXTS = make_texts(40)
Line = tuple[str, str, str, int]
"""The method, and the function, file and line of textforge from which it is called."""


class Watch:
    """Records where methods are called from; raises at one of these places."""

    def __init__(self) -> None:
        self.lines: dict[Line, None] = {}
        self.raise_at: Line | None = None
        self.on = True

    def __call__(self, method: str) -> None:
        frame = sys._getframe(2)
        while frame is not None and not frame.f_code.co_filename.startswith(CORE):
            frame = frame.f_back
        if frame is None or not self.on:
            return
        line = (method, frame.f_code.co_name, frame.f_code.co_filename.removeprefix(CORE), frame.f_lineno)
        self.lines[line] = None
        if line == self.raise_at:
            raise OSError("boom")


watch = Watch()


def watched(base: type, kind: str, *methods: str) -> type:
    """A subclass whose methods are watched."""

    def method(name: str) -> Callable[..., Any]:
        def call(self: Any, *arguments: Any, **named: Any) -> Any:
            watch(f"{kind}.{name}")
            return getattr(super(made, self), name)(*arguments, **named)

        return call

    made = type(f"Faulty{base.__name__}", (base,), {name: method(name) for name in methods})
    return made


class Words:
    """Bags of words that may be fitted in chunks, grow, and say where their features stand."""

    gives = ("n_features", "special")

    def __init__(self) -> None:
        self.words: list[str] = []

    def fit(self, texts: list[str]) -> Self:
        self.words = sorted({word for text in texts for word in text.split()})
        return self

    def fit_chunks(self, chunks: Iterator[list[str]]) -> Self:
        return self.fit([text for chunk in chunks for text in chunk])

    def grow(self, texts: list[str]) -> None:
        self.words += sorted({word for text in texts for word in text.split()} - {*self.words})

    def transform(self, texts: list[str]) -> Any:
        number = {word: n for n, word in enumerate(self.words)}
        rows = [sorted(number[word] for word in text.split() if word in number) for text in texts]
        offsets = np.cumsum([0, *map(len, rows)])
        return Ragged(np.array([n for row in rows for n in row], dtype=np.int32), offsets, len(self.words))

    def spans(self, text: str) -> Any:
        return tuple(np.zeros((3, 0), dtype=np.int64))

    def get_feature_names_out(self) -> list[str]:
        return self.words

    def state(self) -> dict[str, Any]:
        return {"words": self.words}

    def from_state(self, state: dict[str, Any]) -> Self:
        self.words = list(state["words"])
        return self

    @property
    def special(self) -> int:
        watch("vectorizer.special")
        return 3

    @property
    def warnings(self) -> list[str]:
        watch("vectorizer.warnings")
        return []


class OneShot(FeatureLinear):
    def fit(self, features: Any, targets: Any) -> None:
        pass


class Loss(nn.Module):
    def forward(self, logits: Any, targets: Any) -> Any:
        return nn.functional.cross_entropy(logits, targets)


class Follower:
    def started(self, run: Any) -> None: ...
    def epoch_ended(self, result: Any) -> None: ...
    def finished(self, result: Any) -> None: ...
    def failed(self, error: Any) -> None: ...


Vectorizer = watched(
    Words,
    "vectorizer",
    "fit",
    "fit_chunks",
    "grow",
    "transform",
    "spans",
    "get_feature_names_out",
    "state",
    "from_state",
)
MODULE = ("forward", "train", "state_dict", "load_state_dict", "parameters", "named_parameters", "modules", "to")
Module = watched(FeatureLinear, "model", *MODULE)
Fitting = watched(OneShot, "model", *MODULE, "fit")
Optimizer = watched(torch.optim.SGD, "optimizer", "zero_grad", "step", "state_dict", "load_state_dict")
Scheduler = watched(torch.optim.lr_scheduler.StepLR, "scheduler", "step", "state_dict", "load_state_dict")
Criterion = watched(Loss, "loss", "forward", "state_dict", "load_state_dict", "to")
Callback = watched(Follower, "callback", "started", "epoch_ended", "finished", "failed")


def read(chunk: int) -> Any:
    watch("dataset.read")
    return TEXTS[0][20 * chunk : 20 * chunk + 20], TEXTS[1][20 * chunk : 20 * chunk + 20]


def data() -> Dataset:
    """Texts in memory."""
    watch("dataset")
    return Dataset(train=TEXTS, test=TEXTS)


def streamed() -> Dataset:
    """Texts in two chunks."""
    return Dataset(train=Stream(2, read), valid=TEXTS)


def declared(kind: str, name: str, value: Any) -> Callable[..., Any]:
    def attribute(**options: Any) -> Any:
        watch(f"{kind}.{name}")
        return value

    return attribute


def model(n_features: int, n_classes: int, special: int, /) -> nn.Module:
    """A linear model."""
    return Module(n_features, n_classes)


def fitting(n_features: int, n_classes: int, /) -> nn.Module:
    """A linear model that fits itself."""
    return Fitting(n_features, n_classes)


def optimizer(params: Any, /) -> Any:
    """Gradient descent."""
    watch("optimizer")
    return Optimizer(params, lr=0.1)


def scheduler(optimizer: Any, /) -> Any:
    """A constant rate, in fact."""
    watch("scheduler")
    return Scheduler(optimizer, 1000)


def loss() -> Any:
    """Cross-entropy."""
    watch("loss")
    return Criterion()


def metric() -> Any:
    """The share of the first class."""
    watch("metric")

    def measure(gold: Any, probabilities: Any) -> float:
        watch("metric.call")
        return float(probabilities[:, 0].mean())

    return measure


def callback(run_folder: Path, /) -> Any:
    """Follows."""
    watch("callback")
    return Callback()


def step() -> Any:
    """Leaves texts as they are."""

    def change(text: str) -> str:
        watch("preprocessor.call")
        return text

    return change


class Changed(Words):
    """Words of changed texts.

    Options:
        by: the preprocessor.
    """

    def __init__(self, facts: dict[str, Any], /, *, by: Preprocessor = "faulty") -> None:
        super().__init__()
        self.by = by.build(facts)

    def transform(self, texts: list[str]) -> Any:
        return super().transform([self.by(text) for text in texts])


fitting.fits_itself = declared("model", "fits_itself", value=True)
model.fits_itself = declared("model", "fits_itself", value=False)
model.needs = declared("model", "needs", value=())
streamed.streams = declared("dataset", "streams", value=True)
optimizer.sparse_gradients = declared("optimizer", "sparse_gradients", value=False)
loss.whole_batch = declared("loss", "whole_batch", value=False)
FACTORIES = {
    "datasets": {"faulty": data, "faulty-stream": streamed},
    "vectorizers": {"faulty": Vectorizer, "faulty-steps": Changed},
    "models": {"faulty": model, "faulty-fitting": fitting},
    "optimizers": {"faulty": optimizer},
    "schedulers": {"faulty": scheduler},
    "losses": {"faulty": loss},
    "metrics": {"faulty": metric},
    "callbacks": {"faulty": callback},
    "preprocessors": {"faulty": step},
}


@cache
def plugins() -> PluginManager:
    parts = PluginManager()
    hooks = {f"textforge_{many}": hookimpl(lambda given=given: given) for many, given in FACTORIES.items()}
    parts.register(SimpleNamespace(__name__="faults", **hooks), origin=Origin("faults", "1.0"))
    return parts


# -- what is done with the parts -----------------------------------------------------------------


def trainer(parts: PluginManager, data: Any = None, model: str = "faulty", **more: Any) -> Trainer:
    fits_itself = model == "faulty-fitting"
    kinds = () if fits_itself else ("optimizer", "scheduler", "loss")
    given = {kind: parts.part(kind, "faulty") for kind in kinds}
    more = {"epochs": 1, "batch_size": 20, "metrics": [parts.part("metric", "faulty")], **more}
    vectorizer = parts.part("vectorizer", "faulty")
    return Trainer(data or Dataset(train=TEXTS), vectorizer, parts.part("model", model), **given, **more)


def a_run(folder: Path) -> None:
    parts = plugins()
    every = dict.fromkeys(("dataset", "vectorizer", "model", "optimizer", "scheduler", "loss"), "faulty")
    settings = {"epochs": 1, "batch_size": 20, "validation": 0.3, "ema": 0.9, "clip_norm": 1.0, "accumulate": 2}
    recipe = {**every, "metrics": ["faulty"], "callbacks": ["faulty"], "trainer": settings}
    run = textforge.run(recipe, out=folder / "run", plugins=parts)
    assert not [warning for warning in run.result["warnings"] if "boom" in warning]


def a_run_that_fails(folder: Path) -> None:
    class Failing(textforge.Progress):
        warnings: ClassVar[list[str]] = []

        def warning(self, text: str) -> None:
            self.warnings += [text] if "boom" in text else []

        def step(self, epoch: int, step: int, steps: int) -> None:
            raise TrainingError("enough")

    recipe = small_recipe(write_csv(folder / "x.csv", *TEXTS), callbacks=["faulty"], model="linear")
    with pytest.raises(TrainingError, match="enough"):
        textforge.run(recipe, out=folder / "run", plugins=plugins(), progress=Failing())
    assert not Failing.warnings


def a_state(folder: Path) -> None:
    parts = plugins()
    first = trainer(parts, epochs=2, ema=0.9, validation=0.3)
    next(iter(first))
    second = trainer(parts, epochs=2, ema=0.9, validation=0.3)
    second.load_state_dict(first.state_dict())
    second.fit()


def an_interrupt(folder: Path) -> None:
    steps: list[int] = []

    def metric(gold: Any, probabilities: Any) -> float:
        steps.append(1)
        if len(steps) == 2:
            raise KeyboardInterrupt
        return 0.0

    found = trainer(plugins(), metrics={"interrupts": metric}, validation=0.3)
    for _ in range(2):
        try:
            found.fit()
        except KeyboardInterrupt:
            continue


def one_that_fits_itself(folder: Path) -> None:
    parts = plugins()
    clf = trainer(parts, model="faulty-fitting").fit()
    textforge.save(clf, folder / "bundle")
    textforge.load(folder / "bundle", plugins=parts).predict(["moon"])


def a_stream(folder: Path) -> None:
    trainer(plugins(), plugins().part("dataset", "faulty-stream")).fit()


def a_bundle(folder: Path) -> None:
    from textforge.insight.explanations.texts import explain

    parts = plugins()
    watch.on, before = False, watch.on
    clf = trainer(parts).fit()
    watch.on = before
    textforge.save(clf, folder / "bundle")
    again = textforge.load(folder / "bundle", plugins=parts)
    assert again.feature_names
    again.logits(["moon"])
    again.evaluate(*TEXTS, metrics=[parts.part("metric", "faulty")])
    explain(again, ["a moon"])


def more_training(folder: Path) -> None:
    parts = plugins()
    watch.on, before = False, watch.on
    clf = trainer(parts).fit()
    watch.on = before
    kinds = ("optimizer", "scheduler", "loss")
    given = {kind: parts.part(kind, "faulty") for kind in kinds}
    start = textforge.Start(clf, "grow")
    Trainer(Dataset(train=(["more words", *TEXTS[0]], ["new", *TEXTS[1]])), start=start, epochs=1, **given).fit()


def preprocessed(folder: Path) -> None:
    parts = plugins()
    vectorizer = parts.part("vectorizer", "faulty-steps")
    Trainer(
        Dataset(train=TEXTS), vectorizer, parts.part("model", "linear"), parts.part("optimizer", "sgd"), epochs=1
    ).fit()


checked: set[Line] = set()
"""Lines that an earlier scenario has reached, too."""
SCENARIOS = (
    a_run, a_run_that_fails, a_state, an_interrupt, one_that_fits_itself, a_stream, a_bundle, more_training,
    preprocessed,
)  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_whatever_call_into_a_plugin_raises_the_plugin_is_named(
    scenario: Callable[[Path], None], tmp_path: Path
) -> None:
    watch.lines, watch.raise_at = {}, None
    (tmp_path / "whole").mkdir()
    scenario(tmp_path / "whole")
    lines = [line for line in watch.lines if line not in checked]
    checked.update(lines)
    wrong = []
    for number, line in enumerate(lines):
        watch.raise_at = line
        folder = tmp_path / str(number)
        folder.mkdir()
        kind = line[0].partition(".")[0].replace("preprocessor", "vectorizer")  # whatever calls the part within it
        try:
            scenario(folder)
        except TextforgeError as error:
            said = " ".join(str(error).split())
            if f"{kind} 'faulty" not in said or "boom" not in said or "faults 1.0" not in said:
                wrong.append(f"{line}: {said}")
        except AssertionError as error:
            if kind != "callback" or "faulty" not in str(error):
                wrong.append(f"{line}: {error}")
        except OSError as error:
            wrong.append(f"{line}: raw {error!r}")
        else:
            if line[1] not in TRIED:
                wrong.append(f"{line}: nothing was said")
        finally:
            watch.raise_at, watch.on = None, True
    assert not wrong, "\n".join(wrong)
