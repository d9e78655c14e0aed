"""What environment.json says, what differs between two of them, and runs that are locked to one."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import small_recipe, write_site
from hypothesis import given, strategies as st
from in_process import invoke

import textforge
from textforge.runs.environment import describe_packages
from textforge.runs.environment_changes import advice, environment_changes, read_environment
from textforge.runs.packages import installed, packages_of
from textforge.runs.replays.comparison import differing_data
from textforge.runs.requirements import are_hashed, requirements_text


@pytest.fixture(scope="module")
def described(finished_run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((finished_run / "environment.json").read_text())
    return found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on `sys.path` for made-up distributions, which are forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    installed.cache_clear()


def distribution(site: Path, name: str, version: str = "1.0", requires: tuple[str, ...] = (), **files: str) -> Path:
    """Install a distribution with one module; return its folder of metadata."""
    write_site(site, name, files.get("source", "x = 1\n"), version)
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    with (info / "METADATA").open("a") as file:
        file.writelines(f"Requires-Dist: {line}\n" for line in requires)
        file.write("\nRequires-Dist: not-a-header\n")
    (info / "entry_points.txt").unlink()
    return info


# -- what it says ------------------------------------------------------------------------------


def test_it_names_machine_threads_and_libraries(described: dict[str, Any]) -> None:
    assert described["format"] == 2
    assert described["python"] == platform.python_version()
    assert described["threads"] == torch.get_num_threads()
    assert described["variables"]["OMP_NUM_THREADS"] == "1"
    assert described["cpu"]["model"]
    assert described["determinism"]["deterministic_algorithms"] is False
    assert described["determinism"]["flush_denormal"] is False
    assert np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"] in described["blas"]["numpy"]
    assert described["blas"]["torch"]
    if sys.platform == "linux":
        assert described["libc"]
        flags = Path("/proc/cpuinfo").read_text()
        assert described["cpu"]["features"]
        assert all(f" {flag} " in flags or f" {flag}\n" in flags for flag in described["cpu"]["features"])


def test_it_lists_the_exact_versions_of_all_that_textforge_requires(described: dict[str, Any]) -> None:
    from importlib import metadata

    packages = described["packages"]
    assert {"torch", "numpy", "scikit-learn", "scipy", "joblib", "sympy", "pydantic_core"} <= {*packages}
    assert packages == {name: metadata.version(name) for name in packages}
    assert "statsmodels" not in packages or "statsmodels" in sys.modules  # only the extra 'dev' asks for it
    assert {*described["files"]} == {*packages}
    assert all(len(digest) == 64 for digest in described["files"].values())


def test_settings_of_the_process_are_those_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    from textforge.runs.machine import describe_machine

    monkeypatch.setenv("MKL_CBWR", "AVX2")
    monkeypatch.setenv("HOME", "/somewhere")
    torch.use_deterministic_algorithms(True)
    try:
        found = describe_machine("cpu")
    finally:
        torch.use_deterministic_algorithms(False)
    assert found["determinism"]["deterministic_algorithms"] is True
    assert found["variables"]["MKL_CBWR"] == "AVX2"
    assert "HOME" not in found["variables"]


def test_the_dependencies_of_a_plugin_count_with_theirs(site: Path) -> None:
    distribution(site, "my-plugin", requires=("my-boosting[gpu]>=4", "absent-here; python_version < '3'", "x-absent"))
    distribution(site, "my-boosting", "4.1.0", ("my-arrays", "my-cuda; extra == 'gpu'", "my-docs; extra == 'docs'"))
    for name in ("my-arrays", "my-cuda", "my-docs", "unrelated"):
        distribution(site, name, "2.0")
    found = {one.name: one.version for one in packages_of(["my-plugin"])}
    assert found == {"my-plugin": "1.0", "my-boosting": "4.1.0", "my-arrays": "2.0", "my-cuda": "2.0"}


def test_a_dependency_is_required_whatever_its_name_and_odd_metadata_break_nothing(site: Path) -> None:
    odd = ("my-extra-parts>=1", "not a requirement!", "my-odd; sys_platform > '3.x'", "my-late; extra == 'late'")
    (distribution(site, "my-plugin", requires=odd) / "RECORD").write_bytes(b"\xff\xfe,,")
    distribution(site, "my-extra-parts")
    (distribution(site, "my-odd") / "direct_url.json").write_text("[")
    found = packages_of(["my-plugin"])
    assert {"my-plugin", "my-extra-parts"} <= {one.name for one in found}
    assert describe_packages(found)["files"]["my-plugin"]


@pytest.mark.parametrize("editable", [True, False])
def test_the_source_of_an_editable_package_is_where_its_modules_are(
    editable: bool, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("")  # a project around the environment, as users have it
    moved = tmp_path / "moved"
    (moved / "src").mkdir(parents=True)
    (moved / "pyproject.toml").write_text("")
    info = distribution(site, "my-package")
    if editable:
        (site / "my_package.py").rename(moved / "src" / "my_package.py")
        monkeypatch.syspath_prepend(str(moved / "src"))
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///built", "dir_info": {"editable": editable}}))
    found = installed("my-package")
    assert found is not None
    assert found.origin == {"source_folder": str(moved) if editable else "/built"}


def test_packages_that_require_one_another_are_listed_once(site: Path) -> None:
    distribution(site, "one-a", requires=("one-b",))
    distribution(site, "one-b", requires=("One_A[all]",))
    assert [one.name for one in packages_of(["one-a"])] == ["one-a", "one-b"]
    assert packages_of(["nothing-of-this-name"]) == []


def test_an_optional_dependency_counts_once_it_is_imported(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(site, "my-plugin", requires=("my-tokens; extra == 'subword'",))
    distribution(site, "my-tokens")
    assert [one.name for one in packages_of(["my-plugin"])] == ["my-plugin"]
    monkeypatch.setitem(sys.modules, "my_tokens", sys)
    assert [one.name for one in packages_of(["my-plugin"])] == ["my-plugin", "my-tokens"]


def test_a_run_lists_the_dependencies_of_the_plugins_that_it_used(site: Path, small_csv: Path, tmp_path: Path) -> None:
    source = (
        "from textforge import FeatureLinear, hookimpl\n"
        "def zeros(n_features, n_classes, /):\n    return FeatureLinear(n_features, n_classes)\n"
        "@hookimpl\ndef textforge_models():\n    return {'zeros': zeros}\n"
    )
    write_site(site, "used-plugin", source)
    with (site / "used_plugin-1.0.dist-info" / "METADATA").open("a") as file:
        file.write("Requires-Dist: my-boosting\n")
    distribution(site, "my-boosting", "4.1.0")
    run = textforge.run(small_recipe(small_csv, model="zeros"), out=tmp_path / "run").path
    found = read_environment(run)
    assert found["packages"]["my-boosting"] == "4.1.0"
    assert found["packages"]["used-plugin"] == "1.0"
    other = textforge.run(small_recipe(small_csv, model="linear"), out=tmp_path / "other").path
    assert "my-boosting" not in read_environment(other)["packages"]


def test_a_package_that_is_imported_only_while_training_is_listed_too(
    site: Path, small_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        "from textforge import FeatureLinear, hookimpl\n"
        "class Late(FeatureLinear):\n    def forward(self, batch):\n        import my_late\n"
        "        return super().forward(batch)\n"
        "def late(n_features, n_classes, /):\n    return Late(n_features, n_classes)\n"
        "@hookimpl\ndef textforge_models():\n    return {'late': late}\n"
    )
    write_site(site, "late-plugin", source)
    with (site / "late_plugin-1.0.dist-info" / "METADATA").open("a") as file:
        file.write("Requires-Dist: my-late; extra == 'fast'\n")
    distribution(site, "my-late", "3.0")
    run = textforge.run(small_recipe(small_csv, model="late"), out=tmp_path / "run").path
    assert read_environment(run)["packages"]["my-late"] == "3.0"
    del sys.modules["my_late"]
    folds = textforge.cross_validate(small_recipe(small_csv, model="late"), folds=2, out=tmp_path / "folds").path
    assert read_environment(folds)["packages"]["my-late"] == "3.0"
    monkeypatch.delitem(sys.modules, "my_late")


def test_a_run_whose_environment_was_taken_away_while_it_trained_is_finished(recipe_file: Path, tmp_path: Path) -> None:
    class Removing(textforge.Progress):
        def epoch(self, result: textforge.EpochResult, epochs: int) -> None:
            (tmp_path / "run" / "environment.json").unlink(missing_ok=True)

    assert textforge.run(recipe_file, out=tmp_path / "run", progress=Removing()).result["epochs"] == 3


# -- digests and origins -----------------------------------------------------------------------


def record(folder: Path, info: Path) -> None:
    """Write the RECORD that an installer writes."""
    lines = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != "RECORD":
            content = file.read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            lines.append(f"{file.relative_to(folder).as_posix()},sha256={digest},{len(content)}")
    info.joinpath("RECORD").write_text("\n".join([*lines, f"{info.name}/RECORD,,", "../../bin/tool,sha256=x,3"]))


def package(folder: Path) -> Path:
    info = folder / "my_package-1.0.dist-info"
    (folder / "my_package" / "inner").mkdir(parents=True)
    (folder / "my_package" / "__init__.py").write_text("x = 1\n")
    (folder / "my_package" / "inner" / "data.yaml").write_text("a: 1\n")
    (folder / "my_package" / "__pycache__").mkdir()
    (folder / "my_package" / "__pycache__" / "old.cpython-311.pyc").write_text("")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    return info


def digest_of(site: Path, monkeypatch: pytest.MonkeyPatch) -> str | None:
    installed.cache_clear()
    monkeypatch.syspath_prepend(str(site))
    found = installed("my-package")
    assert found is not None
    return found.files


def test_the_digest_of_a_wheel_is_that_of_its_source_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, wheel = tmp_path / "source", tmp_path / "wheel"
    package(source)
    record(wheel, package(wheel))
    first = digest_of(source, monkeypatch)
    assert first is not None
    assert digest_of(wheel, monkeypatch) == first
    (source / "my_package" / "inner" / "data.yaml").write_text("a: 2\n")
    assert digest_of(source, monkeypatch) != first
    installed.cache_clear()


@pytest.mark.parametrize(
    ("file", "written", "expected"),
    [
        ("direct_url.json", {"url": "https://x.org/p.whl", "archive_info": {"hashes": {"sha256": "ab12"}}},
         {"url": "https://x.org/p.whl", "archive": "ab12"}),
        ("provenance_url.json", {"url": "https://x.org/p.whl", "archive_info": {"hashes": {"sha256": "ab12"}}},
         {"archive": "ab12"}),
        ("direct_url.json", {"url": "https://x.org/p.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
         {"url": "git+https://x.org/p.git", "commit": "c0ffee"}),
        ("direct_url.json", {"url": "file:///some/fol%20der", "dir_info": {}}, {"source_folder": "/some/fol der"}),
        ("direct_url.json", {"url": "file:///some/folder", "dir_info": {"editable": True}},
         {"source_folder": "/some/folder"}),
        ("direct_url.json", "nonsense", {}),
        ("direct_url.json", {"archive_info": {}}, {}),
    ],
)  # fmt: skip
def test_the_origin_is_what_the_installer_wrote_down(site: Path, file: str, written: Any, expected: dict) -> None:
    (distribution(site, "my-package") / file).write_text(json.dumps(written))
    found = installed("my-package")
    assert found is not None
    assert found.origin == expected


# -- what differs ------------------------------------------------------------------------------


def test_an_environment_does_not_differ_from_itself(described: dict[str, Any]) -> None:
    assert environment_changes(described, described) == []
    old = {key: described[key] for key in ("python", "threads", "packages", "processor", "platform")}
    assert environment_changes(old, described) == []
    assert environment_changes({}, described) == []


def change(key: str, *inner: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def changed(environment: dict[str, Any]) -> None:
        place = environment
        for name in (key, *inner)[:-1]:
            place = place[name]
        place[(key, *inner)[-1]] = to

    return changed


@pytest.mark.parametrize(
    ("changed", "said", "decisive"),
    [
        (change("packages", "torch", to="2.0"), "torch was 2.0 and is ", True),
        (change("packages", "Torch-Extra", to="2.0"), "Torch-Extra was 2.0 and is not installed", True),
        (change("files", "numpy", to="0123456789abcdef"), "the code of numpy ", True),
        (change("threads", to=64), "the number of threads was 64 and is ", True),
        (change("python", to="3.11.0"), "Python was 3.11.0 and is ", True),
        (change("processor", to="NEON"), "the processor's instructions was NEON and is ", True),
        (
            change("cpu", "features", to=["altivec"]),
            "the processor was one with altivec and is one without, but with ",
            True,
        ),
        (change("cpu", "model", to="Z80"), "the model of the processor was Z80 and is ", False),
        (change("platform", to="Plan 9"), "the platform was Plan 9 and is ", False),
        (change("interop_threads", to=99), "the number of threads between operations was 99 and is ", False),
        (change("libc", to="musl 1.2"), "the C library was musl 1.2 and is ", True),
        (change("blas", "torch", to="eigen"), "the BLAS of torch was eigen and is ", True),
        (change("determinism", "mkldnn", to="odd"), "the setting mkldnn was odd and is ", True),
        (change("variables", "MKL_CBWR", to="AVX2"), "the variable MKL_CBWR was AVX2 and is not set", True),
        (change("device", to="cuda"), "the device was cuda and is cpu", True),
    ],
)
def test_each_difference_is_named(
    described: dict[str, Any], changed: Callable[[dict[str, Any]], None], said: str, decisive: bool
) -> None:
    then = copy.deepcopy(described)
    changed(then)
    (found,) = environment_changes(then, described)
    assert str(found).startswith(said)
    assert found.decisive is decisive


def test_the_likeliest_reason_comes_first(described: dict[str, Any]) -> None:
    then = copy.deepcopy(described)
    then["platform"] = "Plan 9"
    then["packages"] |= {"click": "1", "numpy": "1", "torch": "1", "my-plugin": "1", "textforge": "0"}
    then["plugins"]["model"]["distribution"] = "my-plugin"
    then["threads"] = 64
    assert [one.what for one in environment_changes(then, described)] == [
        "the plugin of mlp", "my-plugin", "textforge", "torch", "numpy", "click", "the number of threads",
        "the platform",
    ]  # fmt: skip


def test_a_part_that_another_distribution_offers_now_is_named(described: dict[str, Any]) -> None:
    then = copy.deepcopy(described)
    then["plugins"]["vectorizer"]["parts"] = [{"use": "bow", "distribution": "other", "version": "1.0"}]
    then["plugins"]["model"] |= {"distribution": "my-own", "version": "2.0"}
    found = [str(one) for one in environment_changes(then, described)]
    assert "the plugin of mlp was other 1.0 and is textforge 0.1.0" in found  # each part moves on by one
    assert found[-1] == "the number of parts was 5 and is 4"
    del then["plugins"]["vectorizer"]["parts"]
    (only,) = environment_changes(then, described)
    assert str(only) == "the plugin of mlp was my-own 2.0 and is textforge 0.1.0"


def test_names_of_packages_are_compared_as_pip_does(described: dict[str, Any]) -> None:
    then = {"packages": {"SCIKIT_learn": described["packages"]["scikit-learn"]}}
    assert environment_changes(then, described) == []


def test_a_package_that_was_upgraded_shows(site: Path) -> None:
    info = distribution(site, "my-boosting", "4.1.0")
    before = describe_packages(packages_of(["my-boosting"]))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-boosting\nVersion: 4.2.0\n")
    installed.cache_clear()
    after = describe_packages(packages_of(["my-boosting"]))
    assert [str(one) for one in environment_changes(before, after)] == ["my-boosting was 4.1.0 and is 4.2.0"]


JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just([]) | st.just({}) | st.just({"a": 1})


@given(data=st.data())
def test_a_damaged_environment_is_refused_or_compared(data: st.DataObject, described: dict[str, Any]) -> None:
    damaged = copy.deepcopy(described)
    place: Any = damaged
    while isinstance(place, (dict, list)) and place:
        parent, key = place, data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        place = place[key]
        if data.draw(st.integers(0, 3)) == 0:
            break
    parent[key] = data.draw(JSON)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "environment.json")
        path.write_text(json.dumps(damaged))
        try:
            found = read_environment(path)
        except textforge.BundleError as error:
            assert str(error).startswith(f"{path}: ")
            return
    changes = environment_changes(found, described)
    assert all(str(change) for change in changes)
    assert advice(changes, found)
    assert requirements_text(found, "a run")
    if "sha256" in found["data"]:
        differing_data(found["data"], described["data"])


# -- locked runs -------------------------------------------------------------------------------


@pytest.fixture
def lock(finished_run: Path, described: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    """Write the environment of the finished run, with changes, to a file."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "environment.json"
        path.write_text(json.dumps({**described, **changes}))
        return path

    return write


