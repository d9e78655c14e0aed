"""A component with validated options: one section of a recipe, ready to build."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Annotated, Any

from textforge.components.columns import COLUMN, selected
from textforge.components.component import Component
from textforge.components.kinds import DEFAULT_GIVES, EVERY_FACT, fact_text
from textforge.components.nested import AnyPart, OptionPath, PartOf, parts_within
from textforge.components.options import jsonable
from textforge.components.paths import paths_within
from textforge.components.requirements import missing_package
from textforge.components.rows import KINDS_OF_COLUMNS, ColumnKinds
from textforge.components.settings import result_key
from textforge.errors import (
    ComponentError,
    DataError,
    PluginError,
    RecipeError,
    TextforgeError,
    cut,
    listed,
    shown_line,
)


@dataclass(frozen=True)
class Part(AnyPart):
    """A component with validated options: one section of a recipe, ready to build.

    A part is callable: it takes facts as keyword arguments and builds the component. It can stand in for a factory.
    """

    component: Component
    options: dict[str, Any] = field(default_factory=dict)
    written_at: str = ""
    """Position in the recipe for error messages (`recipe.yaml:3:1`); empty for a part made in code."""

    def __repr__(self) -> str:
        options = [f"{name}={cut(_brief(value))}" for name, value in self.options.items()]
        return f"<Part {', '.join([self.label, *options])}>"

    @property
    def label(self) -> str:
        return self.component.label

    @property
    def all_options(self) -> dict[str, Any]:
        """The given options, plus the defaults of all others."""
        return {**self.component.options.defaults(), **self.options}

    @property
    def parts(self) -> list[tuple[OptionPath, Part]]:
        """Each part among the options, with its path; parts inside those parts are not included."""
        return list(parts_within(self.options))

    def with_inner_parts(self) -> Iterator[Part]:
        """Yield this part, then the parts within it at any depth."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting += [inner for _, inner in part.parts]

    def _declared(self, attribute: str, default: Any, doing: str) -> Any:
        """The value of a factory attribute; a function is called with the options and its result returned."""
        value = self.component.declared(attribute, default)
        if not callable(value):
            return value
        with plugin_errors(part_name(self), doing, self.written_at):
            return value(**self.component.options.own(self.all_options))

    @property
    def streams(self) -> bool:
        """Whether a dataset returns a `Stream` for training with these options: its factory's `streams(**options)`."""
        return self._declared("streams", False, "reporting whether it streams") is True

    @property
    def brings_columns(self) -> ColumnKinds | None:
        """The columns that a dataset brings, with their kinds: its factory's `brings_columns(**options)`.

        None if the factory has no such attribute, so that only the data can say.

        Raises:
            PluginError: the value is not a mapping of names to kinds.
        """
        found = self._declared("brings_columns", None, "reporting which columns it brings")
        if found is not None and not (isinstance(found, Mapping) and {*found.values()} <= {*KINDS_OF_COLUMNS}):
            raise PluginError(
                f"{self.label} from {self.component.origin}: its attribute 'brings_columns' is {found!r}; it must give "
                f"a mapping of names of columns to kinds: {listed(KINDS_OF_COLUMNS)}."
            )
        return found

    @property
    def fits_itself(self) -> bool:
        """Whether a model trains itself in its own `fit`: its factory's attribute `fits_itself`."""
        return self._declared("fits_itself", False, "reporting whether it fits itself") is True

    @property
    def fits_chunks(self) -> bool:
        """Whether a vectorizer, and every vectorizer inside it, can be fitted chunk by chunk.

        A factory that is not a class is assumed to support it: it cannot be inspected before the call.
        """
        within = [part for _, part in self.parts if part.component.kind == self.component.kind]
        return self.component.fits_chunks and all(part.fits_chunks for part in within)

    @property
    def gives(self) -> tuple[str, ...]:
        """Facts that a vectorizer gives to models: its factory's attribute `gives`, by default `n_features`."""
        return self.component.names_of_facts(self._declared("gives", DEFAULT_GIVES, "reporting which facts it gives"))

    @property
    def in_numpy(self) -> str | None:
        """The function 'module:name' that computes a model in numpy: its factory's attribute `in_numpy`.

        The attribute is None if the model, with these options, needs torch.

        Raises:
            PluginError: the attribute is neither None nor such a string.
        """
        found = self._declared("in_numpy", None, "reporting what computes it in numpy")
        if found is not None and not (isinstance(found, str) and all(found.partition(":"))):
            raise PluginError(
                f"{self.label} from {self.component.origin}: its attribute 'in_numpy' is {found!r}; it must name a "
                "function as 'package.module:function'."
            )
        return found

    def scores_in_numpy(self, facts: Mapping[str, Any], weights: Mapping[str, Any]) -> Any:
        """Call the function that `in_numpy` names.

        Args:
            facts: the facts that the model was built from.
            weights: arrays by name, as in the state dict of its module.

        Returns:
            A callable that takes features and returns logits, float32, shape (rows, n_classes).

        Raises:
            ComponentError: the function cannot be imported, raised, or `in_numpy` is None.
        """
        with plugin_errors(part_name(self), "being prepared to compute in numpy"):
            module, _, name = (self.in_numpy or "").partition(":")
            found = getattr(import_module(module), name)(self.all_options, facts, weights)
        if not callable(found):
            raise ComponentError(f"{part_name(self)}: '{self.in_numpy}' returned no function, but {found!r}.")
        return found

    @property
    def whole_batch(self) -> bool:
        """Whether a loss compares the texts of a batch with each other: its factory's attribute `whole_batch`."""
        return self._declared("whole_batch", False, "reporting whether it measures a batch as a whole") is True

    @property
    def takes_sparse_gradients(self) -> bool:
        """Whether an optimizer accepts sparse gradients: its factory's attribute `sparse_gradients`.

        The attribute is a bool, the name of a boolean option, or a function of the options that returns either.

        Raises:
            PluginError: the attribute names an option that the factory does not have.
        """
        declared = self._declared("sparse_gradients", False, "reporting whether it takes sparse gradients")
        if isinstance(declared, str):
            if declared not in self.component.options.defaults():
                raise PluginError(
                    f"{self.label} from {self.component.origin}: its attribute 'sparse_gradients' names '{declared}', "
                    "which is not an option with a default. Name a boolean option, or set the attribute to True."
                )
            return bool(self.all_options[declared])
        return declared is True

    def asks_for(self, fact: str) -> bool:
        """Whether this part, or a part of its kind within it, asks for a fact, with or without a default."""
        within = [part for _, part in self.parts if part.component.kind == self.component.kind]
        return fact in self.component.options.facts or any(part.asks_for(fact) for part in within)

    @property
    def needs_closure(self) -> Any:
        """What an optimizer declares about a closure: its factory's attribute `needs_closure`.

        It is True, False or 'after_gradients', or a function of the options that returns one of them. An optimizer
        whose `step` has a parameter `closure` without default needs no declaration.
        """
        return self._declared("needs_closure", False, "saying whether it needs a closure")

    def unmet_facts(self, known: Container[str]) -> Iterator[tuple[tuple[Part, ...], str]]:
        """Iterate over facts that this part, or a part of its kind within it, needs and that are not known.

        A factory needs the facts it asks for, except those with a default, and those in its attribute `needs`, which
        may be a function of the options.

        Yields:
            The path to the part (this part first), and the fact.
        """
        asked = self.component.options
        wanted = [fact for fact in asked.facts if fact not in asked.fact_defaults and fact != EVERY_FACT]
        wanted += self._declared("needs", (), "saying which facts it needs")
        for fact in wanted:
            if fact not in known:
                yield (self,), fact
        for _, part in self.parts:
            if part.component.kind == self.component.kind:
                yield from (((self, *path), fact) for path, fact in part.unmet_facts(known))

    def as_recipe(self) -> dict[str, Any]:
        """The part as a section of a recipe: `{use: name, option: value, …}`, by its `Component.lasting_name`."""
        return {"use": self.component.lasting_name, **jsonable(self.options)}

    def build(self, facts: Mapping[str, Any]) -> Any:
        """Call the factory with the facts that it asks for and the options.

        Args:
            facts: fact name to value; facts that the factory does not ask for are ignored.

        Raises:
            PluginError: the factory asks for a fact that is not in `facts`.
            DataError: the factory raised such an exception, and a path among the options leads nowhere.
            ComponentError: the factory raised an exception other than a `TextforgeError`.
        """
        asked = self.component.options
        known = {**asked.fact_defaults, **facts, EVERY_FACT: dict(facts)}
        missing = [fact for fact in asked.facts if fact not in known]
        if missing:
            raise PluginError(f"{self.label} needs {fact_text(missing[0])}, which is not known here.")
        arguments = [known[fact] for fact in asked.facts]
        with plugin_errors(part_name(self), "being built", self.written_at):
            try:
                built = self.component.factory(*arguments, **asked.own(self.options))
            except TextforgeError:
                raise
            except Exception as error:
                self._name_missing_path(error)
                raise
        return selected(built, self.options[COLUMN]) if COLUMN in asked.added and COLUMN in self.options else built

    def _name_missing_path(self, cause: Exception) -> None:
        """Raise a DataError if a path among the options does not exist, as the cause of the factory's exception."""
        for name, value in self.options.items():
            for path in paths_within(value):
                if not path.exists():
                    raise DataError(f"{self.label}: {name}: no file or folder {path}.") from cause


