"""Checkpoints that cannot be used are refused in one sentence that says what to do."""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import transformers_tiny as tiny
from textforge import DataError, RecipeError

from textforge_transformers.checkpoint import Checkpoint, Source, longest, one_source
from textforge_transformers.encoders import encoder
from textforge_transformers.quiet import quietly
from textforge_transformers.sentence_embeddings import SentenceEmbeddings
from textforge_transformers.transformer_tokens import TransformerTokens

BOTH = pytest.mark.parametrize("vectorizer", [TransformerTokens, SentenceEmbeddings])


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of a checkpoint, which the test may change."""
    return Path(shutil.copytree(tiny.checkpoint(), tmp_path / "bert"))


def refusal(make, error=DataError) -> str:
    with pytest.raises(error) as told:
        make()
    assert "\n" not in str(told.value)
    return str(told.value)


@BOTH
@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("config.json", "has no config.json, so transformers did not write this checkpoint"),
        (
            "tokenizer.json",
            "has no tokenizer.json, the fast tokenizer. Create it from older files with transformers: Auto",
        ),
        ("model.safetensors", "has no model.safetensors. Pickled weights (pytorch_model.bin) are never loaded"),
    ],
)
def test_a_missing_file_is_named_with_what_to_do(vectorizer, file, told, folder):
    (folder / file).rename(folder / "pytorch_model.bin")
    assert f"{folder}: {told}" in refusal(lambda: vectorizer(folder=folder).fit(["moon"]))


@BOTH
def test_a_folder_that_is_not_there_is_named(vectorizer, tmp_path):
    assert "the folder does not exist" in refusal(lambda: vectorizer(folder=tmp_path / "gone").fit(["moon"]))


@BOTH
def test_more_tokens_than_the_encoder_reads_are_refused_with_its_bound(vectorizer):
    told = refusal(lambda: vectorizer(folder=tiny.checkpoint("roberta"), max_length=299).fit(["moon"]), RecipeError)
    assert told.endswith("the encoder (roberta) reads at most 298 tokens. Set vectorizer.max_length: 298, or null.")


def test_the_bound_leaves_out_the_positions_that_roberta_and_its_kin_do_not_use():
    assert longest({"model_type": "bert", "max_position_embeddings": 512}) == 512
    assert longest({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}) == 512
    assert longest({"model_type": "mpnet", "max_position_embeddings": 514}) == 512
    assert longest({"model_type": "xlnet"}) is None


@pytest.mark.parametrize("architecture", ["bert", "roberta", "mpnet", "distilbert"])
def test_a_text_as_long_as_the_bound_can_be_read(architecture):
    vectorizer = SentenceEmbeddings(folder=tiny.checkpoint(architecture), max_length=None).fit(["moon"])
    assert vectorizer.transform(["the moon " * 400]).shape == (1, tiny.WIDTH)


def test_a_tokenizer_with_more_tokens_than_the_encoder_is_refused(folder):
    config = tiny.config_of(folder)
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": 20}))
    told = refusal(lambda: TransformerTokens(folder=folder).fit(["moon"]))
    assert "config.json allows 20: they do not belong to one encoder" in told


@pytest.mark.parametrize("text", ["{", "[]", '{"hidden_size": 4}', "null"])
def test_a_configuration_that_is_none_is_refused(text, folder):
    (folder / "config.json").write_text(text)
    told = refusal(Checkpoint(folder, str(folder)).config)
    assert f"{folder}: config.json is not the configuration of an encoder" in told


def test_a_tokenizer_that_is_none_is_refused(folder):
    (folder / "tokenizer.json").write_text('{"model": "no"}')
    assert "the tokenizer cannot be read" in refusal(lambda: TransformerTokens(folder=folder).fit(["moon"]))


def test_an_unknown_architecture_is_refused_and_its_code_never_run(folder):
    (folder / "model.py").write_text("raise SystemExit('ran')")
    config = {**tiny.config_of(folder), "model_type": "mine", "auto_map": {"AutoModel": "model.Mine"}}
    (folder / "config.json").write_text(json.dumps(config))
    told = refusal(lambda: SentenceEmbeddings(folder=folder).fit(["moon"]))
    assert "model_type 'mine' is unknown to transformers" in told
    assert "code that comes with a checkpoint is never run" in told


def test_code_beside_a_known_architecture_is_not_run(folder):
    (folder / "model.py").write_text("raise SystemExit('ran')")
    config = {**tiny.config_of(folder), "auto_map": {"AutoModel": "model.Mine"}}
    (folder / "config.json").write_text(json.dumps(config))
    assert SentenceEmbeddings(folder=folder).fit(["moon"]).transform(["moon"]).shape == (1, tiny.WIDTH)


def test_an_encoder_decoder_is_refused():
    assert "is an encoder-decoder. Use an encoder" in refusal(lambda: encoder({"model_type": "t5"}))


def test_a_configuration_that_contradicts_itself_is_refused():
    config = {**tiny.config_of(tiny.checkpoint()), "num_attention_heads": 5}
    assert "cannot be" in refusal(lambda: encoder(config))


def test_weights_that_are_not_all_there_are_refused(folder):
    config = {**tiny.config_of(folder), "num_hidden_layers": 5}
    (folder / "config.json").write_text(json.dumps(config))
    told = refusal(lambda: SentenceEmbeddings(folder=folder).fit(["moon"]))
    assert "the weights lack 'encoder.layer.3." in told
    assert "and 31 more: they do not match the configuration" in told


def test_weights_of_other_sizes_are_refused(folder):
    config = {**tiny.config_of(folder), "intermediate_size": 48}
    (folder / "config.json").write_text(json.dumps(config))
    assert f"{folder}: the weights cannot be loaded" in refusal(lambda: SentenceEmbeddings(folder=folder).fit(["moon"]))


def test_weights_that_are_cut_short_are_refused(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert f"{folder}: the weights cannot be loaded" in refusal(lambda: SentenceEmbeddings(folder=folder).fit(["moon"]))


def test_weights_in_several_files_are_read_as_one_file_is(folder):
    texts = ["the moon", "a bat"]
    expected = SentenceEmbeddings(folder=folder).fit(texts).transform(texts)
    with quietly():
        tiny.plain_model(tiny.checkpoint()).save_pretrained(folder, max_shard_size="8KB")
    (folder / "model.safetensors").unlink()
    assert len(list(folder.glob("model-*-of-*.safetensors"))) > 1
    assert (SentenceEmbeddings(folder=folder).fit(texts).transform(texts) == expected).all()


def test_weights_saved_in_half_precision_are_computed_in_float32(folder):
    import torch
    from safetensors.torch import load_file, save_file

    weights = {name: value.bfloat16() for name, value in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps({**tiny.config_of(folder), "dtype": "bfloat16"}))
    found = Checkpoint.find(Source(None, folder, None))
    for made in (encoder(found.config(), found.weights()), encoder(found.config())):
        assert {parameter.dtype for parameter in made.parameters()} == {torch.float32}


def test_name_folder_and_revision_must_fit_each_other():
    assert one_source(name=None, folder=None, revision=None).startswith("give either name")
    assert one_source(name="a/b", folder=Path("c"), revision=None).startswith("give either name")
    assert one_source(name=None, folder=Path("c"), revision="main").startswith("revision applies to")
    assert one_source(name="a/b", folder=None, revision="main") is None


# -- the hub, played by a local server ----------------------------------------------------------

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ASK = """
import sys, time
from textforge import TextforgeError
from textforge_transformers.transformer_tokens import TransformerTokens
try:
    found = TransformerTokens(name=sys.argv[1], revision=sys.argv[2] or None).fit(["moon"])
    print(found.encoder_config["model_type"], found.encoder_weights.folder.name)
