"""The real yaml-language-server, which most editors use, completes and checks recipes by their modeline."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

FINE = """\
# yaml-language-server: $schema=recipe.schema.json
dataset: {use: csv, train: a.csv}
vectorizer: bow
model:
  use: mlp
  hidden: [100]
optimizer: {use: adam, lr: 0.01}
"""


def server() -> str | None:
    beside = Path(sys.prefix) / "editor/node_modules/.bin"
    return shutil.which("yaml-language-server", path=str(beside)) or shutil.which("yaml-language-server")


class Editor:
    """Speaks the Language Server Protocol with the server, as an editor does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._asked = 0
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()
        self._process = subprocess.Popen(
            [server(), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self.ask("initialize", {
            "processId": None, "rootUri": folder.as_uri(), "workspaceFolders": None,
            "capabilities": {"workspace": {"configuration": True}},
        })  # fmt: skip
        self._send({"method": "initialized", "params": {}})

    def marks(self, text: str) -> list[tuple[int, str]]:
        """What is marked in a recipe: line, from 0, and message."""
        uri = self._open(text)
        told = self._until(lambda m: m.get("method", "").endswith("publishDiagnostics") and m["params"]["uri"] == uri)
        return [(one["range"]["start"]["line"], one["message"]) for one in told["params"]["diagnostics"]]

    def completions(self, text: str) -> list[str]:
        """What is offered at the place of the bar in a recipe."""
        before, _, after = text.partition("|")
        lines = before.split("\n")
        uri = self._open(before + after)
        place = {"line": len(lines) - 1, "character": len(lines[-1])}
        found = self.ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": place})
        return [one["label"] for one in found["items"]]

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": params})
        return self._until(lambda m: m.get("id") == self._asked and "method" not in m)["result"]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            stream.close()

    def _open(self, text: str) -> str:
        self._asked += 1
        uri = (self.folder / f"r{self._asked}.yaml").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return uri

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _listen(self) -> None:
        out = self._process.stdout
        try:
            while header := out.readline():
                length = int(header.split(b":")[1])
                while out.readline().strip():
                    pass
                self._told.put(json.loads(out.read(length)))
        except ValueError:  # closed
            return

    def _until(self, wanted: Any) -> dict[str, Any]:
        end = time.monotonic() + 60
        while True:
            message = self._told.get(timeout=max(0.0, end - time.monotonic()))
            if message.get("method") == "workspace/configuration":
                sections = [one.get("section") for one in message["params"]["items"]]
                own = {"validate": True, "completion": True}
                self._send({"id": message["id"], "result": [own if one == "yaml" else {} for one in sections]})
            elif "method" in message and "id" in message:
                self._send({"id": message["id"], "result": None})
            if wanted(message):
                return message


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory):
    if server() is None:
        pytest.skip("yaml-language-server is not installed: npm install --global yaml-language-server")
    folder = tmp_path_factory.mktemp("editor")
    shutil.copy(ROOT / "recipes/recipe.schema.json", folder)
    editor = Editor(folder)
    yield editor
    editor.close()


@pytest.mark.parametrize("file", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.name)
def test_it_marks_nothing_in_a_shipped_recipe(editor, file):
    assert editor.marks(file.read_text()) == []


@pytest.mark.parametrize(
    ("right", "wrong", "line", "told"),
    [
        ("use: mlp", "use: mpl", 4, "Value must be"),
        ("hidden:", "hiden:", 5, "hiden"),
        ("[100]", "100", 5, "Incorrect type"),
        ("lr: 0.01", "lr: fast", 6, "Incorrect type"),
        ("vectorizer: bow", "vectorizer: bows", 2, "Value is not accepted"),
        ("optimizer:", "optimiser:", 6, "optimiser"),
    ],
)
def test_it_marks_a_mistake_in_its_line(editor, right, wrong, line, told):
    marks = editor.marks(FINE.replace(right, wrong))
    assert [message for at, message in marks if at == line and told in message], marks


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("\n|", {"dataset", "vectorizer", "model", "trainer", "callbacks", "extends"}),
        ("\nmodel:\n  use: |", {"mlp", "linear", "nbsvm"}),
        ("\nmodel:\n  use: mlp\n  |", {"hidden", "activation", "dropout"}),
        ("\nmodel:\n  use: mlp\n  activation: |", {"relu", "gelu"}),
        ("\ntrainer:\n  |", {"epochs", "batch_size", "monitor"}),
        ("\nmetrics:\n  - |", {"mcc", "top-k"}),
    ],
)
def test_it_completes_sections_parts_options_and_values(editor, text, offered):
    found = editor.completions(FINE.splitlines()[0] + text)
    assert offered <= set(found), found