def _brief(value: Any) -> str:
    """An option's value in one line: a part by its name, anything else as Python writes it."""
    if isinstance(value, Part):
        return value.component.name
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_brief, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_brief(one)}' for key, one in value.items())}}}"
    return shown_line(repr(value))


Vectorizer = Annotated[Part, PartOf("vectorizer")]
Model = Annotated[Part, PartOf("model")]
Optimizer = Annotated[Part, PartOf("optimizer")]
Scheduler = Annotated[Part, PartOf("scheduler")]
Loss = Annotated[Part, PartOf("loss")]
Metric = Annotated[Part, PartOf("metric")]
Preprocessor = Annotated[Part, PartOf("preprocessor")]
"""Annotate an option with one of these to make it a part of that kind; lists, dicts and unions of them work too."""


def parts_of(given: Mapping[str, Any]) -> dict[str, Part]:
    """The values that are parts, by kind; other values are dropped.

    Raises:
        RecipeError: a part is of another kind than its key.
    """
    parts = {kind: part for kind, part in given.items() if isinstance(part, Part)}
    for kind, part in parts.items():
        if part.component.kind.name != kind:
            raise RecipeError(f"{part.label} cannot be used as {kind}.")
    return parts


def listed_names(parts: Sequence[Part]) -> list[str]:
    """The names of listed parts in results; a component that is listed twice also shows its non-default options.

    Beside a part of another distribution with the same name, a part that is not standard has its qualified name.
    """
    keys = [result_key(part.component.name) for part in parts]
    sources = {(key, part.component.origin) for key, part in zip(keys, parts, strict=True)}
    contested = {key for key in keys if len([one for one, _ in sources if one == key]) > 1}
    keys = [result_key(part.component.qualified_name) if key in contested and not part.component.is_standard else key
            for key, part in zip(keys, parts, strict=True)]  # fmt: skip
    named = []
    for key, part in zip(keys, parts, strict=True):
        defaults = part.component.options.defaults()
        own = [f"{name}={value}" for name, value in part.options.items() if defaults.get(name) != value]
        named.append(f"{key}({', '.join(own)})" if keys.count(key) > 1 and own else key)
    return named


