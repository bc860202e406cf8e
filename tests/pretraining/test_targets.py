import numpy as np
import pytest
import torch
from mmdet.structures.bbox import bbox_overlaps

from ocrnet_mmdet.pretraining.targets import (
    choose_regions,
    common_ids,
    pairwise_iou,
    same_in_other_view,
    uncovered,
)
from ocrnet_mmdet.pretraining.views import ViewMap

SIDE = 64


def test_iou_is_mmdets():
    corners = torch.rand(2, 40, 4, generator=torch.Generator().manual_seed(0)) * 40
    a, b = (torch.cat([c[:, :2], c[:, :2] + c[:, 2:]], dim=1) for c in corners)
    assert pairwise_iou(a, b).equal(bbox_overlaps(a, b))
    assert pairwise_iou(a[:1, [0, 1, 0, 1]], b).max() == 0  # of no area


def test_the_same_regions_are_paired_both_ways_within_an_image():
    views = torch.tensor([0, 0, 1, 2, 2, 3])  # of two images: 0 and 2, 1 and 3
    mine, theirs = same_in_other_view(views, torch.tensor([5, 6, 5, 6, 7, 5]), images=2)
    assert dict(zip(mine.tolist(), theirs.tolist())) == {1: 3, 3: 1, 2: 5, 5: 2}


def test_confident_proposals_without_a_region_are_left_alone():
    proposals = torch.tensor([[0.0, 0, 10, 10], [6, 0, 16, 10], [20, 20, 30, 30], [40, 40, 50, 50]])
    scores = torch.tensor([0.9, 0.9, 0.9, 0.1])
    regions = torch.tensor([[0.0, 0, 10, 11]])  # the second is a near miss: IoU 0.23
    assert uncovered(proposals, scores, regions, 0.5).tolist() == [[20, 20, 30, 30]]
    assert len(uncovered(proposals, scores, regions[:0], 0.5)) == 3


def test_both_views_read_their_common_regions_first():
    torch.manual_seed(0)
    first, second = torch.arange(0, 12), torch.arange(8, 20)
    for _ in range(10):
        a, b = choose_regions(first, second, 6)
        a, b = set(first[a].tolist()), set(second[b].tolist())
        assert len(a) == len(b) == 6 and {8, 9, 10, 11} <= a & b


def view(crop, flip=False):
    return ViewMap.of_crop(np.array(crop, float), SIDE, flip)


@pytest.mark.parametrize('flip', [False, True])
def test_a_region_that_both_views_show_has_one_id(flip):
    first, second = view((0, 0, 100, 100)), view((40, 40, 120, 120), flip)
    picture = np.array([[50.0, 50, 70, 70], [80, 45, 95, 90], [5, 5, 30, 30], [105, 100, 118, 119]])
    a, b = common_ids(
        torch.from_numpy(first.boxes(picture[:3])),
        torch.from_numpy(second.boxes(picture[[3, 1, 0]])),
        first,
        second,
        (SIDE, SIDE),
    )
    assert a.tolist() == [0, 1, 2]
    assert b.tolist() == [3, 1, 0]


def test_a_region_has_one_partner_at_most():
    whole = view((0, 0, SIDE, SIDE))
    one = torch.tensor([[10.0, 10, 30, 30]])
    twice = torch.tensor([[10.0, 10, 30, 29], [10, 10, 30, 30]])
    assert common_ids(one, twice, whole, whole, (SIDE, SIDE))[1].tolist() == [1, 0]
    assert [ids.tolist() for ids in common_ids(one, one[:0], whole, whole, (SIDE, SIDE))] == [
        [0],
        [],
    ]
