"""Contract checks for every component."""

from __future__ import annotations

from textforge.components.kinds import EXECUTOR, KINDS
from textforge.errors import listed
from textforge.testing import imports
from textforge.testing.checks import as_contract_error, rule
from textforge.testing.subject import Subject

FACTORIES = (*KINDS, EXECUTOR.name)
"""The kinds that have factories. A command has none: the component is the command itself."""


@rule(*FACTORIES, only_if_it_works=False)
def its_docstring_says_what_it_is(subject: Subject) -> None:
    """It has a docstring whose first line says what it is."""
    if not subject.component.doc:
        raise subject.breaks(
            "it has no docstring.",
            "Say in its first line what it is; 'textforge plugins' shows that line.",
        )


@rule(*FACTORIES, only_if_it_works=False)
def its_options_are_typed_and_documented(subject: Subject) -> None:
    """Every option has a type that a recipe can express and one line of documentation."""
    with as_contract_error(subject.label, "when its signature was read", "Annotate every option: name: float = 0.1."):
        fields = subject.component.options.fields
    if bare := [name for name, option in fields.items() if not option.doc]:
        raise subject.breaks(
            f"options without documentation: {listed(bare)}.",
            "Give each a line under 'Options:' in the docstring, as in '    dim: length of a vector.'",
        )


@rule(only_if_it_works=False, after=("its-options-are-typed-and-documented",))
def is_built_and_used(subject: Subject) -> None:
    """It can be built from its defaults and the given options, and does its ordinary work on a few short texts."""
    if subject.first.failed:
        raise subject.first.failed


@rule(after=("its-import-changes-nothing",))
def prints_nothing(subject: Subject) -> None:
    """It writes nothing to stdout or stderr, even when bypassing Python's streams."""
    if printed := subject.first.side_effects.printed or subject.again.side_effects.printed:
        raise subject.breaks(
            f"it printed {_short(printed)}.",
            "stdout is for results: remove the output, or put messages for the user in an attribute 'warnings'.",
        )


@rule()
def warns_of_nothing(subject: Subject) -> None:
    """It causes no Python warning that users would see."""
    if warned := subject.first.side_effects.warned:
        raise subject.breaks(
            f"it caused the warning {_short(warned[0])}.",
            "Fix its cause; put messages for the user in an attribute 'warnings' or in an error message.",
        )


@rule()
def touches_no_global_random_state(subject: Subject) -> None:
    """It does not change the global random states of random, numpy and torch."""
    if touched := subject.again.side_effects.random:
        raise subject.breaks(
            f"it changed the global random state of {listed(touched)}.",
            "Draw from a generator of your own, random.Random(seed) or numpy.random.default_rng(seed); "
            "ask for the fact 'seed'. Only a model may draw from torch, while it is built, trained or fitted.",
        )


@rule()
def changes_no_setting_of_torch(subject: Subject) -> None:
    """It changes no global torch setting: number of threads, default dtype and others."""
    if changed := subject.again.side_effects.torch:
        raise subject.breaks(
            f"it changed {listed(changed)}.", "These settings belong to the user: do not change them, or restore them."
        )


@rule()
def changes_nothing_of_the_process(subject: Subject) -> None:
    """It does not change working directory, environment variables, warning filters, logging or standard streams."""
    if changed := subject.again.side_effects.process:
        raise subject.breaks(
            f"it changed {listed(changed)}.", "Other code shares the process: do not change it, or restore it."
        )


@rule(*FACTORIES)
def repeats_itself(subject: Subject) -> None:
    """Built and used a second time in the same way, it gives bit-identical results."""
    from textforge.testing.digests import differing

    again = subject.again
    if again.failed:
        raise subject.breaks(
            f"it fails when it is built and used a second time: {again.failed}",
            "Keep no state at module level.",
        )
    if other := differing(subject.first.digests, again.digests):
        raise subject.breaks(
            f"with the same seed these results differ the second time: {listed(other)}.",
            "Draw from a generator made from the fact 'seed', and keep no state at module level.",
        )


@rule(only_if_it_works=False)
def is_imported_quickly(subject: Subject) -> None:
    """Importing its module stays within the budget of time, so that 'textforge check' stays fast."""
    imports.check_budget(subject)


@rule(only_if_it_works=False, after=("is-imported-quickly",))
def its_import_changes_nothing(subject: Subject) -> None:
    """Importing its module prints nothing and does not change the process."""
    changed = imports.of(subject).changed
    if changed:
        raise subject.breaks(
            f"importing its module changed {listed(changed)}.",
            "Listing the installed plugins imports the module: it should only define things.",
        )


@rule(after=("repeats-itself",))
def works_in_a_spawned_process(subject: Subject) -> None:
    """In another process, with another hash seed, it gives bit-identical results."""
    from textforge.testing.processes import compare_with_spawned_process

    compare_with_spawned_process(subject)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 120 else f"{text[:120]}…")
