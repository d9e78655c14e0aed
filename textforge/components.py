"""The kinds of components, one component as a plugin offers it, and a component with its options."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from textforge.errors import ComponentError, PluginError, RecipeError, TextforgeError, did_you_mean, listed
from textforge.options import Options, attempt, jsonable
from textforge.settings import result_key


@dataclass(frozen=True)
class Kind:
    """One kind of component: the hook that gives it, and the facts its factories may ask for."""

    name: str
    facts: tuple[str, ...]
    plural: str = ""
    optional: bool = False
    """Whether a recipe may leave it out."""
    listed: bool = False
    """Whether a recipe has a list of them, under the plural, rather than a section with one."""

    @property
    def many(self) -> str:
        return self.plural or f"{self.name}s"

    @property
    def hook(self) -> str:
        return f"textforge_{self.many}"


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("dataset", ("seed",)),
        Kind("vectorizer", ("seed",)),
        Kind("model", ("n_classes", "seed", "multi_label")),  # and what the vectorizer gives
        Kind("optimizer", ("params", "module"), optional=True),  # a model that fits itself needs none
        Kind("scheduler", ("optimizer", "total_steps", "steps_per_epoch", "monitor_mode"), optional=True),
        Kind("loss", ("n_classes", "labels", "class_counts", "n_texts", "multi_label"), plural="losses", optional=True),
        Kind("metric", ("n_classes", "multi_label", "labels"), optional=True, listed=True),
        Kind("callback", ("run_folder",), optional=True, listed=True),
    )
}

COMMAND = Kind("command", ())
"""What a plugin adds to the command line: no part of a recipe, and no factory."""

SECTIONS = tuple(kind.name for kind in KINDS.values() if not kind.listed)
"""Kinds that a recipe names one of, in a section of the kind's name."""

LISTED = tuple(kind.name for kind in KINDS.values() if kind.listed)
"""Kinds of which a recipe has a list, in a section of the kind's plural."""

FACTS = {
    "seed": ("int", "what every random draw of the run follows from"),
    "n_classes": ("int", "how many classes there are"),
    "multi_label": ("bool", "whether a text may have several labels"),
    "params": ("list[torch.nn.Parameter]", "the weights to train"),
    "module": ("torch.nn.Module", "the model itself, on its device"),
    "optimizer": ("torch.optim.Optimizer", "whose learning rate is to be changed"),
    "total_steps": ("int", "optimizer steps in the whole training"),
    "steps_per_epoch": ("int", "optimizer steps in one epoch"),
    "monitor_mode": ("str", "'min' or 'max': which value of the monitored validation figure is the better"),
    "labels": ("tuple[str, ...]", "the classes in the order of the model's outputs"),
    "class_counts": ("numpy.ndarray", "int64, (n_classes,): training texts of each class"),
    "n_texts": ("int", "training texts in all"),
    "run_folder": ("pathlib.Path", "the run folder, which is there"),
    "n_features": ("int", "size of the vocabulary, or of a dense vector; from every vectorizer but those of sequences"),
    "vocab_size": ("int", "how many word numbers there are, 0 (padding) and 1 (unknown) among them; from sequences"),
    "vectors": ("numpy.ndarray | None", "float32, (vocab_size, dim): pretrained word vectors; from sequences"),
}
"""Each fact's type and meaning."""

FACT_TEXT = {
    "n_features": "a bag of words or one vector a text (n_features)",
    "vocab_size": "token sequences (vocab_size)",
}
"""What a fact that a vectorizer gives means to a reader."""

DEFAULT_GIVES = ("n_features",)


def fact_text(fact: str) -> str:
    return FACT_TEXT.get(fact, f"the fact '{fact}'")


@dataclass(frozen=True)
class Origin:
    """The installed distribution that a component comes from."""

    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


IN_CODE = Origin("this program", "")


