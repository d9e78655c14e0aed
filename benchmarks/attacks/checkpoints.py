"""Damage checkpoints, or edit them and recompute their digests: each must be rejected, or hold what was saved.

Some cases damage the latest checkpoint of an unfinished run instead: it must continue from an earlier one, or begin
anew, to the weights of the run that was never stopped.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

from attacks import Attack, Verdict, bounded, crash, edited
from attacks.bundles import DAMAGES, signed
from attacks.texts import labelled, write_csv

CASES = 1000
DESCRIPTION, TENSORS = "checkpoint.json", "state.safetensors"
EDITED, ARRAYS = "description edited and signed", "arrays damaged and signed"
SWAPPED, SWAPPED_SIGNED = "a file of another checkpoint", "a file of another checkpoint, signed"
RESUMED = "a run continued from a damaged one"
MISSING = "a file missing or empty"
KINDS = (*DAMAGES, MISSING, ARRAYS, SWAPPED, SWAPPED_SIGNED, EDITED, EDITED, RESUMED)
TRAINERS: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "network": ("bow", "mlp", "adam", {"ema": 0.9}),
    "sequences": ("tokens", "textcnn", "adamw", {"bucket_by_length": True, "accumulate": 2}),
    "sparse": ("tfidf", "linear", "sparse-adam", {"validation": 0.2}),
}


class _KilledError(BaseException):
    """Ends a run where it is."""


def prepare(folder: Path) -> Attack:
    import textforge

    texts, labels = zip(*labelled(90), strict=True)
    data, whole = textforge.Dataset(train=(list(texts), list(labels))), {}
    for name, (*parts, settings) in TRAINERS.items():
        trainer = textforge.Trainer(data, *parts, epochs=2, batch_size=16, **settings)
        for epoch in trainer:
            path = folder / f"{name}-{epoch.number}"
            trainer.checkpoint(str(path))
            whole[path] = _state(path)
    run, weights = _stopped(folder)

    def attack(rng: random.Random, folder: Path) -> Verdict:
        kind = rng.choice(KINDS)
        if kind == RESUMED:
            copy = Path(shutil.copytree(run, folder / "run"))
            latest = max((copy / "checkpoints").iterdir())
            _damage(rng, latest, rng.choice((*DAMAGES, MISSING, ARRAYS, EDITED)), [])
            return resumed(copy, weights)
        source = rng.choice([*whole])
        checkpoint = Path(shutil.copytree(source, folder / "checkpoint"))
        _damage(rng, checkpoint, kind, [other for other in whole if other != source])
        return judged(kind, checkpoint, source, whole[source])

    return attack


def _state(path: Path) -> dict[str, Any]:
    from textforge.classifiers.checkpoints.folder import read_checkpoint

    return read_checkpoint(path)


def _stopped(folder: Path) -> tuple[Path, str]:
    """An unfinished run with two checkpoints, and the digest of the weights that it must end with."""
    import textforge

    data = write_csv(folder / "texts.csv", labelled(90))
    recipe = {
        "dataset": {"use": "csv", "train": str(data), "test_fraction": 0.2}, "vectorizer": "bow",
        "model": {"use": "mlp", "hidden": [8], "dropout": 0.2}, "optimizer": "adam",
        "trainer": {"epochs": 3, "batch_size": 16, "checkpoint": {"every": "1 epoch"}},
    }  # fmt: skip

    class Killing(textforge.Progress):
        def epoch(self, result: Any, epochs: int) -> None:
            if result.number == 3:
                raise _KilledError

    whole = textforge.run(recipe, out=folder / "whole")
    try:
        textforge.run(recipe, out=folder / "run", progress=Killing())
    except _KilledError:
        return folder / "run", _digest(whole.path / "model" / "model.safetensors")
    raise AssertionError("the run must be stopped")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _damage(rng: random.Random, checkpoint: Path, kind: str, others: list[Path]) -> None:
    file = rng.choice(sorted(checkpoint.iterdir()))
    if kind in DAMAGES:
        file.write_bytes(DAMAGES[kind](rng, file.read_bytes()))
    elif kind == MISSING:
        file.unlink() if rng.randrange(2) else file.write_bytes(b"")
    elif kind == EDITED:
        signed(
            checkpoint / DESCRIPTION, edited(rng, json.loads((checkpoint / DESCRIPTION).read_text(encoding="utf-8")))
        )
    else:
        if kind == ARRAYS:
            file = checkpoint / TENSORS
            file.write_bytes(rng.choice((*DAMAGES.values(),))(rng, file.read_bytes()))
        else:
            shutil.copy(rng.choice(others) / file.name, checkpoint)
        if kind != SWAPPED:
            signed(checkpoint / DESCRIPTION, {**_described(checkpoint), "sha256": _digest(checkpoint / TENSORS)})


def _described(checkpoint: Path) -> Any:
    return json.loads((checkpoint / DESCRIPTION).read_text(encoding="utf-8"))


def judged(kind: str, checkpoint: Path, source: Path, saved: dict[str, Any]) -> Verdict:
    from textforge.classifiers.checkpoints.values import first_difference
    from textforge.errors import BundleError

    try:
        with bounded():
            found = _state(checkpoint)
    except BundleError as error:
        return Verdict(kind, "refused", "a message too long to read" if len(str(error)) > 5000 else "")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return crash(kind, error)
    if (place := first_difference(saved, found)) is not None:
        return Verdict(kind, "another state", f"at {place}")
    same = _described(checkpoint) == _described(source)
    return Verdict(kind, "nothing changed" if same else "another description", "" if same else "it is accepted")


def resumed(run: Path, weights: str) -> Verdict:
    """Continue a run, and compare its weights."""
    import textforge

    try:
        with bounded():
            done = textforge.resume(run)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return crash(RESUMED, error)
    same = _digest(done.path / "model" / "model.safetensors") == weights
    return Verdict(
        RESUMED, "the same weights" if same else "other weights", "" if same else "it ends with other weights"
    )
