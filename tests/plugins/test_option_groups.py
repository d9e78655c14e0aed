"""Options in groups: one declaration, many factories, the same contract."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest

from textforge import RecipeError
from textforge.components.component import IN_CODE, Component
from textforge.components.kinds import KINDS
from textforge.components.options import Options
from textforge_standard.option_groups import with_groups


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large.

    Options:
        width: across,
            in cells.
        height: down.
    """

    width: int
    height: int = 2

    def wrong(self) -> str | None:
        return "width must not be height." if self.width == self.height else None


def no_red(*, colour: str, **_: object) -> str | None:
    return "colour red is sold out." if colour == "red" else None


def build(seed: int, size: Size, /, *, colour: str = "blue"):
    """A box.

    It is painted.

    Options:
        colour: its paint.
    """
    return seed, size, colour


# what the decorator sees has its annotations evaluated, as in a module without the __future__ import
build.__annotations__ = {"seed": int, "size": Size, "colour": str}
Size.__init__.__annotations__ = {"width": int, "height": int, "return": None}
box = with_groups(no_red)(build)


def test_a_group_comes_in_one_piece_and_its_options_stand_beside_the_factorys_own():
    assert box(7, width=3) == (7, Size(width=3), "blue")
    assert box(7, width=3, height=5, colour="green") == (7, Size(width=3, height=5), "green")


def test_the_contract_reads_facts_options_defaults_and_documentation():
    options = Options(box, "dataset 'box'")
    assert options.facts == ("seed",)
    assert {name: (o.type_text, o.doc) for name, o in options.fields.items()} == {
        "width": ("int", "across, in cells."),
        "height": ("int", "down."),
        "colour": ("str", "its paint."),
    }
    assert options.fields["width"].required and options.defaults() == {"height": 2, "colour": "blue"}
    assert inspect.getdoc(box).startswith("A box.\n\nIt is painted.\n\nOptions:\n")
    assert Component(KINDS["dataset"], "box", box, IN_CODE).options.fields.keys() == options.fields.keys()


@pytest.mark.parametrize(
    ("given", "told"),
    [({"width": 2}, "width must not be height."), ({"width": 3, "colour": "red"}, "colour red is sold out.")],
)
def test_a_groups_contradictions_are_reported_as_the_factorys_own(given, told):
    ((_, message),) = Options(box, "dataset 'box'").check(given)[1]
    assert message == f"dataset 'box': {told}"


def test_options_that_fit_pass_and_unknown_ones_do_not():
    options = Options(box, "dataset 'box'")
    assert options.check({"width": 3})[1] == []
    assert "unknown option 'depth'" in options.check({"width": 3, "depth": 1})[1][0][1]


def test_every_dataset_of_files_has_the_same_options_for_the_same_thing():
    from textforge import PluginManager

    plugins = PluginManager()
    fields = {name: plugins.component("dataset", name).options.fields for name in ("csv", "tsv", "jsonl", "parquet")}
    shared = set.intersection(*(set(one) for one in fields.values()))
    assert {"train", "valid", "test", "test_fraction", "valid_fraction", "text", "join", "label"} <= shared
    assert {"label_separator", "group", "missing"} <= shared
    for name in shared:
        assert len({(f[name].doc, f[name].type_text, str(f[name].default)) for f in fields.values()}) == 1, name


@pytest.mark.parametrize("name", ["csv", "tsv", "jsonl", "parquet"])
def test_contradictions_are_found_before_anything_is_read(name, tmp_path):
    from textforge import PluginManager

    file = tmp_path / "data"
    file.write_text("")
    for options, told in (
        ({"text": "a", "label": "a"}, "text and label both name the column 'a'"),
        ({"text": ["a", "b", "a"]}, "text names the column 'a' twice"),
        ({"label": ["a", "b"], "label_separator": "|"}, "label_separator splits one column"),
        ({"test_fraction": 0.5, "valid_fraction": 0.5}, "test_fraction and valid_fraction together"),
        ({"train": []}, "train is an empty list"),
    ):
        with pytest.raises(RecipeError, match=f"dataset '{name}': {told}"):
            PluginManager().part("dataset", name, **{"train": str(file), **options})
