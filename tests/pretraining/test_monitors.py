import math

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import bbox_overlaps
from scipy.stats import spearmanr

from ocrnet_mmdet.pretraining.monitors import (
    CollapseMonitor,
    PlateauAlarm,
    alignment,
    constant_bce,
    effective_rank,
    proposal_recall,
    rank_share,
    retrieval,
    same_image_share,
    spread,
    uniformity,
    variance_calibration,
)


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def unit(vectors: torch.Tensor) -> np.ndarray:
    vectors = vectors.double().numpy()
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


# the vectors


def test_isotropic_vectors_measure_as_healthy():
    vectors = randn(2000, 32)
    assert spread(vectors) == pytest.approx(1, abs=0.02)
    assert rank_share(vectors) > 0.97
    assert uniformity(vectors) == pytest.approx(-4, abs=0.3)


def test_equal_vectors_have_none_of_it():
    vectors = randn(1, 32).expand(50, 32)
    assert spread(vectors) == pytest.approx(0, abs=1e-5)
    assert effective_rank(vectors) == pytest.approx(1, abs=1e-3)
    assert rank_share(vectors) == pytest.approx(0, abs=1e-4)
    assert uniformity(vectors) == pytest.approx(0, abs=1e-5)


def test_nearly_equal_vectors_of_full_rank_are_collapsed():
    vectors = randn(1, 32) + 1e-3 * randn(50, 33)[:, 1:]
    assert spread(vectors) < 0.01 and rank_share(vectors) < 0.02


def test_vectors_in_k_of_d_dimensions_have_rank_k():
    flat = torch.zeros(4000, 16)
    flat[:, :4] = torch.linalg.qr(randn(4000, 4))[0]
    assert effective_rank(flat) == pytest.approx(4, rel=1e-4)
    assert spread(flat) == pytest.approx(0.5, abs=0.01)  # sqrt(4 / 16)


def test_the_measures_are_their_formulas_on_a_loop():
    vectors, other = randn(9, 5) + 0.5, randn(10, 5)[1:]
    z, other_z = unit(vectors), unit(other)
    values = np.linalg.svd(vectors.double().numpy(), compute_uv=False)
    shares = values / values.sum()
    pairs = [np.exp(-2 * np.sum((z[i] - z[j]) ** 2)) for i in range(9) for j in range(i)]
    assert spread(vectors).item() == pytest.approx(z.std(axis=0, ddof=1).mean() * 5**0.5, rel=1e-5)
    assert effective_rank(vectors).item() == pytest.approx(
        math.exp(-sum(p * math.log(p) for p in shares)), rel=1e-5
    )
    assert alignment(vectors, other).item() == pytest.approx(
        np.mean(np.sum((z - other_z) ** 2, axis=1)), rel=1e-5
    )
    assert uniformity(vectors).item() == pytest.approx(math.log(np.mean(pairs)), rel=1e-5)


def test_length_and_order_of_the_vectors_do_not_matter():
    vectors = randn(40, 8)
    changed = (vectors * torch.rand(40, 1).add(0.1))[torch.randperm(40)]
    for measure in (spread, uniformity):
        torch.testing.assert_close(measure(changed), measure(vectors))
    torch.testing.assert_close(effective_rank(-3 * vectors.flip(0)), effective_rank(vectors))


def test_the_rank_share_of_few_isotropic_vectors_is_near_one():
    """The same vectors as a share of D would be below the alarm."""
    vectors = randn(16, 256)
    assert rank_share(vectors) > 0.9 and effective_rank(vectors) / 256 < 0.1


def test_the_rank_share_of_ten_equal_vectors_is_below_the_alarm():
    assert rank_share(torch.ones(10, 256)) < 0.01


def test_alignment_of_same_unrelated_and_opposite_vectors():
    a = randn(500, 64)
    assert alignment(a, 5 * a) == pytest.approx(0, abs=1e-6)
    assert alignment(a, a.roll(1, 0)) == pytest.approx(2, abs=0.05)
    assert alignment(a, -a) == pytest.approx(4, abs=1e-5)


