"""Load a recipe from YAML or a dict, apply `extends` and overrides, and validate all of it before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from textforge.components.kinds import KINDS, LISTED, SECTIONS
from textforge.components.manager import PluginManager
from textforge.components.nested import OptionMistake, OptionPath
from textforge.components.option_errors import dotted, found
from textforge.components.options import Options
from textforge.components.part import Part, listed_names
from textforge.components.settings import FITTING, MAX_SEED, TAKEN, DecisionSettings, TrainerSettings, unknown_monitor
from textforge.errors import SHOWN, ComponentError, Mistake, Place, PluginError, RecipeError, cut, did_you_mean, listed
from textforge.recipes.checked_recipe import Recipe as Recipe
from textforge.recipes.compatibility import incompatibilities
from textforge.recipes.document import KEYS, Node, from_python
from textforge.recipes.given_data import GIVEN, NOT_HERE
from textforge.recipes.init_from import InitFrom
from textforge.recipes.paths import absolute
from textforge.recipes.places import first_named_option, reading_order, run_name
from textforge.recipes.reading import ReadRecipe, read_recipe
from textforge.recipes.renamed_options import with_renamed
from textforge.recipes.tune_section import read_space
from textforge.recipes.tune_values import TuneSpace

MAX_LISTED = 100
"""Limit on the number of metrics, and of callbacks, in a recipe."""


def load_recipe(
    source: str | Path | Mapping[str, Any],
    *,
    overrides: Mapping[str, Any] | Iterable[str] = (),
    plugins: PluginManager | None = None,
    dataset: Part | None = None,
) -> Recipe:
    """Read and validate a recipe.

    Args:
        source: path of a YAML file, or the recipe as a dict.
        overrides: dotted key to value (`{"model.hidden": [200]}`), or strings as on the command line
            (`["model.hidden=[200]"]`). The last override of a key wins.
        plugins: registry in which components are looked up; by default all installed plugins.
        dataset: replaces the recipe's dataset section, which is then ignored and may be missing.

    Raises:
        RecipeError: the recipe is wrong; holds every mistake with its position.
    """
    plugins = plugins or PluginManager()
    read = read_recipe(source, overrides, plugins.same)
    name = run_name(read.path) if read.path else "recipe"
    shown = {".".join(keys): node.plain() for keys, node in read.overrides}
    fields_of = Check(read, plugins).recipe(dataset)
    return Recipe(name=name, path=read.path, text=read.text, overrides=shown, **fields_of)


def load_dataset_part(
    source: str | Path, *, overrides: Iterable[str] = (), plugins: PluginManager | None = None
) -> tuple[Part, int]:
    """Load only the dataset and the seed of a recipe; its other parts need not be installed.

    Raises:
        RecipeError: the recipe cannot be read, or the dataset or the seed is wrong.
    """
    return _check(source, overrides, plugins).dataset_part()


def load_metric_parts(source: str | Path, *, plugins: PluginManager | None = None) -> tuple[Part, ...]:
    """Load only the metrics of a recipe; its other parts need not be installed.

    Raises:
        RecipeError: the recipe cannot be read, or a metric is wrong.
    """
    return _check(source, (), plugins).metric_parts()


def _check(source: Any, overrides: Any, plugins: PluginManager | None) -> Check:
    plugins = plugins or PluginManager()
    return Check(read_recipe(source, overrides, plugins.same), plugins)


class Check:
    """Validate a node tree, convert it to the fields of a `Recipe`, and collect every mistake."""

    def __init__(self, read: ReadRecipe, plugins: PluginManager) -> None:
        self.plugins = plugins
        self.read = read
        self.root: Node = self.read.root
        self.mistakes: list[Mistake] = [*self.read.mistakes]
        self.warnings: list[str] = []

    def dataset_part(self) -> tuple[Part, int]:
        sections = self.sections()
        seed, part = self.seed(sections.get("seed")), self.part("dataset", sections.get("dataset"))
        if self.mistakes or part is None:
            raise RecipeError(sorted(self.mistakes, key=reading_order))
        return part, seed

    def metric_parts(self) -> tuple[Part, ...]:
        found = self.listed("metric", self.sections().get("metrics"))
        if self.mistakes:
            raise RecipeError(sorted(self.mistakes, key=reading_order))
        return found

    def sections(self) -> dict[str, Node]:
        """The top-level sections; raises a `RecipeError` if the document is not a recipe."""
        sections = self.root.mapping
        if sections is None:
            raise RecipeError(Mistake(f"a recipe is a mapping with the keys {listed(KEYS)}.", self.root.place))
        if sections and not any(key in sections for key in KEYS):  # another file; the message must not quote it
            meant = did_you_mean(next(iter(sections)), KEYS)
            wrong = f"this is not a recipe: it has none of the keys {listed(KEYS)}.{meant}"
            raise RecipeError(Mistake(wrong, self.root.place))
        return sections

    def recipe(self, dataset: Part | None = None) -> dict[str, Any]:
        sections = self.sections()
        for number, key in enumerate(key for key in sections if key not in KEYS):
            meant = did_you_mean(key, KEYS) if number < SHOWN else ""  # the message shows no more mistakes than this
            self.wrong(f"unknown key '{cut(key)}'. A recipe has: {listed(KEYS)}.{meant}", sections[key])
        seed = self.seed(sections.get("seed"))
        given = {"dataset": dataset} if dataset else {}
        asked = [kind for kind in SECTIONS if kind not in (*given, "optimizer")]
        parts = given | {kind: self.part(kind, sections.get(kind)) for kind in asked}
        model = parts["model"]
        fitting = model is not None and model.fits_itself
        needless = fitting or (model is None and "model" in sections)  # a misspelled model may fit itself
        parts["optimizer"] = self.part("optimizer", sections.get("optimizer"), optional=needless)
        if model and fitting:
            self.warn_unused(model, parts, sections.get("trainer"))
            parts |= dict.fromkeys(("optimizer", "scheduler", "loss"))
        trainer = self.settings(TrainerSettings, "trainer", sections.get("trainer"), only=FITTING if fitting else None)
        decision = self.settings(DecisionSettings, "decision", sections.get("decision"))
        init_from = self.init_from(sections.get("init_from"), model)
        lists = {KINDS[kind].many: self.listed(kind, sections.get(KINDS[kind].many)) for kind in LISTED}
        written = sections["metrics"].value if "metrics" in sections else None
        missed = isinstance(written, list) and len(lists["metrics"]) < len(written)  # one of them may be monitored
        if trainer and not missed and (wrong := unknown_monitor(trainer.monitor, listed_names(lists["metrics"]))):
            self.wrong(wrong, sections["trainer"].at(("monitor",)), at_key=False)
        for section, path, message in incompatibilities({**parts, **lists}, trainer, self.plugins):
            self.wrong(message, sections[section].at(path), at_key=False)
        tune = self.tune(sections.get("tune"), dataset)
        if self.mistakes:
            raise RecipeError(sorted(self.mistakes, key=reading_order))
        return {
            "seed": seed, **parts, "trainer": trainer, **lists, "decision": decision, "init_from": init_from,
            "tune": tune, "warnings": tuple(dict.fromkeys(self.warnings)),
        }  # fmt: skip

    def tune(self, node: Node | None, dataset: Part | None) -> TuneSpace | None:
        """Validate the space to tune; each value in it is validated in its place in the recipe."""
        if node is None or node.value is None:
            return None
        variants = Variants(self.read, self.plugins, dataset)
        space, wrong = read_space(node, None if self.mistakes else variants)
        self.mistakes += wrong
        return space

    def init_from(self, node: Node | None, model: Part | None) -> InitFrom | None:
        """Validate the run to continue from; a path is short for a mapping with 'run'."""
        if node is None or node.value is None:
            return None
        if isinstance(node.value, str):
            node = Node({"run": Node(node.value, node.place)}, node.place, node.key_place)
        if model is not None and model.fits_itself:
            self.wrong(f"init_from: {model.label} fits itself on all texts at once, so it cannot continue.", node)
        found: InitFrom | None = self.settings(InitFrom, "init_from", node)
        return found

    def warn_unused(self, model: Part, parts: Mapping[str, Part | None], trainer: Node | None) -> None:
        """Warn of sections that a model that fits itself ignores; this is no error, so one line can swap the model."""
        unused = [kind for kind in ("optimizer", "scheduler", "loss") if parts[kind]]
        written = (trainer.mapping or {}) if trainer else {}
        unused += [f"trainer.{key}" for key in written if key not in FITTING]
        if unused:
            verb = "is" if len(unused) == 1 else "are"
            self.warnings.append(f"{model.label} fits itself: {listed(unused, limit=20)} {verb} not used.")

    def listed(self, kind: str, node: Node | None) -> tuple[Part, ...]:
        """Validate a list of parts, such as the metrics."""
        if node is None or node.value is None:
            return ()
        if not isinstance(node.value, list):
            many = KINDS[kind].many
            self.wrong(f"'{many}' must be a list, as in '{many}: [NAME]'; a {kind} is a name or a mapping with 'use'. "
                       f"Installed: {listed(self.plugins.names(kind))}.", node, at_key=False)  # fmt: skip
            return ()
        if len(node.value) > MAX_LISTED:
            wrong = f"'{KINDS[kind].many}' lists {len(node.value):,} parts; the limit is {MAX_LISTED}."
            self.wrong(wrong, node, at_key=False)
            return ()
        found = [part for one in node.value if (part := self.part(kind, one, optional=False))]
        names = listed_names(found) if len(found) == len(node.value) else []
        for number, name in enumerate(names):
            again = "is listed twice" if name in names[:number] else ""
            if kind == "metric" and name in TAKEN:
                again = "is part of every result"
            if again:
                self.wrong(f"{kind} '{name}' {again}. Remove it.", node.value[number], at_key=False)
        return tuple(found)

    def wrong(self, message: str, node: Node | None, *, at_key: bool = True) -> None:
        place = (node.key_place if at_key and node and node.key_place else node.place) if node else None
        self.mistakes.append(Mistake(message, place))

    def seed(self, node: Node | None) -> int:
        if node is None:
            return 0
        if isinstance(node.value, bool) or not isinstance(node.value, int) or not 0 <= node.value <= MAX_SEED:
            self.wrong(
                f"seed must be a whole number from 0 to {MAX_SEED}, not {found(node.value)}.", node, at_key=False
            )
            return 0
        return node.value

    def part(self, kind: str, node: Node | None, *, optional: bool | None = None) -> Part | None:
        """Validate one section; None if it is wrong, or if it is missing and optional."""
        names = self.plugins.names(kind)
        if (KINDS[kind].optional if optional is None else optional) and (node is None or node.value is None):
            return None
        if node is None:
            place = Place(self.root.place.source)
            self.mistakes.append(
                Mistake(f"the section '{kind}' is missing. Add '{kind}: {{use: NAME}}'; NAME is one of: "
                        f"{listed(names)}.", place))  # fmt: skip
            return None
        if isinstance(node.value, str):  # `model: mlp` is short for `model: {use: mlp}`
            node = Node({"use": Node(node.value, node.place)}, node.place, node.key_place)
        section = node.mapping
        if section is None:
            self.wrong(f"'{kind}' must be a name or a mapping, as in '{kind}: {{use: NAME}}'.", node, at_key=False)
            return None
        use = section.get("use")
        if use is None or not isinstance(use.value, str):
            self.wrong(f"'{kind}' does not say what to use. Add 'use: NAME'; NAME is one of: {listed(names)}.",
                       use or node)  # fmt: skip
            return None
        if kind == "dataset" and use.value == GIVEN and GIVEN not in names:
            self.wrong(NOT_HERE, use, at_key=False)
            return None
        before = len(self.mistakes)
        try:
            component = self.plugins.component(kind, use.value)
            written = {k: v for k, v in section.items() if k != "use"}
            options = with_renamed(component, written, self.read.layer)
            self.mistakes += options.mistakes
            self.warnings += options.warnings
            checked = self.options(component.options, Node(options.options, node.place, node.key_place))
        except (PluginError, ComponentError) as error:
            self.wrong(str(error), use, at_key=False)
            return None
        if namesakes := "" if "/" in use.value else self.plugins.namesakes(component):
            if checked is None:  # its author may mean the other one
                self.mistakes[before:] = [
                    replace(m, message=f"{m.message} {namesakes}") for m in self.mistakes[before:]
                ]
            self.warnings.append(f"{use.place}: {namesakes}")
        if checked is None or options.mistakes:
            return None
        return Part(component, checked, written_at=str(node.key_place or node.place))

    def settings(self, kind: type[Any], name: str, node: Node | None, only: Sequence[str] | None = None) -> Any:
        """Validate a section of settings, such as the trainer; keys outside `only` are validated, then reset."""
        node = node or Node({}, self.root.place)
        if node.value is None:  # `trainer:` with nothing under it
            node = Node({}, node.place, node.key_place)
        if node.mapping is None:
            first = next(iter(fields(kind)))
            example = f"{first.name}: {'…' if first.default is None else first.default}"
            self.wrong(f"'{name}' must be a mapping, as in '{name}: {{{example}}}'.", node, at_key=False)
            return None
        checked = self.options(Options(kind, name), node)
        if checked is None:
            return None
        return kind(**{key: value for key, value in checked.items() if only is None or key in only})

    def options(self, options: Options, node: Node) -> dict[str, Any] | None:
        def resolve(kind: str, section: Any, path: OptionPath) -> tuple[Part | None, list[OptionMistake]]:
            written = node.find(path) or from_python(section, f"{options.label}: {dotted(path)}")
            before, self.mistakes = self.mistakes, []
            warned = len(self.warnings)
            part = self.part(kind, written, optional=False)
            found, self.mistakes = self.mistakes, before
            if node.find(path) is None:  # a default, which the author of the recipe cannot mend
                del self.warnings[warned:]
            return part, [(path, mistake) for mistake in found]

        checked, mistakes = options.check_each(node.plain(), resolve)
        for path, message in mistakes:
            if isinstance(message, Mistake):
                self.mistakes.append(message)
                continue
            at = node.at(path)
            unknown = "unknown option" in message or "unknown key" in message
            self.wrong(message, at, at_key=unknown or at is node)
        if mistakes:
            return None
        for name in checked:
            checked[name], missing = absolute(checked[name], node.at((name,)), f"{options.label}: {name}")
            self.mistakes += missing
        if wrong := options.contradiction(checked):  # runs after paths are absolute, as the factory sees them
            at = first_named_option(wrong, node)
            self.wrong(f"{options.label}: {wrong}", at, at_key=at is node)
            return None
        return checked


class Variants:
    """A recipe with other values for some keys, without its `tune:` section.

    Args:
        read: the recipe.
        plugins: registry in which components are looked up.
        dataset: replaces the recipe's dataset section.
    """

    def __init__(self, read: ReadRecipe, plugins: PluginManager, dataset: Part | None = None) -> None:
        root = read.root
        own = {key: node for key, node in (root.mapping or {}).items() if key != "tune"}
        self.root: Node = Node(own, root.place, root.key_place)
        self.plugins: PluginManager = plugins
        self._read, self._dataset = read, dataset

    def check(self, root: Node) -> Recipe:
        """Validate a variant.

        Raises:
            RecipeError: it is wrong; holds every mistake, in the places of its nodes.
        """
        read = replace(self._read, root=root, mistakes=[])
        name = run_name(read.path) if read.path else "recipe"
        return Recipe(name=name, **Check(read, self.plugins).recipe(self._dataset))
