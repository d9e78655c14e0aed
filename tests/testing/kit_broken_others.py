"""Datasets and callbacks that break what they are held to."""

from pathlib import Path

COUNTS = []
TEXTS = ["the moon", "a bat", "lunar orbit", "home run"] * 5
LABELS = ["space", "ball"] * 10


# -- datasets --------------------------------------------------------------------------------------


def data(train=None, **splits):
    from textforge import Dataset

    return Dataset(train=train or (TEXTS, LABELS), **splits)


def good_dataset(seed: int, /, *, n: int = 20):
    """Texts on two topics.

    Options:
        n: how many.
    """
    return data((TEXTS[:n], LABELS[:n]), test=(TEXTS[:4], LABELS[:4]))


def several_labels():
    """Texts with sets of labels."""
    return data((TEXTS, [[label] for label in LABELS]))


def reading(*, train: Path):
    """A text a line, the label before it.

    Options:
        train: the file.
    """
    from textforge import DataError

    try:
        lines = train.read_text().splitlines()
    except OSError as error:
        raise DataError(f"{train}: cannot be read: {error.strerror}.") from error
    rows = [line.split("\t") for line in lines]
    return data(([text for _, text in rows], [label for label, _ in rows]))


def silent(*, train: Path):
    """It does not look at the file.

    Options:
        train: the file.
    """
    return data()


def anonymous(*, train: Path):
    """It does not say which file it was.

    Options:
        train: the file.
    """
    from textforge import DataError

    if not train.exists():
        raise DataError("there is no such file.")
    return data()


def streaming():
    """Texts in two chunks."""
    return data(stream(lambda n: (TEXTS[n::2], LABELS[n::2])))


def stream(read, **known):
    from textforge import Stream

    return Stream(2, read, **known)


streaming.streams = lambda: True


def secretly_streaming():
    """It does not say that its texts come in chunks."""
    return streaming()


def promising_a_price():
    """It brings no column, but says so."""
    return data()


promising_a_price.brings_columns = lambda: {"price": "number"}


def going_on():
    """Each chunk is what comes next."""
    rows = iter(zip(TEXTS * 9, LABELS * 9))  # noqa: B905
    return data(stream(lambda n: tuple(zip(*[next(rows) for _ in range(7)]))))  # noqa: B905


going_on.streams = streaming.streams


def boasting():
    """It says that it has more texts than there are."""
    from dataclasses import replace

    train = streaming().train
    return data(stream(train.chunk, known=replace(train.survey(), n_texts=10**6)))


boasting.streams = streaming.streams


def no_dataset():
    """It gives a list."""
    return [TEXTS, LABELS]


def one_class():
    """All texts have one label."""
    return data((TEXTS, ["space"] * len(TEXTS)))


def other_test_labels():
    """A label of test is none of train."""
    return data(test=(["a soup"], ["food"]))


def unavailable():
    """It is not here."""
    from textforge import DataUnavailable

    raise DataUnavailable("the archive is neither here nor there.")


def sets_in_their_order():
    """It goes through a set."""
    texts = sorted({f"{text} {n}" for n, text in enumerate(TEXTS)}, key=hash)
    return data((texts, ["space" if "moon" in text or "orbit" in text else "ball" for text in texts]))


# -- callbacks -------------------------------------------------------------------------------------


class GoodCallback:
    """It adds how much the loss fell."""

    def __init__(self, run_folder, /):
        self.folder, self.before = run_folder, None

    def epoch_ended(self, result):
        fell = None if self.before is None else {"fell": self.before - result["train_loss"]}
        self.before = result["train_loss"]
        return fell

    def failed(self, error):
        (self.folder / "failed.txt").write_text(error["message"])


class Timed(GoodCallback):
    """It adds what its clock says."""

    def finished(self, result):
        import time

        return {"at": time.perf_counter()}


class Deaf:
    """None of its methods is that of an event."""

    def epoch_end(self, result):
        return None


class Texts(GoodCallback):
    """It adds a text."""

    def finished(self, result):
        return {"note": "well done"}


class Returning(GoodCallback):
    """It returns something at the start."""

    def started(self, run):
        return {"epochs": run["epochs"]}


class NamingFiles(GoodCallback):
    """It writes a file for each label."""

    def started(self, run):
        for label in run["labels"]:
            (self.folder / label).write_text("")


class Trusting(GoodCallback):
    """It takes it that there is a validation split."""

    def epoch_ended(self, result):
        if result["number"] == 1 and result["valid"] is None:
            return None
        return {"twice": 2 * sum((result["valid"] or {"none": 0.0}).values())}


class TrustingTest(GoodCallback):
    """It takes it that there is a test split."""

    def finished(self, result):
        return {"error": 1 - result["test"]["accuracy"]}


class Collecting(GoodCallback):
    """It takes every field of an epoch for a figure, but for those that it knows to be none."""

    def epoch_ended(self, result):
        return {f"the_{name}": float(value) for name, value in result.items() if name != "valid"}


class Unopened(GoodCallback):
    """It closes at the end what may not be open."""

    def started(self, run):
        self.file = []

    def failed(self, error):
        self.file.append(error["message"])


class Shared(GoodCallback):
    """Its counts belong to all runs."""

    def started(self, run):
        COUNTS.clear()

    def epoch_ended(self, result):
        COUNTS.append(1)
        return {"epochs": len(COUNTS)}
