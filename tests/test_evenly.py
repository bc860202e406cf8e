import pytest

from ocrnet_mmdet.evenly import best_median_worst, evenly


def test_the_best_the_median_and_the_worst_are_taken():
    assert best_median_worst('abcde', 1) == [('best', 'a'), ('median', 'c'), ('worst', 'e')]
    assert [item for _, item in best_median_worst('abcdefghi', 2)] == [*'abdehi']


@pytest.mark.parametrize('count', range(7))
def test_of_few_none_is_taken_twice(count):
    chosen = best_median_worst(range(count), 3)
    assert [item for _, item in chosen] == list(range(count))
    assert [name for name, _ in chosen[:1]] == ['best'] * min(count, 1)


def test_the_first_and_the_last_are_among_them():
    assert evenly(10, 3) == [0, 4, 9] and evenly(2, 3) == [0, 1] and evenly(0, 3) == []
