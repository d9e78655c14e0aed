"""The worker thread and its queue."""

from __future__ import annotations

import asyncio
import threading

import pytest

from textforge.serving.batching import Batcher, Overloaded, TooSlow


class Recorder:
    """Doubles texts, notes each batch, and computes only when it may."""

    def __init__(self) -> None:
        self.batches: list[tuple[object, list[str]]] = []
        self.may = threading.Event()
        self.may.set()

    def __call__(self, key: object, texts: list[str]) -> list[str]:
        assert self.may.wait(10)
        self.batches.append((key, texts))
        return [text * 2 for text in texts]


def batcher(recorder: Recorder, **options: object) -> Batcher:
    return Batcher(recorder, **{"max_batch": 4, "queue_size": 100, "timeout": 10.0, **options})


async def eventually(true) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


def test_what_arrives_together_is_computed_together_and_in_order():
    recorder = Recorder()

    async def main():
        own = batcher(recorder)
        found = await asyncio.gather(*[own.submit("k", [str(n)]) for n in range(10)])
        assert found == [[str(n) * 2] for n in range(10)]
        own.close()

    asyncio.run(main())
    assert [texts for _, texts in recorder.batches] == [["0", "1", "2", "3"], ["4", "5", "6", "7"], ["8", "9"]]


def test_works_with_different_keys_are_computed_apart():
    recorder = Recorder()

    async def main():
        own = batcher(recorder)
        await asyncio.gather(*[own.submit(n % 2, [str(n)]) for n in range(4)])
        own.close()

    asyncio.run(main())
    assert recorder.batches == [(0, ["0", "2"]), (1, ["1", "3"])]


def test_too_many_texts_are_refused_at_once_and_later_ones_taken_again():
    recorder = Recorder()

    async def main():
        own = batcher(recorder, queue_size=3)
        recorder.may.clear()
        running = asyncio.create_task(own.submit("k", ["a"]))
        await eventually(lambda: own._running)
        waiting = [asyncio.create_task(own.submit("k", ["b"])) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await own.submit("k", ["c"])
        waiting[0].cancel()  # a client that goes frees its place
        await asyncio.wait([waiting[0]])
        assert own.texts_waiting == 2
        last = asyncio.create_task(own.submit("k", ["d"]))
        await asyncio.sleep(0)
        recorder.may.set()
        assert await last == ["dd"]
        await asyncio.gather(running, *waiting[1:])
        assert own.texts_waiting == 0
        own.close()

    asyncio.run(main())


def test_what_takes_too_long_is_given_up_and_the_batcher_is_stuck_until_it_ends(monkeypatch):
    monkeypatch.setattr("textforge.serving.batching.LOOK", 0.01)
    recorder = Recorder()

    async def main():
        own = batcher(recorder, timeout=0.05)
        recorder.may.clear()
        with pytest.raises(TooSlow):
            await own.submit("k", ["a"])
        assert own.stuck
        recorder.may.set()
        await eventually(lambda: not own.stuck)
        assert await own.submit("k", ["b"]) == ["bb"]
        own.close()

    asyncio.run(main())


def test_the_work_of_a_client_that_has_gone_is_dropped(monkeypatch):
    monkeypatch.setattr("textforge.serving.batching.LOOK", 0.01)
    recorder = Recorder()

    async def main():
        own, gone = batcher(recorder), asyncio.Event()
        recorder.may.clear()
        running = asyncio.create_task(own.submit("k", ["a"]))
        await eventually(lambda: own._running)
        dropped = asyncio.create_task(own.submit("k", ["b"], gone.wait))
        await eventually(lambda: own.texts_waiting == 1)
        gone.set()
        with pytest.raises(asyncio.CancelledError):
            await dropped
        assert own.texts_waiting == 0
        recorder.may.set()
        await running
        own.close()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert recorder.batches == [("k", ["a"])]


def test_an_idle_batcher_starts_at_once_and_a_busy_one_waits_for_more():
    recorder = Recorder()

    async def main():
        own = batcher(recorder, max_wait=30.0)
        assert await asyncio.wait_for(own.submit("k", ["a"]), 5) == ["aa"]
        recorder.may.clear()
        first = asyncio.create_task(own.submit("k", ["b"]))
        await eventually(lambda: own._running)
        second = asyncio.create_task(own.submit("k", ["c"]))
        await asyncio.sleep(0)
        recorder.may.set()
        await first
        await asyncio.sleep(0.05)
        assert not second.done()  # waits for a fuller batch
        rest = [asyncio.create_task(own.submit("k", ["d"])) for _ in range(3)]
        await asyncio.wait_for(asyncio.gather(second, *rest), 5)
        own.close()

    asyncio.run(main())
    assert [len(texts) for _, texts in recorder.batches] == [1, 1, 4]


def test_an_error_of_one_text_does_not_fail_the_others():
    def compute(key, texts):
        if "bad" in texts:
            raise ValueError("bad")
        return texts

    async def main():
        own = batcher(compute)
        found = await asyncio.gather(*[own.submit("k", [text]) for text in ("a", "bad", "b")], return_exceptions=True)
        own.close()
        return found

    first, error, last = asyncio.run(main())
    assert (first, last) == (["a"], ["b"])
    assert isinstance(error, ValueError)
