"""A stand-in for the Hugging Face hub on 127.0.0.1: the part of its HTTP API that pushes and pulls use.

Repositories with commits and branches, tokens, uploads by commit (NDJSON) and by Git LFS, downloads with the hub's
headers. Failures can be ordered. `huggingface_hub` talks to it as to the real one, by HF_ENDPOINT.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".onnx", ".pkl")
"""Files that are uploaded by Git LFS."""
TOKENS = {"hf_alice": ("alice", True), "hf_reader": ("alice", False), "hf_bob": ("bob", True)}
"""User of each token, and whether it may write."""
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Repository:
    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], branch: str = "main", message: str = "initial commit") -> str:
        """Make a commit of all its files, and return its hash."""
        about = json.dumps([len(self.commits), message, sorted(files)]).encode()
        sha = hashlib.sha1(about + b"".join(files[name] for name in sorted(files))).hexdigest()
        self.commits[sha], self.branches[branch] = files, sha
        self.messages.append(message)
        return sha

    def at(self, revision: str) -> str | None:
        """The hash of a branch or of a commit."""
        return self.branches.get(revision) or (revision if revision in self.commits else None)


class Hub:
    """The state of the hub."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.log: list[str] = []
        """`METHOD /path` of each request."""
        self.fail: Callable[[str, str], Answer | str | None] = lambda method, path: None
        """The answer to give instead, `drop` to close the connection, or None."""
        self.url = ""
        self.store = ""
        """Where large files are, which is another host, as with the real hub."""

    def add(self, name: str, files: dict[str, bytes] | None = None, **options: bool) -> Repository:
        repository = self.repositories[name] = Repository(**options)
        repository.commit(files or {".gitattributes": b""})
        return repository

    def files(self, name: str, branch: str = "main") -> dict[str, bytes]:
        repository = self.repositories[name]
        return repository.commits[repository.branches[branch]]


def error(status: int, code: str = "", message: str = "") -> Answer:
    """An error as the hub gives it, with its headers."""
    headers = {key: value for key, value in (("X-Error-Code", code), ("X-Error-Message", message)) if value}
    return status, headers, json.dumps({"error": message}).encode()


