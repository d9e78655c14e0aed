"""The 20 Newsgroups archive from real HTTP servers on this machine, from a file, or from nowhere."""

import hashlib
import http.server
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading

import pytest
import sklearn.datasets._twenty_newsgroups as sklearn_side
import yaml
from in_process import invoke

from textforge import DataError, DataUnavailable, StorageError
from textforge_standard.datasets import newsgroups_archive
from textforge_standard.datasets.newsgroups import newsgroups

GROUPS = ["comp.graphics", "sci.space"]


def archive_of(*more):
    """A tar.gz in the layout of the real one: two groups, four posts, and what else a test adds."""
    posts = [
        ("20news-bydate-train/comp.graphics/1", "Subject: one\n\npixels"),
        ("20news-bydate-train/sci.space/2", "Subject: two\n\ncaf\xe9 in orbit"),
        ("20news-bydate-test/comp.graphics/3", "Subject: three\n\nshader"),
        ("20news-bydate-test/sci.space/4", "Subject: four\n\nmoon"),
        *more,
    ]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in posts:
            member = tarfile.TarInfo(name)
            member.size = len(text.encode("latin-1"))
            tar.addfile(member, io.BytesIO(text.encode("latin-1")))
    return buffer.getvalue()


ARCHIVE = archive_of()


@pytest.fixture
def original(monkeypatch):
    """Make some bytes the original archive: textforge and scikit-learn hold files to its digest."""

    def accept(content):
        digest = hashlib.sha256(content).hexdigest()
        monkeypatch.setattr(newsgroups_archive, "SHA256", digest)
        # a dead address, so that a download by scikit-learn itself would be seen
        ours = sklearn_side.ARCHIVE._replace(checksum=digest, url="http://127.0.0.1:9/nowhere")
        monkeypatch.setattr(sklearn_side, "ARCHIVE", ours)

    accept(ARCHIVE)
    return accept


@pytest.fixture
def home(tmp_path, monkeypatch, original):
    """An empty cache folder."""
    path = tmp_path / "cache"
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(path))
    return path


