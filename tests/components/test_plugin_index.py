"""What installed plugins offer is learnt once, and not trusted across a change."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from installed_sites import MODEL, Site, past

from textforge import PluginManager
from textforge.components import examination
from textforge.errors import PluginError

COUNTED = "with open({log!r}, 'a') as log: log.write('x')\n"
"""Notes each import."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An empty site on `sys.path`, with a cache folder of its own that knows what else is installed."""
    PluginManager().names("model")
    shutil.copytree(Path(os.environ["TEXTFORGE_CACHE"], "plugins"), tmp_path / "cache" / "plugins")
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "site")
    return Site(tmp_path / "site")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examine plugins in this process, and forget their modules: it saves a process for each."""

    def examined(points: Sequence[Any]) -> list[examination.Examined]:
        before = {*sys.modules}
        importlib.invalidate_caches()
        found = [examination.examined_here(*one) for one in points]
        for name in {*sys.modules} - before:
            if name.startswith(("textforge_counted", "textforge_late", "missing_one")):
                del sys.modules[name]
        return found

    monkeypatch.setattr(examination, "examined", examined)


class Counted:
    """A plugin that notes its imports."""

    def __init__(self, site: Site, name: str = "counted") -> None:
        self.site, self.name, self.log = site, name, site.folder / f"{name}.log"
        self.source = COUNTED.format(log=str(self.log)) + MODEL.format(
            name=name, dim=3, target=f"'textforge_{name}:model'"
        )

    def imports(self) -> int:
        return len(self.log.read_text()) if self.log.exists() else 0


@pytest.fixture
def counted(site: Site) -> Counted:
    made = Counted(site)
    site.install("textforge-counted", made.source)
    return made


def models() -> list[str]:
    return [name for name in PluginManager().names("model") if name in ("counted", "other", "late")]


def test_a_plugin_is_imported_once_to_list_it_and_in_this_process_only_when_it_is_used(counted: Counted) -> None:
    for _ in range(3):
        assert models() == ["counted"]
    assert counted.imports() == 1
    assert "textforge_counted" not in sys.modules
    plugins = PluginManager()
    assert plugins.component("model", "counted").origin.version == "1.0"
    assert "textforge_counted" not in sys.modules
    assert plugins.part("model", "counted").options == {"dim": 3}
    assert "textforge_counted" in sys.modules
    assert counted.imports() == 2
    del sys.modules["textforge_counted"]


def reinstalled(counted: Counted) -> None:
    counted.site.install("textforge-counted", counted.source.replace('"counted"', '"other"'), version="1.1")


def reinstalled_with_the_same_version(counted: Counted) -> None:
    counted.site.install("textforge-counted", counted.source.replace('"counted"', '"other"'))


def edited(counted: Counted) -> None:
    path = counted.site.folder / "textforge_counted.py"
    path.write_text(path.read_text().replace('"counted"', '"other"').replace("dim: width.", "dim: wide."))
    past(path, 50)


def edited_in_as_many_characters(counted: Counted) -> None:
    path = counted.site.folder / "textforge_counted.py"
    path.write_text(path.read_text().replace('return {"counted"', 'return {"other"  '))
    past(path, 50)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize(
    "change", [reinstalled, reinstalled_with_the_same_version, edited, edited_in_as_many_characters]
)
def test_a_change_is_seen(counted: Counted, change: Callable[[Counted], None], record: bool) -> None:
    counted.site.install("textforge-counted", counted.source, record=record)
    assert models() == ["counted"]
    change(counted)
    assert models() == ["other"]
    assert counted.imports() == 2


@pytest.mark.usefixtures("quick")
def test_every_file_of_an_editable_package_counts(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    package = source / "textforge_late"
    (package / "inner").mkdir(parents=True)
    names = package / "inner" / "names.py"
    hooks = (
        "from textforge import hookimpl\nfrom textforge_late.inner.names import NAME\n"
        "@hookimpl\ndef textforge_models(): return {NAME: 'textforge_late:model'}\n"
    )
    for path, text in ((package / "__init__.py", "from textforge_late.hooks import *\n"), (package / "hooks.py", hooks),
                       (names, "NAME = 'late'\n")):  # fmt: skip
        path.write_text(text)
        past(path)
    (package / "inner" / "__init__.py").touch()
    past(package / "inner" / "__init__.py")
    site.install("textforge-late", record=False).unlink()
    monkeypatch.syspath_prepend(source)
    assert models() == ["late"]
    names.write_text("NAME = 'other'\n")
    past(names, 50)
    assert models() == ["other"]


@pytest.mark.usefixtures("quick")
def test_a_file_that_changed_a_moment_ago_is_not_trusted(counted: Counted) -> None:
    path = counted.site.folder / "textforge_counted.py"
    soon = time.time_ns() + 60 * 10**9  # so that a busy machine does not let the moment pass
    os.utime(path, ns=(soon, soon))
    assert models() == ["counted"]
    assert models() == ["counted"]
    assert counted.imports() == 2, "its time would stay the same if it changed again at once"


@pytest.mark.usefixtures("quick")
def test_what_is_uninstalled_is_gone(counted: Counted) -> None:
    assert models() == ["counted"]
    for path in counted.site.folder.glob("*.dist-info"):
        path.rename(path.with_suffix(".gone"))
    assert models() == []


def index_files() -> list[Path]:
    return [*Path(os.environ["TEXTFORGE_CACHE"], "plugins").iterdir()]


@pytest.mark.usefixtures("quick")
def test_the_index_may_be_deleted(counted: Counted) -> None:
    assert models() == ["counted"]
    for file in index_files():
        file.unlink()
    assert models() == ["counted"]
    assert counted.imports() == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


KEPT = examination.Examined([["model", "counted", "textforge_counted:model"]], seconds=0.1)


@given(broken=st.binary(max_size=20) | JSON.map(lambda value: json.dumps(value).encode()), inner=JSON, kept=JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_index_is_rebuilt_silently(
    counted: Counted, capfd: pytest.CaptureFixture[str], broken: bytes, inner: object, kept: object
) -> None:
    """Any bytes in the file; or any values under the right key, where a part of them may be as expected."""
    with mock.patch.object(examination, "examined", lambda points: [KEPT for _ in points]):
        assert models() == ["counted"]
        (file,) = (file for file in index_files() if "textforge-counted" in file.read_text())
        entry = json.loads(file.read_bytes())
        damaged = [{**entry, "found": {**entry["found"], "plugins": inner}}, {**entry, "found": kept}]
        for content in (broken, *(json.dumps(one).encode() for one in damaged)):
            file.write_bytes(content)
            assert models() == ["counted"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("damage", [
    {"offered": [["modle", "x", None]]}, {"offered": [["model", "a b", None]]}, {"offered": [["model", "x", 3]]},
    {"offered": 3}, {"offered": [[]]}, {"unknown": 1}, {"offered": [["model", "x"]]}, {"broken": None},
    {"broken": "text"}, {"broken": [3]}, {"changed": 3}, {"seconds": "3"}, {"offered": None},
])  # fmt: skip
def test_a_damaged_entry_is_examined_again(counted: Counted, damage: dict[str, object]) -> None:
    assert models() == ["counted"]
    for file in index_files():
        kept = json.loads(file.read_text())
        for name in kept["found"]["plugins"]:
            if "counted" in name:
                kept["found"]["plugins"][name] |= damage
        file.write_text(json.dumps(kept))
    assert models() == ["counted"]
    assert counted.imports() == 2


@pytest.mark.usefixtures("quick")
def test_without_a_cache_folder_plugins_are_found_all_the_same(
    counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "file"))
    assert models() == models() == ["counted"]
    assert counted.imports() == 2


def test_processes_that_write_the_index_at_once_leave_it_whole(counted: Counted) -> None:
    found = []

    def look() -> None:
        found.append(models())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for file in index_files():
        assert json.loads(file.read_text()).keys() == {"key", "found"}
    assert found == [["counted"]] * 4


BROKEN_UNLESS = "import os\nos.environ['COUNTED_KEY']\n"


@pytest.mark.usefixtures("quick")
def test_a_broken_plugin_is_remembered_and_tried_again_by_who_misses_it(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason may lie outside the plugin, where no key of the index sees it."""
    counted.site.install("textforge-counted", COUNTED.format(log=str(counted.log)) + BROKEN_UNLESS + counted.source)
    assert models() == models() == []
    assert counted.imports() == 1
    monkeypatch.setenv("COUNTED_KEY", "1")
    assert models() == [], "listing the names costs nothing"
    plugins = PluginManager()
    assert plugins.component("model", "counted").origin.distribution == "textforge-counted"
    assert plugins.broken == []
    assert models() == ["counted"]