except TextforgeError as error:
    print(error.exit_code, error)
"""


class Hub(BaseHTTPRequestHandler):
    """Answer the requests of huggingface_hub for one repository, org/tiny, which also holds a pickle and code."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        files = {file.name: file.read_bytes() for file in tiny.checkpoint().iterdir()}
        files |= {"pytorch_model.bin": b"pickle", "model.py": b"code"}
        path = self.path.partition("?")[0]
        if path.startswith(f"/org/tiny/resolve/{COMMIT}/") and (content := files.get(path.rpartition("/")[2])):
            return self.answer(200, content)
        if path.startswith("/api/models/org/tiny/tree/"):
            return self.answer(200, json.dumps([
                {"type": "file", "path": name, "size": len(content), "oid": f"{len(content):040x}"}
                for name, content in files.items()
            ]).encode())  # fmt: skip
        if path.removeprefix("/api/models/org/tiny") in ("", "/revision/main", f"/revision/{COMMIT}"):
            siblings = [{"rfilename": name} for name in files]
            return self.answer(200, json.dumps({"id": "org/tiny", "sha": COMMIT, "siblings": siblings}).encode())
        return self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET  # noqa: N815

    def answer(self, status: int, content: bytes, headers: dict[str, str] = {}):  # noqa: B006
        self.send_response(status)
        given = {"X-Repo-Commit": COMMIT, "ETag": f'"{len(content):040x}"', "Content-Length": str(len(content))}
        for name, value in {**given, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask(home: Path, endpoint: str, name: str, revision: str = "", **environment: str) -> str:
    """Load a checkpoint by name in a fresh process, with an empty cache unless the home has one."""
    env = tiny.environment(HF_ENDPOINT=endpoint, HF_HOME=str(home), HF_HUB_DISABLE_XET="1", **environment)
    done = subprocess.run([sys.executable, "-c", ASK, name, revision], env=env, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_a_name_is_downloaded_without_pickles_or_code_and_then_read_without_the_hub(hub, tmp_path):
    Hub.asked.clear()
    assert ask(tmp_path, hub, "org/tiny") == f"bert {COMMIT}"
    fetched = {path.rpartition("/")[2] for path in Hub.asked if "/resolve/" in path}
    assert fetched == {"config.json", "tokenizer.json", "model.safetensors"}
    assert ask(tmp_path, "http://127.0.0.1:9", "org/tiny", HF_HUB_OFFLINE="1") == f"bert {COMMIT}"


def test_a_name_that_the_hub_does_not_have_is_unavailable(hub, tmp_path):
    told = ask(tmp_path, hub, "org/tinny", "v1")
    assert told.startswith("3 'org/tinny' (revision v1) is not on the hub, or is private. Check the name, or log in")


def test_a_hub_that_does_not_answer_is_given_up_after_seconds(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        began = time.perf_counter()
        told = ask(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}", "org/tiny")
    assert told.startswith("3 'org/tiny': the Hugging Face hub cannot be reached (")
    assert "HF_HUB_OFFLINE=1" in told
    assert time.perf_counter() - began < 40


def test_a_name_that_no_repository_can_have_is_refused():
    told = refusal(lambda: TransformerTokens(name="a//b/c d").fit(["moon"]), RecipeError)
    assert told.startswith("name: 'a//b/c d' is not a name on the hub")
