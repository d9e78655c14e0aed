"""The hash table of arrays against a dict."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from textforge_standard.vectorizers import interning
from textforge_standard.vectorizers.interning import GOLDEN, UNKNOWN, Interner

KEYS = st.lists(st.integers(1, 40) | st.integers(1, 2**64 - 1), max_size=60)


def keys(values):
    return np.array(values, dtype=np.uint64)


@settings(max_examples=200)
@given(batches=st.lists(KEYS, max_size=6), others=KEYS, block=st.integers(1, 70))
def test_each_key_has_one_number_and_keeps_it(batches, others, block):
    numbers: dict[int, int] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interning, "BLOCK", block)
        interner = Interner()
        for batch in batches:
            for key, number in zip(batch, interner.add(keys(batch)).tolist(), strict=True):
                assert numbers.setdefault(key, number) == number
            assert interner.find(keys(batch)).tolist() == [numbers[key] for key in batch]
        assert interner.find(keys(others)).tolist() == [numbers.get(key, UNKNOWN) for key in others]
    assert sorted(numbers.values()) == list(range(len(interner)))
    assert {key: number for number, key in enumerate(interner.keys().tolist())} == numbers


def test_keys_that_want_the_same_slot_are_kept_apart():
    inverse = pow(int(GOLDEN), -1, 2**64)
    same_slot = [number * inverse % 2**64 for number in range(1, 1001)]  # their products are small: all of slot 0
    interner = Interner()
    numbers = interner.add(keys(same_slot))
    assert sorted(numbers.tolist()) == list(range(1000))
    assert interner.find(keys(same_slot[::-1])).tolist() == numbers[::-1].tolist()
    assert interner.find(keys(same_slot[:5])).tolist() == numbers[:5].tolist()
    assert interner.find(keys([1001 * inverse % 2**64])).tolist() == [UNKNOWN]


def test_many_keys_make_it_grow():
    values = np.random.default_rng(0).integers(1, 2**63, 300_000).astype(np.uint64)
    interner = Interner()
    numbers = np.concatenate([interner.add(part) for part in np.array_split(values, 7)])
    assert len(interner) == len(np.unique(values))
    assert np.array_equal(interner.keys()[numbers], values)
    assert np.array_equal(interner.find(values), numbers)


def test_the_numbers_are_the_same_every_time():
    values = np.random.default_rng(1).integers(1, 5_000, 100_000).astype(np.uint64)
    assert np.array_equal(Interner().add(values), Interner().add(values))


def test_threads_may_look_up_together():
    values = np.random.default_rng(2).integers(1, 50_000, 200_000).astype(np.uint64)
    interner = Interner()
    expected = interner.add(values)
    found = [np.zeros(0)] * 4
    threads = [
        threading.Thread(target=lambda n=n: found.__setitem__(n, interner.find(values))) for n in range(len(found))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one, expected) for one in found)