def test_a_locked_run_trains_in_the_same_environment(finished_run: Path, tmp_path: Path) -> None:
    done = invoke("run", "--locked", finished_run, "--out", tmp_path / "again", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = (run / "model" / "model.safetensors" for run in (finished_run, tmp_path / "again"))
    assert first.read_bytes() == second.read_bytes()


def test_a_locked_run_refuses_another_environment_and_names_each_difference(
    finished_run: Path, tmp_path: Path, lock: Callable[..., Path], described: dict[str, Any]
) -> None:
    packages = {**described["packages"], "numpy": "1.26.0", "gone": "3.0"}
    given = lock(packages=packages, threads=64, platform="Plan 9")
    done = invoke("run", finished_run / "resolved.yaml", "--lock", given, "--out", tmp_path / "again")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: the environment differs from that of {given}: numpy was 1.26.0 and is {np.__version__}; gone was 3.0 "
        f"and is not installed; the number of threads was 64 and is {torch.get_num_threads()}. 'textforge replay RUN "
        "--write-requirements FILE' writes the versions as requirements for pip.\n"
    )
    assert not (tmp_path / "again").exists()


def test_other_threads_alone_are_refused_with_what_sets_them(finished_run: Path, lock: Callable[..., Path]) -> None:
    done = invoke("run", finished_run, "--lock", lock(threads=64))
    assert done.returncode == 2
    assert done.stderr.endswith("Set the number of threads by the environment variable OMP_NUM_THREADS=64.\n")


