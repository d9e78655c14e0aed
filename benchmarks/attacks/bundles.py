"""Damage bundles, or edit them and recompute their digests: each must predict the same, or be rejected as a bundle.

"Signed" means that the digests in bundle.json are computed again afterwards, as a program that edits bundles would.
What loads must be what was saved: the same answers, and the same description.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

from attacks import Attack, Verdict, bounded, crash, cut_off, delete, edited, flip, insert
from attacks.texts import labelled, write_csv, write_jsonl

CASES = 1000
DESCRIPTION = "bundle.json"
TEXTS = ["the moon and the shuttle", "a bat and a glove", "", "pixel texture of a rocket", "zzz"]
DAMAGES = {"one bit flipped": flip, "cut off": cut_off, "bytes inserted": insert, "bytes taken out": delete}
EDITED, ARRAYS = "description edited and signed", "arrays damaged and signed"
SWAPPED, SWAPPED_SIGNED = "a file of another bundle", "a file of another bundle, signed"
KINDS = (*DAMAGES, "a file missing or empty", ARRAYS, SWAPPED, SWAPPED_SIGNED, EDITED, EDITED, EDITED)


def prepare(folder: Path) -> Attack:
    import textforge

    bundles = {}
    for name, recipe in _recipes(folder).items():
        run = textforge.run(recipe, out=folder / name)
        bundles[run.path / "model"] = textforge.load(run.path).predict_proba(TEXTS)

    def attack(rng: random.Random, folder: Path) -> Verdict:
        whole = rng.choice([*bundles])
        bundle = Path(shutil.copytree(whole, folder / "bundle"))
        kind = rng.choice(KINDS)
        if kind in (SWAPPED, SWAPPED_SIGNED):
            name = rng.choice(sorted(path.name for path in bundle.iterdir()))
            shutil.copy(rng.choice([other for other in bundles if other != whole]) / name, bundle)
            if kind == SWAPPED_SIGNED:
                _sign_files(bundle)
        else:
            _damage(rng, bundle, kind)
        return judged(kind, bundle, whole, bundles[whole])

    return attack


def _recipes(folder: Path) -> dict[str, dict[str, Any]]:
    """Small recipes that cover every kind of features, model and decision."""
    table = write_csv(folder / "texts.csv", labelled(120))
    two = write_csv(folder / "two.csv", [row for row in labelled(120) if row[1] != "paint"])
    sets = write_jsonl(
        folder / "sets.jsonl", [(text, [label, "any"][: n % 3]) for n, (text, label) in enumerate(labelled(120))]
    )
    common = {"optimizer": {"use": "adam", "lr": 0.01}, "trainer": {"epochs": 3, "validation": 0.2}}

    def recipe(data: Path, vectorizer: Any, model: Any, **more: Any) -> dict[str, Any]:
        dataset = {"use": data.suffix[1:], "train": str(data)}
        return {"dataset": dataset, "vectorizer": vectorizer, "model": model, **common, **more}

    return {
        "network": recipe(table, "bow", {"use": "mlp", "hidden": [8]}, decision={"abstain": 0.4}),
        "linear": recipe(two, "tfidf", "linear", decision={"calibrate": "temperature", "threshold": "f1"}),
        "sequences": recipe(table, "tokens", {"use": "textcnn", "dim": 8}),
        "fitted": recipe(table, {"use": "hashing", "n_features": 64}, "logistic-regression"),
        "sets": recipe(sets, "bow", "linear", decision={"threshold": "f1"}),
    }


def _damage(rng: random.Random, bundle: Path, kind: str) -> None:
    file = rng.choice(sorted(bundle.iterdir()))
    if kind in DAMAGES:
        file.write_bytes(DAMAGES[kind](rng, file.read_bytes()))
    elif kind == "a file missing or empty":
        file.unlink() if rng.randrange(2) else file.write_bytes(b"")
    else:
        described = json.loads((bundle / DESCRIPTION).read_text(encoding="utf-8"))
        if kind == EDITED:
            signed(bundle / DESCRIPTION, edited(rng, described))
        else:
            file = rng.choice(sorted(bundle.glob("*.safetensors")))
            file.write_bytes(rng.choice((*DAMAGES.values(),))(rng, file.read_bytes()))
            _sign_files(bundle)


def _sign_files(bundle: Path) -> None:
    """Compute every digest in the description again."""
    described = json.loads((bundle / DESCRIPTION).read_text(encoding="utf-8"))
    for name in described["files"]:
        described["files"][name] = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    signed(bundle / DESCRIPTION, described)


def signed(file: Path, described: Any) -> None:
    """Write a description with its recomputed digest, as another program could."""
    from textforge.classifiers.storage import json_text

    if isinstance(described, dict):
        described.pop("digest", None)
        canonical = json.dumps(described, sort_keys=True, separators=(",", ":"))
        described["digest"] = hashlib.sha256(canonical.encode()).hexdigest()
    try:
        text = json_text(described)
    except ValueError:  # infinity and NaN, which JSON lacks
        text = json.dumps(described)
    file.write_bytes(text.encode("utf-8", "surrogatepass"))


def judged(kind: str, bundle: Path, whole: Path, answers: Any) -> Verdict:
    import numpy as np

    import textforge
    from textforge.errors import BundleError, TextforgeError

    try:
        with bounded():
            classifier = textforge.load(bundle)
            found, named = classifier.predict_proba(TEXTS), classifier.predict(TEXTS)
    except BundleError as error:
        return Verdict(kind, "refused", "a message too long to read" if len(str(error)) > 5000 else "")
    except TextforgeError as error:
        return Verdict(kind, "refused", f"as a {type(error).__name__}, not as a bundle: {str(error)[:200]}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return crash(kind, error)
    labels = list(classifier.labels)
    if len({*labels}) != len(labels) or not all(isinstance(label, str) for label in labels):
        return Verdict(kind, "accepted", f"with the labels {labels!r}"[:200])
    if found.shape != (len(TEXTS), len(labels)) or not np.isfinite(found).all():
        return Verdict(kind, "accepted", "with invalid probabilities")
    chosen = {label for one in named for label in (one if isinstance(one, (list, tuple, set)) else [one])}
    if not chosen <= {*labels, None}:
        return Verdict(kind, "accepted", f"with predictions that are not labels: {chosen - {*labels}}"[:200])
    if found.shape != answers.shape or not np.array_equal(found, answers):
        return Verdict(kind, "other answers", "it is accepted")
    same = _content(bundle) == _content(whole)
    return Verdict(kind, "nothing changed" if same else "another description", "" if same else "it is accepted")


def _content(bundle: Path) -> Any:
    """What a description says of the classifier."""
    described = json.loads((bundle / DESCRIPTION).read_text(encoding="utf-8"))
    return {key: value for key, value in described.items() if key not in ("digest", "files")}