@pytest.mark.usefixtures("quick")
def test_a_broken_plugin_is_tried_again_only_once_for_all_misses(counted: Counted) -> None:
    counted.site.install("textforge-counted", COUNTED.format(log=str(counted.log)) + "1 / 0\n")
    models()
    plugins = PluginManager()
    for name in ("one", "two", "three"):
        with pytest.raises(PluginError, match="Broken plugins, which may provide it: textforge-counted"):
            plugins.component("model", name)
    assert counted.imports() == 2


@pytest.mark.usefixtures("quick")
def test_a_broken_plugin_is_tried_again_when_anything_is_installed(counted: Counted) -> None:
    counted.site.install(
        "textforge-counted", COUNTED.format(log=str(counted.log)) + "import missing_one\n" + counted.source
    )
    assert models() == []
    counted.site.install("missing-one", points="[other]\nx = missing_one\n")
    assert models() == ["counted"]


def test_a_system_that_starts_no_processes_imports_plugins_in_this_one(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object, **options: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(examination.subprocess, "Popen", refused)
    assert models() == ["counted"]
    sys.modules.pop("textforge_counted", None)


def test_help_imports_no_plugin_once_it_is_known(counted: Counted) -> None:
    env = {**os.environ, **counted.site.env()}
    for _ in range(2):
        subprocess.run([sys.executable, "-m", "textforge", "--help"], env=env, check=True, capture_output=True)
    assert counted.imports() == 1