@pytest.mark.parametrize('num', [0, 1])
def test_too_few_vectors_tell_nothing(num):
    vectors = torch.ones(num, 4)
    images = torch.zeros(num, dtype=torch.long)
    assert all(math.isnan(measure(vectors)) for measure in (spread, rank_share, uniformity))
    assert math.isnan(variance_calibration(vectors[:, 0], vectors[:, 0]))
    for share in (same_image_share, retrieval):
        assert all(math.isnan(value) for value in share(vectors, images, torch.arange(num)))


def test_vectors_of_zeros_are_collapsed_and_nan_tells_nothing():
    assert spread(torch.zeros(8, 4)) == 0 and rank_share(torch.zeros(8, 4)) <= 0
    assert math.isnan(rank_share(torch.full((8, 4), math.nan)))


def test_the_measures_keep_no_graph_and_take_half_precision():
    vectors = randn(20, 8).requires_grad_()
    for measure in (spread, rank_share, uniformity):
        assert not measure(vectors).requires_grad
        torch.testing.assert_close(measure(vectors.bfloat16()), measure(vectors), rtol=0.02, atol=0)
        for count in (0, 1, 8):  # processes of different numbers of regions take a mean of them
            assert measure(vectors[:count].bfloat16()).dtype == torch.float32


# log-variance and neighbours


@pytest.mark.parametrize('levels', [3, 50])
def test_variance_calibration_is_scipy_s_spearman_with_ties(levels):
    predicted = (randn(40) * levels / 5).round()
    residual = (predicted + randn(41)[1:] * 2).round().exp()
    expected = spearmanr(predicted, residual).statistic
    assert variance_calibration(predicted, residual).item() == pytest.approx(expected, abs=1e-6)
    assert variance_calibration(predicted, residual.log()).item() == pytest.approx(
        expected, abs=1e-6
    )


def test_a_log_variance_at_its_bound_tells_nothing():
    assert variance_calibration(torch.full((30,), 3.0), randn(30)) == 0


def test_the_share_of_the_same_image_is_one_or_chance():
    images = torch.arange(100).repeat_interleave(10)
    ids = torch.arange(1000)
    share, chance = same_image_share(randn(100, 32)[images] + 0.01 * randn(1000, 32), images, ids)
    assert share == 1 and chance == pytest.approx(9 / 999, rel=1e-5)
    share, _ = same_image_share(randn(1000, 32), images, ids)
    assert share == pytest.approx(9 / 999, abs=0.01)


def test_neighbours_and_chance_are_those_of_a_loop():
    vectors, images = randn(12, 3), torch.tensor([5, 0, 0, 5, 5, 2, 0, 5, 0, 2, 5, 5])
    ids = torch.tensor([0, 1, 1, 0, 1, 0, 2, 3, 3, 1, 4, 5])
    z, near, chances, copies, chances_of_copies = unit(vectors), [], [], [], []
    for i in range(12):
        copy = [j for j in range(12) if j != i and images[j] == images[i] and ids[j] == ids[i]]
        others = [j for j in range(12) if j != i and j not in copy]
        near.append(float(images[max(others, key=lambda j: z[i] @ z[j])] == images[i]))
        chances.append(sum(float(images[j] == images[i]) for j in others) / len(others))
        if copy:
            copies.append(float(max({*range(12)} - {i}, key=lambda j: z[i] @ z[j]) in copy))
            chances_of_copies.append(len(copy) / 11)
    for measured, rows in (
        (same_image_share, (near, chances)),
        (retrieval, (copies, chances_of_copies)),
    ):
        assert [v.item() for v in measured(vectors, images, ids)] == pytest.approx(
            [sum(row) / len(row) for row in rows]
        )
    assert len(copies) == 4


