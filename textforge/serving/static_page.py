"""The page: files of a folder, read once, served with headers that allow no outside request."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from textforge.serving.http import Answer, Request

FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Content-Security-Policy: nothing from elsewhere, nothing in line, and no string that becomes HTML or a script."""
TEXT = ("text/", "application/javascript", "application/json", "image/svg+xml")


class StaticPage:
    """The files of a folder by their paths below it; `/` is `index.html`.

    Args:
        folder: the folder; its files are read now.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files: dict[str, Answer] = {}
        for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts:
                path = "/" + file.relative_to(folder).as_posix()
                self._files["/" if path == f"/{INDEX}" else path] = _file(file)

    def __contains__(self, path: str) -> bool:
        return path in self._files

    def answer(self, request: Request, path: str) -> Answer:
        """Answer with a file, or with 304 if the client has it."""
        found = self._files[path]
        if found.headers["etag"] in request.header(b"if-none-match"):
            return Answer(b"", 304, found.media_type, found.headers)
        return found


def _file(file: Path) -> Answer:
    content = file.read_bytes()
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if kind.startswith(TEXT):
        kind = f"{kind}; charset=utf-8"
    headers = {
        "etag": f'"{hashlib.sha256(content).hexdigest()[:16]}"',
        "cache-control": "no-cache",
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return Answer(content, 200, kind, headers)
