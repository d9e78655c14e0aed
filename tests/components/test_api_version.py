"""Plugins for another plugin API, or another textforge than the one installed."""

from __future__ import annotations

from email.message import Message
from importlib import metadata
from types import SimpleNamespace

import pytest

import textforge
from textforge import PLUGIN_API, PluginManager, hookimpl
from textforge.components.api_version import api_mismatch, unmet_requirement
from textforge.components.component import Origin
from textforge.errors import PluginError

VERSION = metadata.version("textforge")
FIRST, SECOND = map(int, PLUGIN_API.split("."))


def plugin(**attributes: object) -> SimpleNamespace:
    return SimpleNamespace(
        textforge_models=hookimpl(lambda: {"own": lambda n_features, n_classes, /: None}), **attributes
    )


@pytest.mark.parametrize("api", [PLUGIN_API, f"{FIRST}.0", None])
def test_a_plugin_of_this_api_or_without_a_number_is_taken(api):
    parts = PluginManager(entry_points=False)
    parts.register(plugin(**({} if api is None else {"TEXTFORGE_API": api})))
    assert parts.names("model") == ["own"]


@pytest.mark.parametrize(
    ("api", "told"),
    [
        (f"{FIRST}.{SECOND + 1}", "Install a newer textforge: pip install --upgrade textforge"),
        (f"{FIRST + 1}.0", "Install a newer textforge: pip install --upgrade textforge"),
        (f"{FIRST - 1}.9", "Install a newer version of it (pip install --upgrade tf-own), or an older textforge."),
    ],
)
def test_a_plugin_of_another_api_is_broken_and_says_what_to_install(api, told):
    parts = PluginManager(entry_points=False)
    with pytest.raises(PluginError) as caught:
        parts.register(plugin(TEXTFORGE_API=api), "own", origin=Origin("tf-own", "3"))
    assert str(caught.value) == (
        f"plugin 'own': it needs plugin API {api}, and textforge {VERSION} has {PLUGIN_API}. {told}"
    )
    assert parts.names("model") == []
    assert "It may be in a broken plugin: plugin 'own' from tf-own 3: it needs plugin API" in unknown(parts, "own")


def unknown(parts: PluginManager, name: str) -> str:
    with pytest.raises(PluginError) as caught:
        parts.component("model", name)
    return str(caught.value)


@pytest.mark.parametrize("number", [1, 1.0, "1", "one", "1.0.0", "", " 1.0", "-1.0", b"1.0", ("1", "0")])
def test_what_is_no_number_is_reported(number):
    reason = api_mismatch(plugin(TEXTFORGE_API=number), "tf-own")
    assert reason == (
        f'its TEXTFORGE_API is {number!r}, which is not an API number. Write it as TEXTFORGE_API = "{PLUGIN_API}".'
    )


def test_an_attribute_that_raises_breaks_this_plugin_only():
    class Odd:
        @property
        def TEXTFORGE_API(self):
            raise RuntimeError("no")

    with pytest.raises(PluginError, match="its API number cannot be read: RuntimeError: no"):
        PluginManager().register(Odd(), "odd")


class Installed(metadata.Distribution):
    """A distribution with these requirements."""

    def __init__(self, *requirements: str) -> None:
        self._requires = requirements

    def read_text(self, filename: str) -> str | None:
        message = Message()
        for line in self._requires:
            message["Requires-Dist"] = line
        return str(message) if filename == "METADATA" else None

    def locate_file(self, path):  # pragma: no cover
        raise NotImplementedError


@pytest.mark.parametrize(
    ("requirements", "told"),
    [
        ((), ""),
        (("textforge",), ""),
        ((f"textforge>={VERSION}",), ""),
        (("textforge>99; python_version < '3'",), ""),
        (("nowhere-to-be-found; extra == 'more'",), ""),
        (("not a requirement !", "textforge>=99"), "textforge>=99"),
        (("TextForge[subword]>=99,<100",), "TextForge[subword]<100,>=99"),
    ],
)
def test_a_requirement_that_is_not_met_is_reported(requirements, told):
    found = unmet_requirement(Installed(*requirements))
    assert found == (told and f" It requires {told}, and {VERSION} is installed: pip install '{told}'")


def test_every_dependency_that_is_not_met_is_named_with_what_to_install():
    found = unmet_requirement(Installed("nowhere-to-be-found>=4", "textforge", "pluggy>=99"))
    assert found == (
        f" It requires nowhere-to-be-found>=4, which is not installed and pluggy>=99, and {metadata.version('pluggy')} "
        "is installed: pip install 'nowhere-to-be-found>=4' 'pluggy>=99'"
    )


def test_a_distribution_that_is_unknown_requires_nothing():
    assert unmet_requirement(None) == ""


def test_the_number_is_public():
    assert textforge.PLUGIN_API == PLUGIN_API
