"""The order of words: that of a stable argsort, in another way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.streams import Replicate, generator, order_of, permutations, words


@given(
    high=st.lists(st.integers(0, 5), min_size=1, max_size=40),
    low=st.integers(0, 63),
    seed=st.integers(0, 2**32),
)
def test_words_are_ordered_as_a_stable_argsort_orders_them(high, low, seed):
    """Also equal words, and words that differ only in the bits that hold their places."""
    random = np.random.default_rng(seed)
    planted = [(place << 58) + int(random.integers(low + 1)) for place in high]
    rows = np.array([planted, random.permuted(planted)], np.uint64)
    np.testing.assert_array_equal(order_of(rows), np.argsort(rows, axis=1, kind="stable"))


def test_drawn_words_are_ordered_likewise():
    """Of a long row, where the fast way is taken; few words are no special case, two that differ in one bit neither."""
    replicate = Replicate(1, 0)
    drawn = [generator(replicate, "order", 2, counter).bit_generator.random_raw(70_000) for counter in (5, 6)]
    found = permutations(replicate, "order", 2, n=70_000, first=5, count=2)
    np.testing.assert_array_equal(found, [np.argsort(row, kind="stable") for row in drawn])
    np.testing.assert_array_equal(order_of(np.array([[1, 0], [0, 1], [0, 0]], np.uint64)), [[1, 0], [0, 1], [0, 1]])
    for n in (0, 1, 2):
        assert sorted(permutations(replicate, "order", 0, n=n, first=0, count=1)[0]) == list(range(n))


def test_one_generator_moves_to_where_another_one_would_begin():
    """Far counters too, whose blocks need more than 64 bits."""
    for first in (0, 2**24 - 1, 2**40):
        moved = list(words(Replicate(3, 7), "mask", 1, size=9, first=first, count=3))
        made = [generator(Replicate(3, 7), "mask", 1, first + i).bit_generator.random_raw(9) for i in range(3)]
        np.testing.assert_array_equal(moved, made)
