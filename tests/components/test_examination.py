"""Plugins are examined in a process of their own: what they take, what they change, and whether they end it."""

from __future__ import annotations

import importlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from conftest import only_json
from in_process import invoke
from installed_sites import MODEL, Site

from textforge import PluginManager
from textforge.classifiers.bundles.description import SavedPart
from textforge.classifiers.bundles.named_parts import saved_part
from textforge.components import examination, import_effects
from textforge.components.component import Origin
from textforge.components.import_effects import FILTERS, watching
from textforge.errors import BundleError, PluginError

HOOKS = "from textforge import hookimpl\n@hookimpl\ndef textforge_models(): return {'rude': 'textforge_rude:model'}\n"
ORIGIN = Origin("textforge-rude", "1.0")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "site")
    return Site(tmp_path / "site")


def examined(site: Site, source: str) -> examination.Examined:
    site.install("textforge-rude", source)
    (found,) = examination.examined([(metadata.EntryPoint("rude", "textforge_rude", "textforge"), ORIGIN)])
    return found


def ends(pid: int) -> bool:
    """Whether a process that was sent SIGKILL is gone within a minute: the system ends it when it next runs it."""
    state = Path("/proc", str(pid), "stat")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if state.read_text().rpartition(")")[2].split()[0] == "Z":  # ended; nobody has asked for its exit code
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


# -- ends and hangs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise SystemExit('bye')", "cannot be imported: SystemExit: bye"),
        ("import os; os._exit(3)", "cannot be imported: it ends the process with exit code 3."),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
         f"cannot be imported: it ends the process by the signal {signal.SIGKILL.value}."),
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
        ("raise KeyboardInterrupt", "cannot be imported: it ends the process "),
    ],
)  # fmt: skip
def test_a_plugin_that_ends_at_import_is_broken(site: Site, source: str, reason: str) -> None:
    (found,) = examined(site, source).broken
    assert found.startswith(reason)


def test_a_plugin_that_hangs_is_broken_and_all_that_it_started_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "TIMEOUT", 3.0)  # a busy machine takes a second to start Python
    file = site.folder / "child"
    source = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(file)!r}, 'w').write(str(child.pid))\nchild.wait()\n"
    )
    began = time.monotonic()
    found = examined(site, source)
    assert found.broken == ["hangs: its import is not done after 3 s."]
    assert found.seconds is None
    assert time.monotonic() - began < 60
    assert ends(int(file.read_text()))


def test_a_thread_that_goes_on_keeps_nobody_waiting(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "TIMEOUT", 120.0)
    source = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n" + HOOKS
    began = time.monotonic()
    found = examined(site, source)
    assert time.monotonic() - began < 60
    assert found.offered == [["model", "rude", "textforge_rude:model"]]
    assert found.changed == ["the running threads"]


