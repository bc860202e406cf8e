import pytest

from ocrnet_mmdet.pretraining.schedules import cosine, longest_momentum, ramp


def test_cosine_has_the_closed_form_of_byol_s_momentum():
    values = [cosine(0.99, 1.0, 100, step) for step in (0, 25, 50, 75, 100)]
    half = 0.5**0.5
    expected = [0.99, 1 - 0.01 * (half + 1) / 2, 0.995, 1 - 0.01 * (1 - half) / 2, 1.0]
    assert values == pytest.approx(expected, abs=1e-12)


def test_cosine_stays_at_its_ends_outside_the_steps():
    assert cosine(3, 1, 10, -1) == 3
    assert cosine(3, 1, 10, 11) == 1


def test_cosine_only_falls_when_it_ends_lower():
    values = [cosine(1, 0, 17, step) for step in range(18)]
    assert all(a > b for a, b in zip(values, values[1:]))


@pytest.mark.parametrize('step, value', [(0, 0), (10, 0), (15, 0.25), (20, 0.5), (30, 1), (99, 1)])
def test_ramp_is_a_straight_line_between_its_ends(step, value):
    assert ramp(10, 30, step) == value


def test_a_ramp_without_length_is_a_switch():
    assert [ramp(5, 5, step) for step in (4, 5, 6)] == [0, 1, 1]


def test_a_ramp_from_the_first_step_on_without_length_is_on():
    assert ramp(0, 0, 0) == 1


def test_a_momentum_averages_over_its_share_of_the_steps():
    momentum = longest_momentum(0.05, 500)
    assert momentum == 0.96
    weights = [(1 - momentum) * momentum**age for age in range(500)]
    assert sum(age * w for age, w in enumerate(weights)) == pytest.approx(24, abs=0.1)  # mean age
    assert longest_momentum(0.05, 20000) == 0.999
    assert longest_momentum(0.05, 8) == 0  # no average over less than a step
