"""Dataset `docstrings`, on packages made for a test and on those that are installed."""

import re
import subprocess
import sys
from collections import Counter
from itertools import chain

import pytest
import yaml
from in_process import invoke

from textforge import DataError, DataUnavailable
from textforge_standard.datasets.docstrings import _mask, docstrings

FILES, EACH = 30, 4


def module(package, number, each=EACH):
    """A source whose docstrings name their file (its package reversed, for names are masked) and the package."""
    functions = "".join(
        f'def f{n}():\n    """Marker{package[::-1]}{number} text {n}: {package} and {package.upper()}.core do what '
        f'{package}_api says."""\n'
        for n in range(each - 1)
    )
    return (
        f'"""Marker{package[::-1]}{number} module: import {package} first of all, then see '
        f'what it does."""\nraise ImportError("never imported")\n{functions}'
    )


def write_package(folder, name, files=FILES, each=EACH):
    root = folder / name
    root.mkdir(parents=True)
    (root / "__init__.py").write_text('raise ImportError("never imported")\n')
    for number in range(files):
        (root / f"part{number}.py").write_text(module(name, number, each))
    return root


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Two packages that can be found but not imported, below a folder named `tests`."""
    folder = tmp_path / "tests" / "checkout"
    for name in ("qualmo", "zerbu"):
        write_package(folder, name)
    monkeypatch.syspath_prepend(folder)
    return folder


def made(seed=0, **options):
    return docstrings(seed, **{"packages": ["qualmo", "zerbu"], "per_package": 40, "min_words": 5, **options})


def texts_of(dataset):
    return list(chain(*(split[0] for split in dataset.splits().values())))


# -- made packages -----------------------------------------------------------------------------


def test_each_package_gives_its_texts_and_the_test_its_share(packages):
    dataset = made()
    assert Counter(dataset.train[1]) == {"qualmo": 30, "zerbu": 30}
    assert Counter(dataset.test[1]) == {"qualmo": 10, "zerbu": 10}
    assert dataset.labels() == ("qualmo", "zerbu")


def test_a_text_is_labelled_with_the_package_that_it_documents(packages):
    for texts, labels in made().splits().values():
        assert [re.search(r"Marker([a-z]+)", text)[1][::-1] for text in texts] == labels


def test_train_and_test_share_no_file(packages):
    marks = [{re.search(r"Marker\w+?\d+", text)[0] for text in split[0]} for split in made().splits().values()]
    assert len(marks[0]) >= 2 * 30 / EACH
    assert len(marks[1]) >= 2 * 10 / EACH
    assert marks[0] & marks[1] == set()


def test_the_packages_names_are_masked_in_every_text(packages):
    for text in texts_of(made()):
        words = re.split(r"[^a-z0-9]+", text.lower())
        assert not {"qualmo", "zerbu"} & set(words)
        assert "PACKAGE" in text


def test_long_names_are_masked_inside_words_too_and_no_package_of_main_is_sought():
    masked = _mask(["numpy", "torch"]).sub("PACKAGE", "TorchScript, functorch, numpydoc, TORCH_CHECK")
    assert masked == "PACKAGEScript, funcPACKAGE, PACKAGEdoc, PACKAGE_CHECK"
    with pytest.raises(DataUnavailable, match="package '__main__' is not installed"):
        docstrings(0, packages=["numpy", "__main__"])


def test_short_names_and_aliases_are_masked_as_words_and_nowhere_else():
    text = "np.array and NumPy, torch.Tensor and PyTorch; input, concatenate, np_x, unp, aten::add, sp and scipy"
    assert _mask(["numpy", "torch"]).sub("PACKAGE", text) == (
        "PACKAGE.array and PACKAGE, PACKAGE.Tensor and PACKAGE; input, concatenate, PACKAGE_x, unp, PACKAGE::add, "
        "sp and scipy"  # of a package that is none of the two
    )


def test_the_same_docstring_is_taken_once(packages):
    for package in ("qualmo", "zerbu"):
        for number in range(5):
            (packages / package / f"twin{number}.py").write_text('"""The very same words in every one of them."""\n')
    texts = texts_of(made(per_package=200))
    assert texts.count("The very same words in every one of them.") == 1
    assert len(set(texts)) == len(texts)


def test_short_docstrings_tests_and_broken_sources_are_left_out(packages):
    root = packages / "qualmo"
    (root / "short.py").write_text('"""Four words are few."""\n')
    (root / "broken.py").write_text('"""Sources for another Python are passed over by us."""\nprint "x"\n')
    (root / "binary.py").write_bytes(b'"""\xff\xfe not text but long enough for six words"""\n\0')
    for folder in ("tests", "testing"):
        (root / folder).mkdir()
        (root / folder / "test_it.py").write_text('"""A test of the package is none of its documentation."""\n')
    told = "\n".join(texts_of(made(per_package=1000)))
    assert "Four words" not in told
    assert "another Python" not in told
    assert "not text" not in told
    assert "A test of" not in told
    assert "Markeromlauq0 " in told


def test_docstrings_of_classes_methods_and_nested_blocks_are_found(packages):
    (packages / "zerbu" / "nested.py").write_text(
        "class A:\n"
        '    """Class docstring one two three four."""\n'
        "    async def m(self):\n"
        '        """Method docstring one two three four."""\n'
        "        def inner():\n"
        '            """Inner docstring one two three four."""\n'
        "try:\n    pass\nexcept ImportError:\n"
        "    def fallback():\n"
        '        """Fallback docstring one two three four."""\n'
        "if True:\n    pass\nelse:\n"
        "    def other():\n"
        '        """Other docstring one two three four."""\n'
        'text = """No docstring one two three four five."""\n'
    )
    told = "\n".join(texts_of(made(per_package=1000)))
    assert re.findall(r"(\w+) docstring one", told).count("No") == 0
    assert set(re.findall(r"(\w+) docstring one", told)) == {"Class", "Method", "Inner", "Fallback", "Other"}


def test_a_seed_gives_the_same_dataset_and_another_seed_another(packages):
    first, again, other = made(seed=3), made(seed=3), made(seed=4)
    assert first == again
    assert set(first.test[0]) != set(other.test[0])


def test_a_small_package_gives_the_test_its_share_and_not_everything(packages):
    # 13 docstrings where 40 are wanted: were the test's ten taken first, three would be left for train
    write_package(packages, "smally", files=13, each=1)
    dataset = made(packages=["qualmo", "smally"])
    assert Counter(dataset.test[1]) == {"qualmo": 10, "smally": 3}
    assert Counter(dataset.train[1]) == {"qualmo": 30, "smally": 10}
    marks = [{t.split()[0] for t in split[0] if "Markeryllams" in t} for split in dataset.splits().values()]
    assert marks[0] & marks[1] == set()


@pytest.mark.parametrize(("files", "each", "found"), [(0, 0, 0), (1, 1, 1), (1, 50, 50)])
def test_a_package_with_too_few_docstrings_is_reported(packages, files, each, found):
    # one file alone cannot be split by files, however much it holds; `each` of 50 is more than enough texts
    write_package(packages, "smally", files=files, each=each)
    with pytest.raises(DataError) as caught:
        made(packages=["qualmo", "smally"], per_package=100)
    told = str(caught.value)
    assert f"package 'smally' has only {found} docstrings" in told
    assert "min_words" in told


@pytest.mark.parametrize("name", ["nosuchpackage", "not-a-name", "os.path", "", "this"])
def test_a_package_that_is_not_installed_is_reported(packages, name):
    # `this` is a module of one file, with no package around it
    with pytest.raises(DataUnavailable) as caught:
        made(packages=["qualmo", name])
    assert f"package '{name}' is not installed" in str(caught.value)
    assert "this" not in sys.modules


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_an_extreme_share_leaves_neither_train_nor_test_empty(packages, fraction):
    dataset = made(test_fraction=fraction)
    assert set(dataset.train[1]) == set(dataset.test[1]) == {"qualmo", "zerbu"}


# -- installed packages ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def default():
    """The dataset of the quick start, smaller."""
    return docstrings(0, per_package=200)


def test_the_default_packages_have_texts_enough(default):
    expected = ["numpy", "scipy", "sklearn", "torch"]
    assert Counter(default.train[1]) == dict.fromkeys(expected, 150)
    assert Counter(default.test[1]) == dict.fromkeys(expected, 50)


def test_no_name_or_alias_of_the_default_packages_is_left_as_a_word(default):
    names = "numpy np scipy sp sklearn scikit scikits torch pytorch libtorch aten".split()
    words = Counter(word for text in texts_of(default) for word in re.split(r"[^a-z0-9]+", text.lower()))
    assert {name: words[name] for name in names if words[name]} == {}


def test_the_default_texts_are_all_different_and_long_enough(default):
    texts = texts_of(default)
    assert len(set(texts)) == len(texts) == 800
    assert min(len(text.split()) for text in texts) >= 8


def test_nothing_that_is_read_is_imported():
    program = (
        "import sys; from textforge_standard.datasets.docstrings import docstrings; "
        "docstrings(0, packages=['scipy', 'sklearn', 'rich'], per_package=40); "
        "print(sorted({'scipy', 'sklearn', 'rich', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_the_command_line_ends_with_3_where_a_package_is_missing(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    parts = {"vectorizer": {"use": "bow"}, "model": {"use": "linear"}, "optimizer": {"use": "adam"}}
    recipe.write_text(
        yaml.safe_dump({"dataset": {"use": "docstrings", "packages": ["click", "nosuchpackage"]}, **parts})
    )
    done = invoke("run", recipe, "--out", tmp_path / "run", "--quiet")
    assert done.returncode == 3
    assert "package 'nosuchpackage' is not installed. Install it, or name other packages." in done.stderr
    assert not (tmp_path / "run").exists()