def answer(value: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.respond()

    def do_HEAD(self) -> None:
        self.respond()

    def do_POST(self) -> None:
        self.respond()

    def do_PUT(self) -> None:
        self.respond()

    def respond(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.log.append(f"{self.command} {path}")
        if (ordered := self.hub.fail(self.command, path)) == "drop":
            self.close_connection = True
            self.connection.close()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = ordered or self.routed(path, body)
        assert not isinstance(found, str)
        status, headers, content = found
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", headers.get("Content-Length", str(len(content))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    # -- routes --------------------------------------------------------------------------------

    def routed(self, path: str, body: bytes) -> Answer:
        if path == "/api/validate-yaml":
            return answer({"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self.create(json.loads(body))
        if found := re.fullmatch(r"/lfs/([0-9a-f]{64})", path):
            if self.command == "PUT":
                self.hub.blobs[found[1]] = body
                return answer({})
            return 200, {}, self.hub.blobs[found[1]]
        if found := re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return self.allowed(found[1], write=True) or self.batch(json.loads(body))
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self.allowed(found[1]) or self.resolve(*found.groups())
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(\w+)(?:/(.+))?)?", path):
            name, verb, rest = found.groups()
            write = verb in ("preupload", "commit", "branch")
            return self.allowed(name, write=write) or getattr(self, f"api_{verb or 'revision'}")(name, rest, body)
        return error(404, message=f"the stand-in has no {path}")

    def user(self) -> tuple[str, bool] | None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        return TOKENS.get(token)

    def allowed(self, name: str, *, write: bool = False) -> Answer | None:
        """The refusal of a request, if it is refused."""
        token, user = self.headers.get("Authorization"), self.user()
        if token and user is None:
            return error(401, message="Invalid credentials in Authorization header")
        repository, own = self.hub.repositories.get(name), user is not None and name.startswith(f"{user[0]}/")
        if repository is None or (repository.private and not own):
            return error(404 if user else 401, "RepoNotFound", "Repository not found")
        if repository.gated and not own:
            return error(403, "GatedRepo", "Access to this model is restricted")
        if write and not (own and user and user[1]):
            return error(403, message="You don't have the required permissions to perform this action")
        return None

    def create(self, wanted: dict[str, object]) -> Answer:
        user = self.user()
        name = f"{wanted.get('organization') or (user or ('',))[0]}/{wanted['name']}"
        if user is None:
            return error(401, message="Invalid username or password.")
        if not user[1] or not name.startswith(f"{user[0]}/"):
            return error(403, message="You don't have the rights to create a model under this namespace")
        if name in self.hub.repositories:
            return error(409, message="You already created this model repo")
        private = bool(wanted.get("private")) or wanted.get("visibility") == "private"
        self.hub.add(name, private=private)
        return answer({"url": f"{self.hub.url}/{name}", "name": name})

    def batch(self, wanted: dict[str, list[dict[str, object]]]) -> Answer:
        objects: list[dict[str, object]] = []
        for one in wanted["objects"]:
            upload = {"actions": {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}}
            objects.append({"oid": one["oid"], "size": one["size"], **({} if one["oid"] in self.hub.blobs else upload)})
        return answer({"transfer": "basic", "objects": objects})

    def resolve(self, name: str, revision: str, file: str) -> Answer:
        repository = self.hub.repositories[name]
        if (sha := repository.at(revision)) is None:
            return error(404, "RevisionNotFound", "Invalid rev id")
        if file not in repository.commits[sha]:
            return error(404, "EntryNotFound", "Entry not found")
        content = repository.commits[sha][file]
        digest = hashlib.sha256(content).hexdigest()
        headers = {"X-Repo-Commit": sha, "ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
        if file.endswith(LARGE):
            self.hub.blobs[digest] = content
            headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
            return 302, {**headers, "Location": f"{self.hub.store}/lfs/{digest}"}, b""
        return 200, headers, content

    def api_revision(self, name: str, revision: str | None, body: bytes) -> Answer:
        repository = self.hub.repositories[name]
        if (sha := repository.at(revision or "main")) is None:
            return error(404, "RevisionNotFound", "Invalid rev id: " + str(revision))
        siblings = [{"rfilename": file} for file in repository.commits[sha]]
        return answer({"id": name, "sha": sha, "private": repository.private, "gated": repository.gated,
                       "siblings": siblings, "tags": []})  # fmt: skip

    def api_refs(self, name: str, rest: None, body: bytes) -> Answer:
        branches = [{"name": branch, "ref": f"refs/heads/{branch}", "targetCommit": sha}
                    for branch, sha in self.hub.repositories[name].branches.items()]  # fmt: skip
        return answer({"branches": branches, "tags": [], "converts": []})

    def api_branch(self, name: str, branch: str, body: bytes) -> Answer:
        repository = self.hub.repositories[name]
        if branch in repository.branches:
            return error(409, message="Reference already exists")
        repository.branches[branch] = repository.branches["main"]
        return answer({})

    def api_preupload(self, name: str, revision: str, body: bytes) -> Answer:
        repository = self.hub.repositories[name]
        now = repository.commits[repository.at(revision) or ""]
        files = []
        for one in json.loads(body)["files"]:
            path = one["path"]
            mode = "lfs" if path.endswith(LARGE) else "regular"
            files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": _oid(now.get(path), mode)})
        return answer({"files": files})

    def api_commit(self, name: str, revision: str, body: bytes) -> Answer:
        repository = self.hub.repositories[name]
        lines = [json.loads(line) for line in body.splitlines()]
        header = lines[0]["value"]
        if header.get("parentCommit", repository.at(revision)) != repository.at(revision):
            return error(412, message="A commit has happened since. Please refresh and try again.")
        files = dict(repository.commits[repository.at(revision) or ""])
        for line in lines[1:]:
            value, path = line["value"], line["value"]["path"]
            if line["key"] == "deletedFile":
                del files[path]
            elif line["key"] == "lfsFile":
                files[path] = self.hub.blobs[value["oid"]]
            else:
                files[path] = base64.b64decode(value["content"])
        sha = repository.commit(files, revision, header["summary"])
        return answer({"success": True, "commitOid": sha, "commitUrl": f"{self.hub.url}/{name}/commit/{sha}"})


def _oid(content: bytes | None, mode: str) -> str | None:
    if content is None:
        return None
    if mode == "lfs":
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def standin_hub() -> Iterator[Hub]:
    """Serve a hub on a free port of 127.0.0.1."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url, hub.store = (f"http://{host}:{server.server_address[1]}" for host in ("127.0.0.1", "localhost"))
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
