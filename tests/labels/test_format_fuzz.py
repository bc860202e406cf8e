"""A short run of tests/stress/fuzz_formats.py."""

from ..stress.fuzz_formats import run


def test_random_damage_is_a_line_or_changes_no_other_object(tmp_path):
    counts, faults = run(range(10**6, 10**6 + 150), str(tmp_path))
    assert not faults
    for outcome in ('refused', 'accepted', 'accepted, with a count'):
        assert sum(ours[outcome] for ours in counts.values()) > 10