def test_the_name_of_the_processor_alone_is_no_reason_to_refuse(
    recipe_file: Path, tmp_path: Path, lock: Callable[..., Path]
) -> None:
    given = lock(platform="Plan 9", interop_threads=99)
    assert invoke("run", recipe_file, "--lock", given, "--out", tmp_path / "run", "-q").returncode == 0


def test_a_lock_must_be_there(recipe_file: Path, tmp_path: Path) -> None:
    done = invoke("run", "--locked", recipe_file)
    assert done.returncode == 2
    assert "has no environment.json. Give the folder of a run in place of the recipe, or name the run with --lock" in (
        done.stderr
    )
    done = invoke("run", recipe_file, "--lock", tmp_path / "none")
    assert done.returncode != 0
    assert f"{tmp_path / 'none'}: no such file." in done.stderr


# -- requirements ------------------------------------------------------------------------------


def test_the_packages_are_written_as_requirements(finished_run: Path, tmp_path: Path, described: dict) -> None:
    file = tmp_path / "requirements.txt"
    done = invoke("replay", finished_run, "--write-requirements", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"requirements: {file}\n", "")
    lines = file.read_text().splitlines()
    assert f"numpy=={described['packages']['numpy']}" in lines
    assert lines[0].startswith(f"# Packages of {finished_run}, made with Python {platform.python_version()}")
    assert len([line for line in lines if not line.startswith("#")]) == len(described["packages"])
    assert invoke("replay", finished_run, "--write-requirements", "-").stdout == file.read_text()