def test_vectors_that_tell_the_region_find_their_copy():
    images, ids = torch.arange(20).repeat_interleave(10).repeat(2), torch.arange(200).repeat(2)
    vectors = randn(200, 32).repeat(2, 1)
    assert retrieval(vectors, images, ids)[0] == 1
    share, chance = same_image_share(vectors, images, ids)
    assert chance == pytest.approx(18 / 398) and share == pytest.approx(18 / 398, abs=0.04)
    assert retrieval(randn(400, 32), images, ids)[0] < 0.02


# proposals


def boxes(num: int, seed: int) -> torch.Tensor:
    corner = torch.rand(num, 4, generator=torch.Generator().manual_seed(seed)) * 20
    return torch.cat([corner[:, :2], corner[:, :2] + corner[:, 2:]], dim=1)


@pytest.mark.parametrize('iou', [0.3, 0.5, 0.75])
def test_recall_counts_what_mmdet_s_overlaps_count(iou):
    proposals, regions = [boxes(900, 0), boxes(5, 1)], [boxes(20, 2), boxes(7, 3)]
    found = sum(
        int((bbox_overlaps(r, c).max(dim=1).values >= iou).sum())
        for c, r in zip(proposals, regions)
    )
    assert 0 < found < 27
    assert proposal_recall(proposals, regions, iou).item() == pytest.approx(found / 27)


def test_proposals_of_another_image_do_not_count():
    assert proposal_recall([boxes(4, 0), boxes(0, 0)], [boxes(4, 0), boxes(4, 1)]) == 0.5
    assert proposal_recall([boxes(0, 0)], [boxes(3, 0)]) == 0


def test_images_without_regions_do_not_count():
    assert proposal_recall([boxes(4, 0), boxes(4, 1)], [boxes(4, 0), boxes(0, 1)]) == 1
    assert math.isnan(proposal_recall([boxes(4, 0)], [boxes(0, 0)]))


def test_empty_boxes_are_not_found_by_empty_boxes():
    assert proposal_recall([torch.ones(1, 4)], [torch.ones(1, 4)]) == 0


# constant predictors


def test_no_constant_has_a_smaller_bce_than_the_constant_level():
    targets = (randn(10, 14, 14) > 0.6).float()
    tries = [
        float(torch.nn.functional.binary_cross_entropy(torch.full_like(targets, p), targets))
        for p in np.linspace(0.01, 0.99, 99)
    ]
    assert 0 <= min(tries) - constant_bce(targets).item() < 1e-3


def test_a_half_full_mask_costs_a_constant_log_two():
    assert constant_bce(torch.ones(2, 4, 4)) == 0
    assert constant_bce(torch.tensor([0.0, 1.0])).item() == pytest.approx(math.log(2))


def test_no_targets_have_no_level():
    assert math.isnan(constant_bce(torch.zeros(0, 14, 14)))


# alarms


def run(monitor, values, first: int = 0, stride: int = 1) -> list[int]:
    """Steps at which the monitor speaks."""
    return [
        step
        for step, value in zip(range(first, 10**9, stride), values)
        if monitor.update(step, *value)
    ]


HEALTHY, FLAT, NARROW, UNKNOWN = (0.8, 0.5), (0.05, 0.5), (0.8, 0.01), (math.nan, math.nan)


def test_a_collapse_is_told_after_the_patience_and_not_before():
    assert run(CollapseMonitor(patience=10), [HEALTHY] * 5 + [FLAT] * 12) == [15, 16]
    assert run(CollapseMonitor(patience=10), [HEALTHY] * 5 + [NARROW] * 11) == [15]


def test_one_healthy_step_starts_the_patience_anew():
    assert run(CollapseMonitor(patience=10), ([FLAT] * 10 + [HEALTHY]) * 5) == []


def test_low_spread_and_rank_by_turns_are_no_long_collapse():
    assert run(CollapseMonitor(patience=10), ([FLAT] * 9 + [NARROW] * 9) * 5) == []


