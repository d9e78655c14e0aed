"""`textforge predict`."""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm_processes
from conftest import make_texts, only_json, small_recipe, textforge, write_csv
from in_process import invoke

import textforge as library
from textforge.classifiers.streams.line_reader import CHUNK

TEXTS = ["the rocket reached orbit", "the pitcher and the catcher", "", "pixel shader texture"]


@pytest.fixture(scope="module")
def expected(finished_run: Path) -> list[str]:
    """What the TEXTS are."""
    return library.load(finished_run).predict(TEXTS)


def labels_of(stdout: str) -> list[str]:
    return [line.split("\t")[0] for line in stdout.splitlines()]


# -- where texts come from ---------------------------------------------------------------------


def test_texts_as_arguments_give_a_line_each(finished_run: Path, expected: list[str]) -> None:
    done = invoke("predict", finished_run, *TEXTS)
    assert (done.returncode, done.stderr) == (0, "")
    assert labels_of(done.stdout) == expected
    for line in done.stdout.splitlines():
        label, probability = line.split("\t")
        assert label in ("ball", "paint", "space")
        assert 1 / 3 - 1e-4 <= float(probability) <= 1


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_standard_input_has_a_text_a_line(finished_run: Path, expected: list[str], end: str) -> None:
    done = invoke("predict", finished_run, stdin=end.join(TEXTS) + end)
    assert labels_of(done.stdout) == expected


def test_a_bundle_predicts_as_its_run(finished_run: Path, expected: list[str]) -> None:
    assert labels_of(invoke("predict", finished_run / "model", *TEXTS).stdout) == expected


def test_input_is_a_text_file(finished_run: Path, tmp_path: Path, expected: list[str]) -> None:
    (tmp_path / "t.txt").write_bytes(b"\xef\xbb\xbf" + "\n".join(TEXTS).encode() + b"\n")
    assert labels_of(invoke("predict", finished_run, "--input", tmp_path / "t.txt").stdout) == expected


def test_input_is_a_file_of_json_lines(finished_run: Path, tmp_path: Path, expected: list[str]) -> None:
    lines = [json.dumps(TEXTS[0]), *(json.dumps({"text": text, "id": 1}) for text in TEXTS[1:])]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    assert labels_of(invoke("predict", finished_run, "-i", tmp_path / "t.jsonl").stdout) == expected


def test_nothing_in_nothing_out(finished_run: Path) -> None:
    done = invoke("predict", finished_run, stdin="")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert only_json(invoke("predict", finished_run, "--json", stdin="").stdout)["predictions"] == []


def test_an_empty_line_is_an_empty_text_and_keeps_its_place(finished_run: Path) -> None:
    done = invoke("predict", finished_run, stdin="\n\nrocket\n")
    assert len(labels_of(done.stdout)) == 3


# -- where predictions go ----------------------------------------------------------------------


def test_json_is_one_object_in_the_order_of_the_texts(finished_run: Path, expected: list[str]) -> None:
    found = only_json(invoke("predict", finished_run, "--json", *TEXTS).stdout)
    assert found["labels"] == ["ball", "paint", "space"]
    assert [one["label"] for one in found["predictions"]] == expected
    for one in found["predictions"]:
        assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_jsonl_is_an_object_a_line(finished_run: Path, expected: list[str]) -> None:
    done = invoke("predict", finished_run, "--format", "jsonl", *TEXTS)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["label"] for row in rows] == expected
    assert rows == only_json(invoke("predict", finished_run, "--json", *TEXTS).stdout)["predictions"]


@pytest.mark.parametrize("options", [[], ["--json"], ["--format", "jsonl"]])
def test_output_has_what_stdout_would_have(finished_run: Path, tmp_path: Path, options: list[str]) -> None:
    done = invoke("predict", finished_run, *options, "--output", tmp_path / "out", *TEXTS)
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "out").read_text() == invoke("predict", finished_run, *options, *TEXTS).stdout


