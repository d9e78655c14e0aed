"""One pass over an iterator for several consumers."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

WAITING = 2
"""Length of the queue of each consumer; a full one makes the others wait."""
_END = object()


def broadcast(items: Iterable[Any], consumers: Sequence[Callable[[Iterator[Any]], Any]]) -> None:
    """Pass all items to each consumer, in its own thread, while reading them once.

    Only a few items are in memory at a time: the slowest consumer sets the pace.

    Raises:
        BaseException: re-raised from the iterator, or from the first consumer that failed.
    """
    if len(consumers) == 1:
        consumers[0](iter(items))
        return
    queues: list[queue.Queue[Any]] = [queue.Queue(WAITING) for _ in consumers]
    failures: list[BaseException] = []

    def consume(consumer: Callable[[Iterator[Any]], Any], waiting: queue.Queue[Any]) -> None:
        taken = iter(waiting.get, _END)
        try:
            consumer(taken)
        except BaseException as error:  # raised again in the caller's thread
            failures.append(error)
        for _ in taken:  # a consumer that stops early must not block the others
            pass

    threads = [
        threading.Thread(target=consume, args=pair, daemon=True, name="textforge-broadcast")
        for pair in zip(consumers, queues, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        for item in items:
            for waiting in queues:
                waiting.put(item)
            if failures:
                break
    finally:
        for waiting in queues:
            waiting.put(_END)
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
