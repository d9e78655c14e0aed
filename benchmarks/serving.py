"""Compare the throughput and latency of `textforge serve` with a FastAPI app over a scikit-learn pipeline.

Both answer single-text requests of real posts from 64 connections, in turn, with the load generator on the same
machine. wrk or oha must be on PATH. With --requests N, send so many requests to `textforge serve` alone and show its
memory.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measuring import ROOT, TEXTFORGE, arguments, table

CONNECTIONS, PORT, TURNS, SECONDS = 64, 8765, 5, 8
CATEGORIES = ["comp.graphics", "sci.space", "rec.sport.baseball"]
FASTAPI = """
from fastapi import FastAPI
from pydantic import BaseModel
from sklearn.datasets import fetch_20newsgroups
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

data = fetch_20newsgroups(subset="train", categories=%r)
pipe = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(data.data, data.target)
app = FastAPI()


class Item(BaseModel):
    text: str


@app.post("/predict")
def predict(item: Item):
    probabilities = pipe.predict_proba([item.text])[0]
    return {
        "label": data.target_names[probabilities.argmax()],
        "probabilities": dict(zip(data.target_names, map(float, probabilities))),
    }
"""
"""The app as its users write it."""
WRK = """
local bodies, n = {}, 0
for line in io.lines("%s") do bodies[#bodies + 1] = line end
request = function()
  n = n %% #bodies + 1
  return wrk.format("POST", "/predict", {["Content-Type"] = "application/json"}, bodies[n])
end
"""


@dataclass
class Load:
    """What a load generator measured."""

    rate: float
    """Answers a second."""
    p50: float
    """Milliseconds."""
    p99: float
    """Milliseconds."""
    failed: int


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server and wait until it answers."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(300):
            time.sleep(0.2)
            if process.poll() is not None:
                sys.exit((folder / "server.log").read_text())
            try:
                ask()
            except OSError:
                continue
            break
        yield process
    finally:
        process.terminate()
        process.wait(20)


def ask() -> None:
    """Send one request."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}/predict", b'{"text": "the shuttle"}', {"content-type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=5).read()


def load(bodies: Path, seconds: float) -> Load:
    """Send requests for so many seconds, by wrk or oha."""
    url = f"http://127.0.0.1:{PORT}/predict"
    if shutil.which("wrk"):
        script = bodies.with_suffix(".lua")
        script.write_text(WRK % bodies)
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--timeout=30s", "--latency", "-s", str(script)]
        shown = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
        failed = sum(map(int, re.findall(r"(?:Non-2xx.*responses:|connect|read|write|timeout) (\d+)", shown)))
        (rate,) = re.findall(r"Requests/sec:\s+([\d.]+)", shown)
        return Load(float(rate), _ms(shown, "50%"), _ms(shown, "99%"), failed)
    if shutil.which("oha"):
        command = ["oha", "--no-tui", "--output-format", "json", "-c", str(CONNECTIONS), "-z", f"{seconds:g}s", "-m",
                   "POST", "-T", "application/json", "-Z", str(bodies)]  # fmt: skip
        found = json.loads(subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout)
        times, rest = found["latencyPercentiles"], found["summary"]
        failed = sum(found["errorDistribution"].values())
        return Load(rest["requestsPerSec"], times["p50"] * 1000, times["p99"] * 1000, failed)
    sys.exit("neither wrk nor oha is on PATH. Install one: apt-get install wrk, or cargo install oha")


def _ms(shown: str, percentile: str) -> float:
    (number, unit), *_ = re.findall(rf"{percentile}\s+([\d.]+)(us|ms|s)\b", shown)
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def prepared(folder: Path) -> dict[str, list[str]]:
    """Train the classifier, write the app and the bodies of requests; return the command of each server."""
    from sklearn.datasets import fetch_20newsgroups

    recipe = str(ROOT / "recipes" / "newsgroups-linear.yaml")
    subprocess.run([*TEXTFORGE, "run", recipe, "--out", str(folder / "run"), "-q"], check=True, capture_output=True)
    (folder / "app.py").write_text(FASTAPI % CATEGORIES)
    texts = fetch_20newsgroups(subset="test", categories=CATEGORIES).data
    (folder / "bodies").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    port = ["--port", str(PORT)]
    return {
        "FastAPI and scikit-learn": [sys.executable, "-m", "uvicorn", "app:app", *port],
        "`textforge serve`": [*TEXTFORGE, "serve", str(folder / "run"), *port],
    }


def cpu(process: subprocess.Popen[bytes]) -> float:
    """Seconds of processor time that a process has used. Linux only."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compared(folder: Path, turns: int, seconds: float) -> str:
    """Measure both servers in turn, and format a table."""
    commands = prepared(folder)
    loads: dict[str, list[Load]] = {name: [] for name in commands}
    costs: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            with running(command, folder) as process:
                load(folder / "bodies", 1)
                before = cpu(process)
                loads[name].append(load(folder / "bodies", seconds))
                costs[name].append((cpu(process) - before) / (loads[name][-1].rate * seconds) * 1e6)
    rows, medians = [], []
    for name, found in loads.items():
        rate, p50, p99, cost = (statistics.median(values) for values in (
            [one.rate for one in found], [one.p50 for one in found], [one.p99 for one in found], costs[name],
        ))  # fmt: skip
        medians.append(rate)
        failed = sum(one.failed for one in found)
        rows.append((name, f"{rate:,.0f}", f"{p50:.1f}", f"{p99:.1f}", f"{cost:.0f}", str(failed)))
    ratios = [ours.rate / theirs.rate for theirs, ours in zip(*loads.values(), strict=True)]
    heads = ("server", "requests/s", "p50 (ms)", "p99 (ms)", "processor time per request (µs)", "failed")
    spread = f"{min(ratios):.1f} to {max(ratios):.1f}"
    note = f"Medians of {turns} turns of {seconds:g} seconds; {CONNECTIONS} connections. Ratio of throughput: " \
           f"{statistics.median(ratios):.1f} ({spread})."  # fmt: skip
    return f"{table(heads, rows)}\n{note}"


def soak(folder: Path, requests: int) -> None:
    """Send many requests to `textforge serve`, and print its memory, open files and the rate on the way."""
    command = [*prepared(folder)["`textforge serve`"], "--access-log", str(folder / "access.log")]
    with running(command, folder) as process:
        done = 0.0
        while True:
            status = Path(f"/proc/{process.pid}/status").read_text()
            (rss,), (threads,) = re.findall(r"VmRSS:\s+(\d+)", status), re.findall(r"Threads:\s+(\d+)", status)
            files = len([*Path(f"/proc/{process.pid}/fd").iterdir()])
            print(f"{done:>10,.0f} requests  {int(rss) / 1024:.1f} MB  {threads} threads  {files} files", flush=True)
            if done >= requests:
                return
            found = load(folder / "bodies", 20)
            if found.failed:
                sys.exit(f"{found.failed} requests failed")
            done += found.rate * 20


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of a measurement")
    parser.add_argument("--requests", type=int, help="send so many requests, and show memory instead")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if given.requests:
            soak(Path(temporary), given.requests)
            return
        print(compared(Path(temporary), given.turns, given.seconds))


if __name__ == "__main__":
    main()