def test_an_interrupt_waits_for_no_plugin(site: Site) -> None:
    site.install("textforge-rude", "import time\ntime.sleep(600)\n")
    code = (
        "import signal, threading, os\n"
        "from textforge import PluginManager\n"
        "from textforge.components import examination\n"
        "examination.TIMEOUT = 120.0\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "PluginManager().names('model')\n"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], env={**site.env()}, capture_output=True, text=True)
    assert "KeyboardInterrupt" in done.stderr
    assert time.monotonic() - began < 60


def test_a_plugin_that_looks_for_plugins_while_it_is_imported_starts_no_further_process(site: Site) -> None:
    source = (
        "from textforge import PluginManager\n"
        "assert 'mlp' in PluginManager().names('model')\nassert 'rude' not in PluginManager().names('model')\n"
    )
    assert examined(site, source + HOOKS).broken == []


def test_what_a_plugin_prints_reaches_nobody(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    assert examined(site, "import os\nprint('hello')\nos.write(2, b'hello')\n" + HOOKS).broken == []
    assert capfd.readouterr() == ("", "")


# -- seconds and changes ---------------------------------------------------------------------------


@pytest.fixture
def restored() -> Iterator[None]:
    """Restore what the examples change in this process."""
    import logging
    import os
    import random
    import warnings

    import numpy as np
    import torch

    arrays, tensors = np.random.get_state(), torch.get_rng_state()
    random_state, handler, environment = random.getstate(), signal.getsignal(signal.SIGUSR1), dict(os.environ)
    level = logging.getLogger().level
    with warnings.catch_warnings():
        yield
    random.setstate(random_state)
    np.random.set_state(arrays)
    torch.set_rng_state(tensors)
    signal.signal(signal.SIGUSR1, handler)
    logging.getLogger().setLevel(level)
    for name in {*os.environ} - {*environment}:
        del os.environ[name]


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("import random; random.seed(918)", ["the global random state"]),
        ("import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)", ["the handlers of signals"]),
        ("import warnings; warnings.simplefilter('ignore')", [FILTERS]),
        ("import warnings; warnings.filters.insert(0, ('ignore', None, UserWarning, None, 3))", [FILTERS]),
        ("import os; os.environ['RUDE'] = '1'", ["os.environ"]),
        ("import logging; logging.getLogger().setLevel(7)", ["the level of the root logger"]),
        ("import numpy; numpy.random.seed(918)", ["numpy's global random state"]),
        ("import torch; torch.manual_seed(918)", ["torch's global random state"]),
        ("import numpy, random; random.Random(0); numpy.random.default_rng(0)", []),
        ("import polite_library", []),
        ("import polite_library, warnings; warnings.simplefilter('ignore')", [FILTERS]),
    ],
)  # fmt: skip
def test_what_an_import_changes_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, changed: list[str]
) -> None:
    """A library may set its own filters of warnings, as numpy and scikit-learn do."""
    (tmp_path / "rude_example.py").write_text(source)
    (tmp_path / "polite_library.py").write_text("import warnings; warnings.filterwarnings('ignore', 'about a library')")
    monkeypatch.syspath_prepend(tmp_path)
    with watching("rude_example") as effects:
        importlib.import_module("rude_example")
    assert effects.changed == changed
    for name in ("rude_example", "polite_library"):
        sys.modules.pop(name, None)


def test_the_state_of_a_library_that_the_plugin_imports_first_counts_from_then(site: Site) -> None:
    source = "import numpy\nnumpy.random.seed(0)\n" + HOOKS
    assert examined(site, source).changed == ["numpy's global random state"]
    assert examined(site, "import numpy\n" + HOOKS).changed == []


def test_a_sleep_counts_as_time(site: Site) -> None:
    found = examined(site, "import time\ntime.sleep(0.3)\n" + HOOKS)
    assert found.seconds is not None
    assert found.seconds >= 0.3


def test_the_listing_shows_slow_imports_and_changes(site: Site) -> None:
    site.install("textforge-rude", "import random, time\nrandom.seed(1)\ntime.sleep(0.3)\n" + HOOKS)
    (row,) = (line for line in invoke("plugins").stdout.splitlines() if line.startswith("textforge-rude "))
    assert "textforge-rude 1.0" in row
    assert " s  slow; import heavy packages inside the factories" in row
    assert row.endswith("changes the global random state")
    listing = only_json(invoke("plugins", "model", "--json").stdout)
    (imported,) = (one for one in listing["imports"] if one["plugin"] == "textforge-rude")
    assert imported["slow"] is True
    assert imported["changed"] == ["the global random state"]


# -- TEXTFORGE_PLUGINS -----------------------------------------------------------------------------


@pytest.fixture
def two(site: Site) -> Site:
    """Two installed distributions, each with a model."""
    for name in ("first", "second"):
        site.install(f"textforge-{name}", MODEL.format(name=name, dim=3, target=f"'textforge_{name}:model'"))
    return site


def found() -> set[str]:
    return {*PluginManager().names("model")} & {"first", "second", "mlp"}


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ("", {"first", "second", "mlp"}),
        ("none", {"mlp"}),
        ("textforge-first", {"first", "mlp"}),
        ("Textforge_First, textforge-second", {"first", "second", "mlp"}),
        ("standard", {"mlp"}),
    ],
)
def test_the_environment_chooses_what_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, chosen: str, names: set[str]
) -> None:
    monkeypatch.setenv("TEXTFORGE_PLUGINS", chosen)
    assert found() == names