@dataclass(frozen=True)
class Component:
    """A named factory of one kind. Its module is imported when `factory` is first looked at."""

    kind: Kind
    name: str
    target: Callable[..., Any] | str
    origin: Origin
    plugin: str = ""
    """The name of the entry point that gives it, or of what was registered in code."""

    @property
    def label(self) -> str:
        """`model 'mlp'`, as every message calls it."""
        return f"{self.kind.name} '{self.name}'"

    @cached_property
    def factory(self) -> Callable[..., Any]:
        """The factory itself.

        Raises:
            PluginError: the module cannot be imported, or has no such attribute.
        """
        if not isinstance(self.target, str):
            return self.target
        module_name, _, attribute = self.target.partition(":")
        module, failed = attempt(importlib.import_module, module_name)
        if failed:
            raise PluginError(
                f"{self.label} from {self.origin} cannot be imported: {type(failed).__name__}: {failed}"
            ) from failed
        try:
            found = getattr(module, attribute)
        except AttributeError as error:
            raise PluginError(
                f"{self.label} from {self.origin}: module '{module_name}' has no '{attribute}'."
                f"{did_you_mean(attribute, vars(module))}"
            ) from error
        if not callable(found):
            raise PluginError(f"{self.label} from {self.origin}: '{self.target}' is not callable.")
        return found  # type: ignore[no-any-return]

    @cached_property
    def options(self) -> Options:
        """The factory's facts and options, read without trust.

        Raises:
            PluginError: the factory cannot be imported, or its signature breaks the contract.
        """
        options: Options
        options, failed = attempt(self._read_options)
        if isinstance(failed, PluginError):
            raise failed
        if failed:
            raise PluginError(
                f"{self.label} from {self.origin} cannot be read: {type(failed).__name__}: {failed}"
            ) from failed
        unknown = [fact for fact in options.facts if fact not in self.kind.facts]
        if unknown and self.kind.name != "model":
            raise PluginError(
                f"{self.label} from {self.origin} asks for the fact '{unknown[0]}'. Facts for "
                f"{self.kind.many}: {listed(self.kind.facts)}.{did_you_mean(unknown[0], self.kind.facts)}"
            )
        return options

    def _read_options(self) -> Options:
        options = Options(self.factory, self.label)
        options.refuse_unusable_defaults()
        _ = self.gives, self.doc
        return options

    def __getstate__(self) -> dict[str, Any]:
        """Without what is cached: to pickle a component is to name it."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def doc(self) -> str:
        """The first line of the factory's docstring."""
        return (str(self.factory.__doc__ or "").strip().splitlines() or [""])[0]

    @property
    def fits_itself(self) -> bool:
        """Whether a model is fitted by its own `fit`: its factory's attribute `fits_itself`."""
        return getattr(self.factory, "fits_itself", False) is True

    @property
    def sparse_gradients(self) -> bool | str:
        """Whether an optimizer takes sparse gradients: True, or the name of the option that says so.

        Raises:
            PluginError: it names an option that there is not.
        """
        told: bool | str = getattr(self.factory, "sparse_gradients", False)
        if isinstance(told, str) and told not in self.options.defaults():
            raise PluginError(
                f"{self.label} from {self.origin}: its attribute 'sparse_gradients' names '{told}', which is no option "
                "of it that has a default. Name one that is false or true, or give True."
            )
        return told

    @property
    def fits_chunks(self) -> bool:
        """Whether a vectorizer may be fitted chunk by chunk: only of a class is it known before it is made."""
        return not isinstance(self.factory, type) or callable(getattr(self.factory, "fit_chunks", None))

    @property
    def gives(self) -> tuple[str, ...]:
        """Facts that a vectorizer gives to models: its factory's attribute `gives`, else n_features.

        Raises:
            PluginError: `gives` is not a tuple of names.
        """
        gives = getattr(self.factory, "gives", DEFAULT_GIVES)
        if not isinstance(gives, (tuple, list)) or not all(isinstance(fact, str) for fact in gives):
            raise PluginError(
                f"{self.label} from {self.origin}: its attribute 'gives' is {gives!r}; "
                'it must be a tuple of names of facts, as in gives = ("n_features",).'
            )
        return tuple(gives)


