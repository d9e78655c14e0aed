"""The contract kit: the rules of metrics, datasets, preprocessors, callbacks, executors and commands."""

import kit_broken_commands as commands
import kit_broken_executors as executors
import kit_broken_metrics as metrics
import kit_broken_others as broken
import kit_broken_preprocessors as preprocessors
import pytest
from kit_examples import Broken, failures, holds, skipped


def a_file(folder):
    lines = [f"{label}\t{text}" for label, text in zip(broken.LABELS, broken.TEXTS, strict=True)]
    (folder / "data.txt").write_text("\n".join(lines))
    return {"train": folder / "data.txt"}


FILE = {"options": a_file}
EXAMPLES = [
    Broken("metric", rule, component, says)
    for rule, component, *says in (
        ("is-a-number-or-none", metrics.by_class, "its figure of thirty texts is array(", "Return float(…)"),
        ("is-a-number-or-none", metrics.infinite, "its figure of thirty texts is inf", "or None"),
        ("takes-one-text-and-one-class", metrics.undivided, "ZeroDivisionError", "Return None where it is undefined"),
        ("the-order-of-texts-does-not-matter", metrics.of_the_first, "in another order", "depend on their order"),
        ("weighs-texts-if-it-takes-weights", metrics.deaf, "repeated as often", "numpy.average(each"),
        ("leaves-its-arguments-alone", metrics.rounding, "changed the probabilities", "Work on a copy"),
        ("leaves-its-arguments-alone", metrics.answering, "changed the answers", "Work on a copy"),
        ("a-perfect-answer-is-not-the-worse", metrics.wrong_way, "right answers have the figure 0", "= False"),
        ("takes-two-classes-and-five", metrics.of_three, "with 2 classes", "off the probabilities"),
        ("takes-other-labels-or-names-what-does", metrics.unaware, "with several labels per text", "'multi_label'"),
        ("takes-other-labels-or-names-what-does", metrics.refusing, "one label a text only", "'another-metric'"),
    )
]
EXAMPLES += [
    Broken("dataset", rule, component, says, more)
    for rule, component, more, *says in (
        ("is-built-and-used", broken.no_dataset, {}, "returned a list, not a textforge.Dataset", "Fix this first"),
        ("has-two-classes-at-least", broken.one_class, {}, "have the label 'space'", "Give each class"),
        ("its-splits-share-their-labels", broken.other_test_labels, {}, "'food' (1 times", "Drop such texts"),
        (
            "says-whether-it-streams",
            broken.secretly_streaming,
            {},
            "is a stream, but streams(…) is False",
            "streams = fn",
        ),
        ("says-which-columns-it-brings", broken.promising_a_price, {}, "the data bring {}", "Return the columns"),
        ("a-stream-gives-the-same-chunks-again", broken.going_on, {}, "its chunks have other rows", "its number alone"),
        ("a-stream-gives-the-same-chunks-again", broken.boasting, {}, "does not match its chunks", "Omit known"),
        ("a-missing-file-is-refused-in-a-sentence", broken.silent, FILE, "it says nothing", "textforge.DataError("),
        ("a-missing-file-is-refused-in-a-sentence", broken.anonymous, FILE, "there is no such file", "Name the path"),
        (
            "works-in-a-spawned-process",
            broken.sets_in_their_order,
            {},
            "differ: texts and labels",
            "sorted(…)",
        ),
    )
]
EXAMPLES += [
    Broken("preprocessor", rule, component, says)
    for rule, component, *says in (
        ("is-built-and-used", preprocessors.returning_text, "returned a str", "Return a callable"),
        ("is-built-and-used", preprocessors.returning_words, "returned a list for a text", "Return a str"),
        ("takes-empty-texts", preprocessors.of_the_first_character, "IndexError", "on the text ''"),
        ("takes-unicode-texts", preprocessors.encoding, "UnicodeEncodeError", "any character"),
        ("takes-huge-texts", preprocessors.recursive, "RecursionError", "linear in the text"),
        ("a-text-is-changed-by-itself", preprocessors.numbering, "depends on earlier texts", "between calls"),
    )
]
EXAMPLES += [
    Broken("callback", rule, component, says)
    for rule, component, *says in (
        (
            "is-built-and-used",
            broken.Deaf,
            "none of the methods started,",
            "it has epoch_end.",
            "a method for each event",
        ),
        ("adds-numbers-or-nothing", broken.Texts, "finished returned {'note'", "{'name': 0.5}"),
        ("adds-numbers-or-nothing", broken.Returning, "started returned {'epochs'", "Let it return nothing"),
        ("takes-unusual-labels", broken.NamingFiles, "FileNotFoundError", "Escape characters that file names"),
        ("takes-figures-that-are-none", broken.Trusting, "where a figure is None", "where it is undefined"),
        ("takes-figures-that-are-none", broken.TrustingTest, "neither validation nor test", "valid and test are None"),
        (
            "takes-figures-of-others",
            broken.Collecting,
            "TypeError",
            "another callback had added",
            "known fields by name",
        ),
        (
            "accepts-failures-at-any-time",
            broken.Unopened,
            "at 'failed' after nothing",
            "Close only what has been opened",
        ),
        ("two-at-once-do-not-meet", broken.Shared, "beside another run", "on the callback object"),
    )
]
EXAMPLES += [
    Broken("command", rule, component, says)
    for rule, component, *says in (
        ("is-built-and-used", commands.function, "it is a function", "@click.command()"),
        ("says-what-it-does", commands.mute, "no help text", "a docstring"),
        ("its-options-have-help", commands.bare, "options without help: 'bare --words'", "help='…'"),
        ("its-options-have-help", commands.deep, "options without help: 'deep bare --words'", "help='…'"),
        (
            "shows-its-help",
            commands.hasty,
            "RuntimeError (no time for that) at 'hasty --help'",
            "Show help before doing anything",
        ),
    )
]
EXAMPLES += [
    Broken("executor", rule, component, says)
    for rule, component, *says in (
        ("is-built-and-used", executors.dropping, "gave no result for task 5", "yield (task, value)"),
        ("carries-out-every-task", executors.rounding, "it gave {'task 2': 0,", "yield (task, value)"),
        ("carries-out-every-task", executors.forgetful, "the folders of the tasks 2, 3, 5", "bring the copy's files"),
        ("carries-out-every-task", executors.mute, "what the tasks said was not shown", "Give the work a Progress"),
        ("raises-the-error-of-a-task", executors.wrapping, "RuntimeError (task failed: no rows.)", "yield (task"),
        ("raises-the-error-of-a-task", executors.forgiving, "a task that failed gave a value", "Raise the exception"),
    )
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one.kind}-{one}")
def test_a_broken_one_fails_its_check_alone_with_what_to_do(example):
    holds(example)


@pytest.mark.parametrize(
    ("kind", "component", "more"),
    [
        ("metric", metrics.good, {}), ("metric", metrics.error, {}), ("metric", metrics.several, {}),
        ("metric", metrics.weighing, {}), ("metric", metrics.answered, {}),
        ("dataset", broken.good_dataset, {}), ("dataset", broken.several_labels, {}), ("dataset", broken.reading, FILE),
        ("preprocessor", preprocessors.good, {}),
        ("callback", broken.GoodCallback, {}), ("callback", broken.Timed, {}),
        ("executor", executors.good, {}), ("executor", executors.copying, {}),
        ("command", commands.good, {}), ("command", commands.good_group, {}),
    ],
)  # fmt: skip
def test_a_good_one_passes(kind, component, more):
    assert not failures(kind, component, **more)


def test_data_that_cannot_be_had_here_are_skipped_with_the_reason():
    reasons = skipped("dataset", broken.unavailable)
    assert reasons.pop("is-built-and-used") == "the data is not available here: the archive is neither here nor there."
    assert set(reasons.values()) == {"it is not used here (see 'is-built-and-used')."}