@pytest.mark.usefixtures("two")
def test_a_misspelt_plugin_is_refused_with_the_nearest_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTFORGE_PLUGINS", "textforge-frist,textforge-second")
    plugins = PluginManager()
    for _ in range(2):
        with pytest.raises(PluginError, match="Did you mean 'textforge-first'") as error:
            plugins.names("model")
    assert str(error.value).startswith("TEXTFORGE_PLUGINS: no installed plugin is named 'textforge-frist'.")
    assert "write 'TEXTFORGE_PLUGINS=none'" in str(error.value)
    done = invoke("plugins")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean 'textforge-first'?" in done.stderr


def test_what_is_not_chosen_is_not_imported(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("textforge-rude", f"open({str(site.folder / 'log')!r}, 'a').write('x')\n" + HOOKS)
    monkeypatch.setenv("TEXTFORGE_PLUGINS", "none")
    assert "rude" not in PluginManager().names("model")
    assert not (site.folder / "log").exists()


def test_a_part_that_is_not_chosen_is_not_called_missing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("textforge-rude", HOOKS)
    monkeypatch.setenv("TEXTFORGE_PLUGINS", "none")
    left_out = re.escape("TEXTFORGE_PLUGINS=none: no other installed plugin was looked at.")
    for name in ("rude", "textforge-rude/rude"):
        with pytest.raises(PluginError, match=left_out):
            PluginManager().component("model", name)
    saved = SavedPart(use="rude", options={}, distribution="textforge-rude", version="1.0")
    with pytest.raises(BundleError, match=left_out) as error:
        saved_part("model", saved, PluginManager(), site.folder)
    assert "pip install" not in str(error.value)


# -- components that entry points state ------------------------------------------------------------

STATED = """\
[textforge.models]
stated = textforge_stated:model
bad name = textforge_stated:model
no-attribute = textforge_stated
[textforge.commands]
shout = textforge_stated:shout
"""


def test_components_that_entry_points_state_are_listed_without_any_import(site: Site) -> None:
    site.install("textforge-stated", "raise SystemExit('imported')\n", points=STATED)
    plugins = PluginManager()
    component = plugins.component("model", "stated")
    assert (str(component.origin), component.plugin) == ("textforge-stated 1.0", "stated")
    assert "shout" in plugins.names("command")
    with pytest.raises(PluginError, match=r"model 'stated' from textforge-stated 1\.0 cannot be imported: SystemExit"):
        plugins.part("model", "stated")
    reasons = [broken.reason for broken in plugins.broken if broken.origin == component.origin]
    assert sorted(reasons) == [
        "states 'textforge_stated' for model 'no-attribute', which is not 'package.module:attribute'.",
        "states the name 'bad name'; a name is letters, digits, '_', '-', '.' and '+'.",
    ]


def test_a_stated_component_for_another_plugin_api_says_what_to_install(site: Site) -> None:
    source = "TEXTFORGE_API = '99.0'\ndef model(n_features: int, n_classes: int, /): ...\n"
    site.install("textforge-stated", source, points="[textforge.models]\nstated = textforge_stated:model\n")
    with pytest.raises(PluginError, match=r"model 'stated' from textforge-stated 1\.0: it needs plugin API 99\.0"):
        PluginManager().part("model", "stated")
    sys.modules.pop("textforge_stated", None)


def test_a_component_that_is_stated_and_offered_by_a_hook_is_one_component(site: Site) -> None:
    source = MODEL.format(name="stated", dim=3, target="model")
    points = "[textforge]\nstated = textforge_stated\n[textforge.models]\nstated = textforge_stated:model\n"
    site.install("textforge-stated", source, points=points)
    assert PluginManager().part("model", "stated").options == {"dim": 3}
    sys.modules.pop("textforge_stated", None)


def test_the_work_of_other_processes_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = iter([1.0, 3.5])
    monkeypatch.setattr(import_effects, "_waited", lambda: next(waited))
    with watching("anything") as effects:
        pass
    assert effects.seconds < -2