def why_unsavable(parts: Mapping[str, Part]) -> str | None:
    """Why a classifier of these parts cannot be saved, as a sentence; None if nothing is known against it."""
    missing = next((kind for kind in ("vectorizer", "model") if kind not in parts), None)
    if missing is None:
        return None
    return (
        f"the {missing} was given as a Python object, not as a named component, so a bundle could "
        "not say how to build it. Register it in a plugin and pass PluginManager.part(...)."
    )


_CPP_TRACE = re.compile(r"\n(?:Exception raised from|frame #)")
"""Start of the C++ stack trace that torch appends to its error messages."""


def part_name(part: Part | None, otherwise: str = "") -> str:
    """The name of a part in messages: its kind, name and distribution; `otherwise` if there is no part."""
    return f"{part.label} from {part.component.origin}" if part else otherwise


@contextmanager
def plugin_errors(who: str, doing: str, place: str = "") -> Iterator[None]:
    """Re-raise a plugin's exception as a `ComponentError` that names the plugin; textforge's own errors pass through.

    Args:
        who: the plugin, as the subject of the message.
        doing: the activity during which it failed, such as "being built".
        place: position in the recipe; also prefixed to textforge's own errors that have none.

    Raises:
        ComponentError: the plugin raised an exception, or called `sys.exit`.
        MemoryError: torch reported that memory ran out.
    """
    try:
        yield
    except TextforgeError as error:
        if not error.place and not isinstance(error, RecipeError):  # each mistake of a recipe has its own place
            error.place = place
        raise
    except (MemoryError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # includes Rust panics, and sys.exit, which would end the run as if it had succeeded
        text = _CPP_TRACE.split(str(error))[0]
        if "can't allocate memory" in text or "out of memory" in text:  # torch raises a plain RuntimeError for this
            raise MemoryError(text) from error
        missing = missing_package(error)
        said = f"{who} {missing}" if missing else f"{who} failed while {doing}: {type(error).__name__}: {text}"
        failure = ComponentError(said.rstrip(": "))
        failure.place = place
        raise failure from error