def test_unknown_steps_neither_start_nor_end_a_collapse():
    assert run(CollapseMonitor(patience=10), [UNKNOWN] * 50) == []
    assert run(CollapseMonitor(patience=10), [FLAT] * 5 + [UNKNOWN] * 5 + [FLAT]) == [10]


def test_the_patience_counts_steps_not_updates():
    assert run(CollapseMonitor(patience=100), [FLAT] * 3, stride=50) == [100]


def test_the_message_names_measure_value_bound_and_first_step():
    monitor = CollapseMonitor(patience=1)
    monitor.update(7, *FLAT)
    message = monitor.update(8, *FLAT)
    assert 'step 8' in message and 'spread 0.05 (below 0.1) since step 7' in message
    assert 'rank_share' not in message and '\n' not in message


def test_a_resumed_monitor_speaks_as_one_that_never_stopped():
    first, second = CollapseMonitor(patience=10), CollapseMonitor(patience=10)
    run(first, [HEALTHY] * 3 + [NARROW] * 4)
    second.load_state_dict(first.state_dict())
    run(first, [NARROW] * 2, first=7)
    assert run(second, [NARROW] * 8, first=7) == [13, 14]


def losses(ratio: float, num: int, seed: int = 0) -> list[tuple[float, float]]:
    """Noisy losses at a ratio to a noisy constant level."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(0.5, 1.5, num)
    return [(ratio * c * n, c) for c, n in zip(level, rng.uniform(0.9, 1.1, num))]


def test_a_loss_at_the_constants_level_is_told_after_a_while():
    assert run(PlateauAlarm('loss_box', patience=300), [(1.0, 1.0)] * 302) == [300, 301]
    told = [
        run(PlateauAlarm('loss_box', patience=300), losses(1.0, 400, seed))[:1]
        for seed in range(20)
    ]
    assert all(steps and steps[0] < 330 for steps in told)


def test_a_loss_that_leaves_the_level_late_is_not_told():
    late = losses(1.0, 200) + losses(0.9, 800)
    slow = [(ratio * c, c) for ratio, (_, c) in zip(np.linspace(1.02, 0.7, 1000), losses(1, 1000))]
    assert run(PlateauAlarm('loss_box'), late) == run(PlateauAlarm('loss_box'), slow) == []


def test_single_good_steps_do_not_hide_a_plateau():
    values = [(0.5 if i % 40 == 0 else 1.0, 1.0) for i in range(400)]
    assert run(PlateauAlarm('loss_mask', patience=200), values)


def test_a_loss_that_goes_back_to_the_level_is_told():
    assert run(PlateauAlarm('loss_mask', patience=100), losses(0.5, 300) + losses(1.0, 250))


def test_looking_at_every_tenth_step_tells_the_same():
    values = losses(0.9, 200) + losses(1.05, 600)
    each = run(PlateauAlarm('loss_box'), values)[0]
    tenth = run(PlateauAlarm('loss_box'), values[::10], stride=10)[0]
    assert 500 < each < 560 and abs(tenth - each) <= 30


def test_steps_without_targets_are_left_out():
    empty = [(math.nan, math.nan), (0.0, 0.0), (0.0, math.nan)]
    alarm = PlateauAlarm('loss_box', patience=10)
    assert run(alarm, empty * 20) == [] and alarm.state_dict() == PlateauAlarm('').state_dict()
    assert 'loss_box' in [alarm.update(step, 1.0, 1.0) for step in range(12)][-1]


def test_a_resumed_alarm_speaks_as_one_that_never_stopped():
    whole, first, second = (PlateauAlarm('loss_box', patience=50) for _ in range(3))
    values = losses(1.0, 80)
    expected = run(whole, values)
    run(first, values[:30])
    second.load_state_dict(first.state_dict())
    assert run(second, values[30:], first=30) == expected == list(range(50, 80))
    assert second.state_dict() == whole.state_dict()