@pytest.fixture
def sources(monkeypatch):
    """Serve what each path says, and make these addresses the sources; gives the requests seen."""
    servers, requests = [], []

    def serve(*answers):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                number = int(self.path.rpartition("/")[2])
                requests.append(number)
                status, body, length = answers[number]
                self.send_response(status)
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        urls = tuple(f"http://127.0.0.1:{server.server_port}/{number}" for number in range(len(answers)))
        monkeypatch.setattr(newsgroups_archive, "SOURCES", urls)
        return requests

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def nobody(monkeypatch):
    """Sources at an address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    urls = (f"http://127.0.0.1:{port}/first", f"http://127.0.0.1:{port}/second")
    monkeypatch.setattr(newsgroups_archive, "SOURCES", urls)
    return urls


def whole(body, length="as it is"):
    return (200, body, len(body) if length == "as it is" else length)


def is_the_corpus(dataset):
    assert sorted(zip(*dataset.train, strict=True)) == [
        ("Subject: one\n\npixels", "comp.graphics"),
        ("Subject: two\n\ncaf\xe9 in orbit", "sci.space"),
    ]
    assert sorted(zip(*dataset.test, strict=True)) == [
        ("Subject: four\n\nmoon", "sci.space"),
        ("Subject: three\n\nshader", "comp.graphics"),
    ]


def left_in(home):
    return sorted(str(path.relative_to(home)) for path in home.rglob("*"))


# -- download ----------------------------------------------------------------------------------


def test_the_first_source_that_answers_is_used_and_no_other(home, sources):
    requests = sources(whole(ARCHIVE), whole(ARCHIVE))
    is_the_corpus(newsgroups(categories=GROUPS))
    assert requests == [0]
    assert left_in(home) == ["20news-bydate_py3.pkz"]


def test_processes_that_want_the_corpus_at_once_download_it_once(home, sources):
    asked = sources(whole(ARCHIVE), whole(ARCHIVE))
    found = []
    threads = [threading.Thread(target=lambda: found.append(newsgroups(categories=GROUPS).n_train)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2] * 4
    assert asked == [0]
    assert left_in(home) == ["20news-bydate_py3.pkz"]


def test_what_is_in_the_cache_is_not_downloaded_again(home, sources):
    requests = sources(whole(ARCHIVE))
    newsgroups(categories=GROUPS)
    is_the_corpus(newsgroups(categories=GROUPS))
    assert requests == [0]


BAD_ANSWERS = {
    "not found": ((404, b"no such page", 12), "HTTPError: 404 Not Found"),
    "server error": ((503, b"", 0), "HTTPError: 503 Service Unavailable"),
    "broken off": (whole(ARCHIVE[:100], len(ARCHIVE)), f"broke off after 100 of {len(ARCHIVE)} bytes"),
    "another file": (whole(b"<html>please log in</html>"), "is not the original 20news-bydate.tar.gz: its SHA-256 is"),
    "nothing": (whole(b""), "is not the original"),
    "broken off without a length": (whole(ARCHIVE[:100], None), "is not the original"),
    "a length that is none": (whole(ARCHIVE, "many"), "invalid literal"),
}
bad_answers = pytest.mark.parametrize(("answer", "why"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)


@bad_answers
def test_where_the_first_source_fails_the_second_is_used(home, sources, answer, why):
    requests = sources(answer, whole(ARCHIVE))
    is_the_corpus(newsgroups(categories=GROUPS))
    assert requests == [0, 1]
    assert left_in(home) == ["20news-bydate_py3.pkz"]


@bad_answers
def test_where_all_sources_fail_each_is_reported_with_its_reason_and_nothing_stays(home, sources, answer, why):
    sources(answer, (404, b"", 0))
    with pytest.raises(DataUnavailable) as caught:
        newsgroups(categories=GROUPS)
    told = str(caught.value)
    first, second = newsgroups_archive.SOURCES
    assert f"{first}: " in told
    assert why in told
    assert f"{second}: HTTPError: 404 Not Found" in told
    assert f"put it at {home / '20news_home' / '20news-bydate.tar.gz'}" in told
    assert "dataset.archive" in told
    assert left_in(home) == []


def test_a_refused_connection_is_reported(home, nobody):
    with pytest.raises(DataUnavailable) as caught:
        newsgroups(categories=GROUPS)
    for url in nobody:
        assert f"{url}: URLError: " in str(caught.value)
    assert "refused" in str(caught.value)
    assert left_in(home) == []


def test_a_source_that_falls_silent_is_given_up(home, sources, monkeypatch):
    monkeypatch.setattr(newsgroups_archive, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        requests = sources(whole(ARCHIVE))
        monkeypatch.setattr(newsgroups_archive, "SOURCES", (url, *newsgroups_archive.SOURCES))
        is_the_corpus(newsgroups(categories=GROUPS))
    assert requests == [0]


def test_a_connection_that_breaks_is_reported_as_such(home, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as rude:

        def hang_up():
            for _ in range(2):
                connection, _ = rude.accept()
                connection.recv(1000)
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        url = f"http://127.0.0.1:{rude.getsockname()[1]}/"
        monkeypatch.setattr(newsgroups_archive, "SOURCES", (url, url))
        with pytest.raises(DataUnavailable, match="RemoteDisconnected"):
            newsgroups(categories=GROUPS)


@pytest.mark.skipif(sys.platform == "win32", reason="file-size limits are POSIX")
def test_a_full_disk_is_reported_as_such_and_no_other_source_is_asked(home, sources):
    import resource

    content = os.urandom(300_000)
    requests = sources(whole(content), whole(content))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(StorageError) as caught:
            newsgroups(categories=GROUPS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be written: File too large" in str(caught.value)
    assert requests == [0]
    assert left_in(home) == []


def test_a_cache_folder_that_is_a_file_is_reported(home, sources):
    sources(whole(ARCHIVE))
    home.mkdir()
    (home / "20news_home").write_text("in the way")
    with pytest.raises(StorageError, match=r"20news-bydate\.tar\.gz: cannot be written"):
        newsgroups(categories=GROUPS)


def test_a_damaged_cache_is_reported_and_nothing_is_downloaded(home, sources):
    requests = sources(whole(ARCHIVE))
    home.mkdir()
    cache = home / "20news-bydate_py3.pkz"
    cache.write_bytes(b"half a pickle")
    with pytest.raises(DataUnavailable) as caught:
        newsgroups(categories=GROUPS)
    assert str(caught.value) == f"{cache}: is damaged. Delete it and run again."
    assert requests == []
    cache.unlink()
    is_the_corpus(newsgroups(categories=GROUPS))


# -- an archive fetched by hand ----------------------------------------------------------------


def test_an_archive_by_hand_is_used_without_network(home, nobody, tmp_path):
    archive = tmp_path / "fetched.tar.gz"
    archive.write_bytes(ARCHIVE)
    is_the_corpus(newsgroups(categories=GROUPS, archive=archive))
    assert archive.read_bytes() == ARCHIVE  # ours is a copy; scikit-learn deletes that after unpacking
    assert left_in(home) == ["20news-bydate_py3.pkz"]


def test_an_archive_put_into_the_cache_folder_is_used_without_network(home, nobody):
    place = home / "20news_home" / "20news-bydate.tar.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(ARCHIVE)
    is_the_corpus(newsgroups(categories=GROUPS))


def test_a_damaged_archive_in_the_cache_folder_is_replaced(home, sources):
    sources(whole(ARCHIVE))
    place = home / "20news_home" / "20news-bydate.tar.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(ARCHIVE[:100])
    is_the_corpus(newsgroups(categories=GROUPS))


def test_a_damaged_archive_in_the_cache_folder_stays_where_no_source_answers(home, nobody):
    place = home / "20news_home" / "20news-bydate.tar.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(ARCHIVE[:100])
    with pytest.raises(DataUnavailable):
        newsgroups(categories=GROUPS)
    assert place.read_bytes() == ARCHIVE[:100]  # the user's file


def test_a_wrong_archive_by_hand_is_refused_even_where_the_cache_would_do(home, sources, tmp_path):
    sources(whole(ARCHIVE))
    newsgroups(categories=GROUPS)
    wrong = tmp_path / "wrong.tar.gz"
    wrong.write_bytes(ARCHIVE + b"\0")
    with pytest.raises(DataError) as caught:
        newsgroups(categories=GROUPS, archive=wrong)
    assert str(wrong) in str(caught.value)
    assert hashlib.sha256(ARCHIVE + b"\0").hexdigest() in str(caught.value)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        newsgroups(categories=GROUPS, archive=tmp_path / "nowhere.tar.gz")


def test_unpacking_writes_nothing_outside_the_cache_folder(home, nobody, tmp_path, original):
    # were the digest's check ever to be lost: tarfile's data filter stops this archive
    evil = archive_of(("../../evil", "escaped"))
    original(evil)
    archive = tmp_path / "evil.tar.gz"
    archive.write_bytes(evil)
    with pytest.raises(tarfile.OutsideDestinationError):
        newsgroups(categories=GROUPS, archive=archive)
    assert [path for path in tmp_path.rglob("*") if path.name == "evil"] == []
    assert not (home / "20news-bydate_py3.pkz").exists()


# -- the command line --------------------------------------------------------------------------


@pytest.fixture
def recipe(tmp_path):
    def write(**options):
        path = tmp_path / "recipe.yaml"
        dataset = {"use": "newsgroups", "categories": GROUPS, **options}
        parts = {"vectorizer": {"use": "bow"}, "model": {"use": "linear"}, "optimizer": {"use": "adam"}}
        path.write_text(yaml.safe_dump({"seed": 0, "dataset": dataset, **parts, "trainer": {"epochs": 1}}))
        return path

    return write


@pytest.mark.slow
def test_the_command_line_ends_with_3_where_the_corpus_cannot_be_had(tmp_path, recipe, nobody):
    # The real command line, but for the addresses: where there is a network it must not download 14 MB.
    program = (
        "import sys; from textforge_standard.datasets import newsgroups_archive as archive; "
        f"archive.SOURCES = {nobody!r}; from textforge.cli import main; sys.exit(main())"
    )
    home = tmp_path / "cache"
    done = subprocess.run(
        [sys.executable, "-c", program, "run", str(recipe()), "--out", str(tmp_path / "run"), "--quiet"],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "SCIKIT_LEARN_DATA": str(home)},
    )
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for part in (*nobody, "refused", str(home / "20news_home" / "20news-bydate.tar.gz"), "quickstart.yaml"):
        assert part in done.stderr
    assert left_in(home) == []
    assert not (tmp_path / "run").exists()


def test_the_command_line_refuses_a_wrong_archive_with_2(tmp_path, recipe, monkeypatch):
    wrong = tmp_path / "wrong.tar.gz"
    wrong.write_bytes(b"not an archive")
    home = tmp_path / "cache"
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(home))
    done = invoke("run", recipe(archive=str(wrong)), "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    assert f"{wrong}: is not the original 20news-bydate.tar.gz" in done.stderr
    assert not (tmp_path / "run").exists()
    assert not home.exists() or left_in(home) == []
