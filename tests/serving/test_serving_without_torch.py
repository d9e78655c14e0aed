"""A linear classifier is served where torch is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import make_texts, small_recipe, write_csv

CODE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, Missing())
sys.path.insert(0, sys.argv[2])
from asgi import Client
from textforge.serving import app

client = Client(app(sys.argv[1]))
assert client.json("/predict", {"text": "orbit"}).status == 200
assert client.json("/explain", {"text": "orbit"}).status == 200
assert client.get("/models").json["models"][0]["engine"] == "numpy"
import textforge.serving.server, textforge.serving.watching, textforge.cli.serve
"""


def test_a_linear_classifier_is_served_without_torch(tmp_path: Path) -> None:
    import textforge

    recipe = small_recipe(write_csv(tmp_path / "small.csv", *make_texts(60)), model={"use": "linear"})
    run = textforge.run(recipe, out=tmp_path / "run").path
    done = subprocess.run([sys.executable, "-c", CODE, run, Path(__file__).parent], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