def test_requirements_name_places_and_hashes_where_they_are_known() -> None:
    environment: dict[str, Any] = {
        "python": "3.11.7",
        "packages": {"a": "1.0", "b": "2.0", "c": "3.0", "torch": "2.6.0+cpu"},
        "origins": {
            "a": {"archive": "aa"},
            "b": {"url": "git+https://x.org/b", "commit": "c0ffee"},
            "c": {"source_folder": "/projects/c"},
        },
    }
    assert requirements_text(environment, "runs/x").splitlines() == [
        "# Packages of runs/x, made with Python 3.11.7",
        "# pip finds torch 2.6.0+cpu with --extra-index-url https://download.pytorch.org/whl/cpu",
        "a==1.0",
        "b @ git+https://x.org/b@c0ffee",
        "c @ file:///projects/c",
        "torch==2.6.0+cpu",
    ]
    assert not are_hashed(environment)
    hashed: dict[str, Any] = {
        "packages": {"a": "1.0", "b": "2.0"},
        "origins": {"a": {"archive": "aa"}, "b": {"archive": "bb", "url": "https://x.org/b.whl"}},
    }
    assert are_hashed(hashed)
    assert requirements_text(hashed, "runs/x").splitlines()[1:] == [
        "a==1.0 --hash=sha256:aa",
        "b @ https://x.org/b.whl --hash=sha256:bb",
    ]
