"""A short run of tests/stress/fuzz_labels.py: what is accepted scores its own objects as AP 1."""

from ..stress.fuzz_labels import FINE, run


def test_damaged_labels_are_one_line_or_score_one(tmp_path):
    counts, faults = run(range(10**6, 10**6 + 150), str(tmp_path))
    assert not faults
    assert all(counts['COCO'][outcome] > 10 for outcome in FINE[:2])