@dataclass(frozen=True)
class Part:
    """A component with checked options: one section of a recipe, ready to be built.

    Calling it with facts by name builds it, so a part serves wherever a factory does.
    """

    component: Component
    options: dict[str, Any] = field(default_factory=dict)
    written_at: str = ""
    """Where the recipe names it (`recipe.yaml:3:1`), for messages; empty in code."""

    @property
    def label(self) -> str:
        return self.component.label

    @property
    def all_options(self) -> dict[str, Any]:
        """The options, and the defaults of those that are not given."""
        return {**self.component.options.defaults(), **self.options}

    @property
    def streams(self) -> bool:
        """Whether a dataset gives a `Stream` to train on, with these options: its factory's `streams(**options)`."""
        told_by = getattr(self.component.factory, "streams", None)
        with blame(part_name(self), "saying whether it streams", self.written_at):
            return callable(told_by) and told_by(**self.all_options) is True

    def as_recipe(self) -> dict[str, Any]:
        """The section as YAML would hold it: `{use: name, option: value, …}`."""
        return {"use": self.component.name, **jsonable(self.options)}

    @property
    def takes_sparse_gradients(self) -> bool:
        """Whether an optimizer with these options takes sparse gradients."""
        told = self.component.sparse_gradients
        if isinstance(told, str):
            return bool(self.all_options[told])
        return told is True

    def build(self, facts: Mapping[str, Any]) -> Any:
        """What the factory makes of the facts that it asks for and the options.

        Raises:
            PluginError: a fact is not known here.
            ComponentError: the factory raised something that is not a TextforgeError.
        """
        asked = self.component.options
        known = {**asked.fact_defaults, **facts}
        missing = [fact for fact in asked.facts if fact not in known]
        if missing:
            raise PluginError(f"{self.label} needs {fact_text(missing[0])}, which is not known here.")
        arguments = [known[fact] for fact in asked.facts]
        with blame(part_name(self), "being built", self.written_at):
            return self.component.factory(*arguments, **self.options)


def parts_of(given: Mapping[str, Any]) -> dict[str, Part]:
    """The parts among what is given for each kind.

    Raises:
        RecipeError: one stands in the place of another kind.
    """
    parts = {kind: part for kind, part in given.items() if isinstance(part, Part)}
    for kind, part in parts.items():
        if part.component.kind.name != kind:
            raise RecipeError(f"{part.label} is no {kind}.")
    return parts


def listed_names(parts: Sequence[Part]) -> list[str]:
    """How results name the parts of a list; one that stands there twice has the options that set it apart."""
    keys = [result_key(part.component.name) for part in parts]
    named = []
    for key, part in zip(keys, parts, strict=True):
        defaults = part.component.options.defaults()
        own = [f"{name}={value}" for name, value in part.options.items() if defaults.get(name) != value]
        named.append(f"{key}({', '.join(own)})" if keys.count(key) > 1 and own else key)
    return named


_CPP_TRACE = re.compile(r"\n(?:Exception raised from|frame #)")
"""Where torch's messages go on with a stack of C++ calls."""


def part_name(part: Part | None, otherwise: str = "") -> str:
    """How messages call a component: what it is and which distribution it comes from."""
    return f"{part.label} from {part.component.origin}" if part else otherwise


@contextmanager
def blame(who: str, doing: str, place: str = "") -> Iterator[None]:
    """Turn what another's code raises into one sentence that names it; our own errors pass.

    Where `place` is known it leads the message of our own errors too.
    """
    try:
        yield
    except TextforgeError as error:
        if not error.place and not isinstance(error, RecipeError):  # a recipe's mistakes have places of their own
            error.place = place
        raise
    except (MemoryError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # a panic in a Rust extension, or sys.exit, which would end a run as if it were done
        text = _CPP_TRACE.split(str(error))[0]
        if "can't allocate memory" in text or "out of memory" in text:  # torch has no error of its own for it
            raise MemoryError(text) from error
        told = ComponentError(f"{who} failed while {doing}: {type(error).__name__}: {text}".rstrip(": "))
        told.place = place
        raise told from error