def test_output_replaces_only_when_all_is_well(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("before")
    done = invoke("predict", finished_run, "-o", tmp_path / "out", "--force", stdin=b"rocket\n" * CHUNK + b"\xff\n")
    assert done.returncode == 2
    assert f"standard input: line {CHUNK + 1} is not UTF-8" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "before"


def test_output_that_cannot_be_written_is_reported(finished_run: Path, tmp_path: Path) -> None:
    done = invoke("predict", finished_run, "-o", tmp_path / "away" / "out", "rocket")
    assert done.returncode == 1
    assert "away/out: cannot be written: No such file or directory" in done.stderr


# -- abstaining --------------------------------------------------------------------------------


def test_below_a_probability_there_is_no_label(finished_run: Path) -> None:
    every = only_json(invoke("predict", finished_run, "--json", *TEXTS).stdout)["predictions"]
    top = sorted(max(one["probabilities"].values()) for one in every)
    between = (top[1] + top[2]) / 2
    done = invoke("predict", finished_run, "--abstain", f"{between:.6f}", "--json", *TEXTS)
    some = only_json(done.stdout)["predictions"]
    assert [one["probabilities"] for one in some] == [one["probabilities"] for one in every]
    for one, plain in zip(some, every, strict=True):
        sure = max(one["probabilities"].values()) >= between
        assert one["label"] == (plain["label"] if sure else None)
    lines = invoke("predict", finished_run, "--abstain", f"{between:.6f}", *TEXTS).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == [one["label"] or "" for one in some]
    assert all(line.split("\t")[1] == f"{max(one['probabilities'].values()):.4f}"
               for line, one in zip(lines, some, strict=True))  # fmt: skip


@pytest.mark.parametrize(("below", "answered"), [("0", True), ("1", False)])
def test_at_the_ends_there_is_always_or_never_a_label(finished_run: Path, below: str, answered: bool) -> None:
    found = only_json(invoke("predict", finished_run, "--abstain", below, "--json", *TEXTS).stdout)["predictions"]
    assert {one["label"] is not None for one in found} == {answered}


@pytest.mark.parametrize("below", ["-0.1", "1.5", "half", "nan", "inf", ""])
def test_a_probability_that_is_none_is_reported(finished_run: Path, below: str) -> None:
    done = invoke("predict", finished_run, "--abstain", below, "text")
    assert (done.returncode, done.stdout) == (2, "")
    assert "abstain" in done.stderr


# -- mistakes ----------------------------------------------------------------------------------


def test_broken_utf8_is_reported_with_its_line(finished_run: Path) -> None:
    done = invoke("predict", finished_run, stdin=b"fine\nalso fine\n\xe4\n")
    assert done.returncode == 2
    assert done.stderr.startswith("error: standard input: line 3 is not UTF-8")


def test_a_json_line_that_is_none_is_reported(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('"fine"\nnot fine\n')
    done = invoke("predict", finished_run, "-i", tmp_path / "t.jsonl")
    assert done.returncode == 2
    assert f"{tmp_path / 't.jsonl'}: line 2 is not JSON" in done.stderr


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (lambda run: shutil.rmtree(run), "no such run or bundle"),
        (lambda run: (run / "result.json").unlink(), "an unfinished run"),
        (lambda run: (run / "model" / "model.safetensors").unlink(), "the file 'model.safetensors' is missing"),
        (lambda run: (run / "model" / "bundle.json").write_text("{}"), "damaged"),
        (lambda run: shutil.rmtree(run / "model"), "cannot be read"),
    ],
)
def test_a_run_that_cannot_be_used_is_reported(finished_run: Path, tmp_path: Path, prepare: object, told: str) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    prepare(run)
    done = invoke("predict", run, "text")
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_texts_and_a_file_are_not_both(finished_run: Path, tmp_path: Path) -> None:
    done = invoke("predict", finished_run, "text", "--input", tmp_path / "t.txt")
    assert done.returncode == 2
    assert "not both" in done.stderr


def test_a_file_that_is_not_there_is_reported(finished_run: Path, tmp_path: Path) -> None:
    done = invoke("predict", finished_run, "--input", tmp_path / "away.txt")
    assert done.returncode == 2
    assert "away.txt: cannot be read: No such file or directory" in done.stderr


# -- real pipes --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_noise(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("\n".join(make_texts(20_000)[0]))
    program = shlex.join([*warm_processes.command(), "predict", str(finished_run)])
    command = f"{program} < {shlex.quote(str(tmp_path / 'many.txt'))} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_predictions_come_while_texts_still_come(finished_run: Path) -> None:
    """It does not wait for the end of its input: the first chunk's answers are there before."""
    command = [*warm_processes.command(), "predict", str(finished_run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"rocket\n" * CHUNK)
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], 60)
        assert ready, "nothing came while standard input was open"
        first = os.read(process.stdout.fileno(), 1 << 16)
        process.stdin.close()
        assert (first + process.stdout.read()).count(b"\n") == CHUNK


