"""docs/data.md: its examples are recipes that work, and it names every format."""

from __future__ import annotations

import gzip
import json
import re

import polars as pl
import yaml
import zstandard
from conftest import ROOT, make_texts

from textforge import PluginManager

PAGE = (ROOT / "docs" / "data.md").read_text()
EXAMPLES = [
    yaml.safe_load(block)["dataset"] for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
]


def test_every_example_reads_such_data(tmp_path):
    texts, topics = make_texts(60)
    (tmp_path / "data").mkdir()
    table = ["title,body,verdict", *(f"On it,{text},{topic}" for text, topic in zip(texts, topics, strict=True))]
    (tmp_path / "data" / "reviews-1.csv.gz").write_bytes(gzip.compress("\n".join(table).encode()))
    (tmp_path / "data" / "reviews-2.csv.gz").write_bytes(gzip.compress("\n".join([*table[:9], "On it,x,"]).encode()))
    (tmp_path / "data" / "held-out.csv").write_text("\n".join(table[:9]))
    posts = [{"post": {"body": text, "meta": {"topic": topic}}} for text, topic in zip(texts, topics, strict=True)]
    (tmp_path / "posts.jsonl").write_text("\n".join(map(json.dumps, posts)))
    authored = [
        f"{text},{topic},author {n % 9},{n % 3}" for n, (text, topic) in enumerate(zip(texts, topics, strict=True))
    ]
    (tmp_path / "posts.csv").write_text("\n".join(["body,topic,author,certainty", *authored]))
    (tmp_path / "big.jsonl.zst").write_bytes(zstandard.compress((tmp_path / "posts.jsonl").read_bytes()))
    for name in ("train-0.parquet", "test-0.parquet"):
        pl.DataFrame({"text": texts, "label": topics}).write_parquet(tmp_path / "data" / name)
    sizes = []
    for options in EXAMPLES:
        name, options = options.pop("use"), dict(options)
        for key in ("train", "test"):
            if key in options:
                options[key] = str(tmp_path / options[key])
        part = PluginManager().part("dataset", name, **options)
        if name != "huggingface":  # which would go to the hub
            dataset = part.build({"seed": 0})
            assert dataset.labels() == ("ball", "paint", "space")
            sizes.append({split: len(found) for split, (found, _) in dataset.splits().items()})
    assert sizes[0] == {"train": 68, "test": 8}
    assert sizes[1]["train"] + sizes[1]["test"] == 60 and len(sizes) == 6
    assert sizes[4] == {"test": 60}  # train is a stream
    assert sizes[5] == {"train": 60, "test": 60}


def test_every_dataset_of_files_is_in_the_table():
    plugins = PluginManager()
    own = [c.name for c in plugins.components("dataset") if hasattr(c.factory, "look_at")]
    formats = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)))
    assert sorted(own) == sorted(formats)


def test_options_that_the_page_names_exist():
    options = {o for c in PluginManager().components("dataset") for o in c.options.fields}
    named = set(re.findall(r"`([a-z_]+):", PAGE)) - {"dataset"}
    assert named and named <= options, named - options