@pytest.mark.slow
def test_a_line_is_answered_while_the_next_is_typed(finished_run: Path, expected: list[str]) -> None:
    command = [*warm_processes.command(), "predict", str(finished_run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        for text, label in zip(TEXTS, expected, strict=True):
            process.stdin.write(f"{text}\n".encode())
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], 60)
            assert ready, f"no answer to {text!r}"
            assert process.stdout.readline().decode().split("\t")[0] == label
        process.stdin.close()
        assert (process.stdout.read(), process.stderr.read(), process.wait(60)) == (b"", b"", 0)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["interrupt", "reader gone"])
def test_it_ends_though_its_input_says_nothing(finished_run: Path, end: str) -> None:
    command = [*warm_processes.command(), "predict", str(finished_run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(b"rocket\n")
        process.stdin.flush()
        assert process.stdout.readline()
        if end == "interrupt":
            process.send_signal(2)
        else:
            process.stdout.close()
            process.stdin.write(b"rocket\n")
            process.stdin.flush()
        assert process.wait(60) == (130 if end == "interrupt" else 1)
        assert process.stderr.read().strip() == (b"error: interrupted." if end == "interrupt" else b"")


@pytest.mark.slow
def test_memory_does_not_grow_with_a_reader_that_waits(finished_run: Path) -> None:
    """Back-pressure: what nobody reads stops the reading of what anybody writes."""
    command = [*warm_processes.command(), "predict", str(finished_run), "--format", "jsonl"]
    with (
        subprocess.Popen(["yes", "the rocket reached orbit"], stdout=subprocess.PIPE) as source,
        subprocess.Popen(command, stdin=source.stdout, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout
        assert source.stdout
        source.stdout.close()
        position = Path(f"/proc/{source.pid}/io")
        if not position.is_file():
            pytest.skip("only Linux tells how much a process has written")
        assert process.stdout.readline()
        before, same = -1, 0
        while same < 5:  # until it has written nothing more for half a second
            written = int(re.search(r"wchar: (\d+)", position.read_text())[1])
            same = same + 1 if written == before else 0
            before = written
            time.sleep(0.1)
        assert before < 8 << 20
        process.kill()
        source.kill()


def test_progress_counts_texts_now_and_then(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textforge.cli.progress.EVERY", 0.0)
    (tmp_path / "t.txt").write_text("rocket\n" * (CHUNK + 3))
    done = invoke("predict", finished_run, "-i", tmp_path / "t.txt")
    assert re.fullmatch(
        rf"predicted {CHUNK:,} texts, [\d,]+ per second\npredicted {CHUNK + 3:,} texts, [\d,]+ per second\n",
        done.stderr,
    )
    quiet = invoke("predict", finished_run, "--quiet", "-i", tmp_path / "t.txt")
    assert (quiet.stdout, quiet.stderr) == (done.stdout, "")


@pytest.mark.slow
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_an_interrupt_while_a_library_is_imported_is_reported_without_noise(
    finished_run: Path, tmp_path: Path, library: str
) -> None:
    arguments = ["predict", finished_run, "text"]
    if library == "torch":
        arguments = ["run", finished_run / "resolved.yaml", "--out", tmp_path / "run"]
    command = [sys.executable, "-X", "importtime", "-m", "textforge", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if line.split("|")[-1].strip().startswith(f"{library}."):
                process.send_signal(2)
                break
        rest = process.stderr.read()
        assert process.wait(60) == 130
    assert "Traceback" not in rest
    assert "error: interrupted." in rest


def test_predict_refuses_an_unfinished_run_before_torch_is_loaded(finished_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    (run / "result.json").unlink()
    began = time.perf_counter()
    done = textforge("predict", run, "text", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.returncode == 2
    assert "unfinished" in done.stderr
    assert " torch\n" not in done.stderr, f"torch was imported ({time.perf_counter() - began:.1f} s)"


# -- streams of all sorts ------------------------------------------------------------------------


def test_a_dash_is_standard_input_and_output(finished_run: Path, expected: list[str], tmp_path: Path) -> None:
    plain = invoke("predict", finished_run, stdin="\n".join(TEXTS))
    dashed = invoke("predict", finished_run, "-i", "-", "-o", "-", stdin="\n".join(TEXTS))
    assert dashed.stdout == plain.stdout
    assert not (tmp_path / "-").exists()


def test_a_text_after_two_dashes_may_look_like_an_option(finished_run: Path) -> None:
    found = only_json(invoke("predict", finished_run, "--json", "--", "--debug", "rocket").stdout)
    assert len(found["predictions"]) == 2


@pytest.fixture(scope="module")
def unicode_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose labels are not ASCII, and hold a tab and a line end."""
    folder = tmp_path_factory.mktemp("unicode")
    texts, labels = make_texts(120)
    names = {"space": "größe 😀", "ball": "a\tb", "paint": "x\ny"}
    data = write_csv(folder / "small.csv", texts, [names[label] for label in labels])
    return library.run(small_recipe(data), out=folder / "run").path


@pytest.mark.slow
@pytest.mark.parametrize(
    "env", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_pipes_get_utf8_whatever_the_locale(unicode_run: Path, env: dict[str, str]) -> None:
    done = textforge("predict", unicode_run, "moon orbit nasa rocket", "--json", env=env)
    assert done.returncode == 0, done.stderr
    assert only_json(done.stdout)["labels"] == ["a\tb", "größe 😀", "x\ny"]


def test_a_label_never_breaks_a_line_or_a_table(unicode_run: Path) -> None:
    texts = make_texts(40, seed=5)[0]
    plain = library.load(unicode_run).predict(texts)
    assert set(plain) == {"größe 😀", "a\tb", "x\ny"}
    shown = labels_of(invoke("predict", unicode_run, stdin="\n".join(texts)).stdout)
    assert shown == [label.replace("\t", "\\t").replace("\n", "\\n") for label in plain]
    table = invoke("evaluate", unicode_run).stdout
    assert re.search(r"^a\\tb +\d\.\d{3}", table, re.MULTILINE)
    assert re.search(r"^\[3\] x\\ny +\d", table, re.MULTILINE)


@pytest.mark.slow
def test_streams_that_are_closed_are_no_fault_of_textforge(finished_run: Path) -> None:
    base = f"{warm_processes.in_shell()} predict {finished_run}"
    for command, code in ((f"{base} moon >&-", 0), (f"{base} <&-", 0), (f"{base} moon 2>&-", 0)):
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (code, ""), command


def test_a_path_that_is_too_long_is_reported(finished_run: Path) -> None:
    done = invoke("predict", "x" * 5000, "moon")
    assert done.returncode == 2
    assert "File name too long" in done.stderr or "no such run or bundle" in done.stderr
    assert "internal error" not in done.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("t.feather", "predict does not read an Arrow file by its name. Save it as .csv"),
        ("t.psv.gz", "does not read a PSV file by its name"),
        ("t.txt.gz", "is compressed. Decompress it first: gunzip --keep "),
        ("t 1.jsonl.zst", "is compressed. Decompress it first: zstd -d '"),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_a_file_that_holds_no_lines_of_text_is_refused_by_its_name(
    finished_run: Path, tmp_path: Path, name: str, told: str, there: bool
) -> None:
    if there:
        (tmp_path / name).write_text("text\tlabel\nmoon\tspace\n")
    done = invoke("predict", finished_run, "-i", tmp_path / name, "--on-error", "mark")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{name}: " in done.stderr
    assert told in done.stderr


# -- lines that cannot be read -------------------------------------------------------------------


BROKEN = b"rocket\n\xff\xfe\n\nmoon \xe4\nbat\n"


def test_it_stops_at_a_broken_line_and_says_how_to_go_on(finished_run: Path) -> None:
    done = invoke("predict", finished_run, stdin=BROKEN)
    assert (done.returncode, done.stdout.count("\n")) == (2, 1)
    assert done.stderr == (
        "error: standard input: line 2 is not UTF-8: invalid start byte. Correct the line, or continue past "
        "such lines with --on-error mark.\n"
    )


def test_marked_lines_keep_their_place_in_every_format(finished_run: Path, tmp_path: Path) -> None:
    mark = ("--on-error", "mark")
    plain = invoke("predict", finished_run, stdin=b"rocket\n\nbat\n").stdout.splitlines()
    done = invoke("predict", finished_run, *mark, stdin=BROKEN)
    reasons = ["line 2 is not UTF-8: invalid start byte.", "line 4 is not UTF-8: unexpected end of data."]
    assert done.returncode == 0
    assert done.stdout.splitlines() == [plain[0], f"\t\t{reasons[0]}", plain[1], f"\t\t{reasons[1]}", plain[2]]
    assert done.stderr == "warning: 2 of 5 lines could not be read; each has an error in its place.\n"
    lines = invoke("predict", finished_run, *mark, "--format", "jsonl", stdin=BROKEN).stdout.splitlines()
    assert [json.loads(lines[n]) for n in (1, 3)] == [{"error": reason} for reason in reasons]
    whole = invoke("predict", finished_run, *mark, "--json", stdin=BROKEN)
    assert only_json(whole.stdout)["predictions"] == list(map(json.loads, lines))
    assert whole.stderr == done.stderr


def test_lines_of_json_that_cannot_be_read_are_marked_and_blank_ones_skipped(
    finished_run: Path, tmp_path: Path, expected: list[str]
) -> None:
    wrong = ["{", '{"text": 1}', '{"text": "a", "text": "b"}', '{"text": "a", "n": ' + "7" * 5000 + "}", "[" * 9999]
    for suffix in ("jsonl", "NDJSON", "json"):
        path = tmp_path / f"t.{suffix}"
        path.write_text("\n\n".join([json.dumps(TEXTS[0]), *wrong, json.dumps(TEXTS[1])]) + "\n \n")
        done = invoke("predict", finished_run, "-i", path, "--on-error", "mark")
        assert done.returncode == 0
        labels = labels_of(done.stdout)
        assert labels == [expected[0], *[""] * len(wrong), expected[1]]
        assert [line.split("\t")[2].split(" ")[1] for line in done.stdout.splitlines()[1:-1]] == [*"3579", "11"]
        assert f"{len(wrong)} of {len(wrong) + 2} lines" in done.stderr


@pytest.mark.parametrize("texts", [b"\xff\n", b"\xff\n" * (CHUNK + 1), b"moon\n" * CHUNK + b"\xff\n" * CHUNK])
def test_whole_chunks_may_be_unreadable(finished_run: Path, texts: bytes) -> None:
    done = invoke("predict", finished_run, "--on-error", "mark", stdin=texts)
    assert done.returncode == 0
    found = [bool(label) for label in labels_of(done.stdout)]
    assert found == [line == b"moon" for line in texts.splitlines()]


# -- files that are there ------------------------------------------------------------------------


def test_nothing_is_overwritten_without_force(finished_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("mine")
    (tmp_path / "link").symlink_to(out)
    for name in ("out", "link"):
        done = invoke("predict", finished_run, "moon", "-o", tmp_path / name)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{name}: exists already. Name another file, or overwrite it with --force." in done.stderr
        assert out.read_text() == "mine"
    assert invoke("predict", finished_run, "moon", "-o", out, "--force").returncode == 0
    assert out.read_text() != "mine"
    done = invoke("predict", finished_run, "moon", "-o", tmp_path)
    assert done.returncode == 2
    assert "is a folder. Name a file." in done.stderr
    assert invoke("predict", finished_run, "moon", "-o", "/dev/null").returncode == 0


@pytest.mark.parametrize("how", ["itself", "link", "hard link", "other path"])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_its_own_input_is_never_written_to(finished_run: Path, tmp_path: Path, how: str, force: list[str]) -> None:
    source = tmp_path / "t.txt"
    source.write_text("moon\nbat\n")
    output = tmp_path / "other"
    if how == "link":
        output.symlink_to(source)
    elif how == "hard link":
        os.link(source, output)
    else:
        output = source if how == "itself" else tmp_path / ".." / tmp_path.name / "t.txt"
    done = invoke("predict", finished_run, "-i", source, "-o", output, *force)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{output}: is the input file." in done.stderr
    assert source.read_text() == "moon\nbat\n"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["< {0} -o {0} --force", "-i {0} >> {0}", "< {0} >> {0}"])
def test_nor_is_what_the_shell_opened(finished_run: Path, tmp_path: Path, command: str) -> None:
    source = tmp_path / "t.txt"
    source.write_text("moon\nbat\n")
    program = shlex.join([*warm_processes.command(), "predict", str(finished_run)])
    done = subprocess.run(
        ["bash", "-c", f"{program} {command.format(source)}"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert "is the input file. Write to another file." in done.stderr
    assert source.read_text() == "moon\nbat\n"


@pytest.mark.slow
def test_an_open_file_by_its_name_keeps_what_is_in_it(finished_run: Path, tmp_path: Path) -> None:
    command = f"( echo first; {warm_processes.in_shell()} predict {finished_run} moon -o /dev/stdout; echo last )"
    for tail in (f"> {tmp_path / 'log'}; cat {tmp_path / 'log'}", "| cat"):
        done = subprocess.run(["bash", "-c", f"{command} {tail}"], capture_output=True, text=True, timeout=120)
        first, predicted, last = done.stdout.splitlines()
        assert (first, predicted.count("\t"), last) == ("first", 1, "last")
        assert (done.returncode, done.stderr) == (0, "")
