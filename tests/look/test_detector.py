"""What is read beside the model is what the model computes."""

import numpy as np
import pytest
import torch
from mmdet.apis import inference_detector
from mmdet.structures.bbox import bbox2roi

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.look.attention_sheet import check_aggregator, look_at
from ocrnet_mmdet.look.candidates import draw_candidates, level_candidates
from ocrnet_mmdet.look.detector import (
    check_detection,
    load_detector,
    see,
    source_region,
    vectors_of,
)
from ocrnet_mmdet.look.neighbours import Region, cosines, hide_itself
from ocrnet_mmdet.models.roi_extractor import OCRNetRoIExtractor

from ..pretraining.runs import make_config as make_pretraining
from ..pretraining.runs import write_pictures
from ..trainings import runner_of


def test_a_seen_picture_has_the_models_detections(model, seen):
    found = inference_detector(model, seen.path).pred_instances
    assert len(found) and torch.equal(seen.found.bboxes, found.bboxes)
    assert torch.equal(seen.found.scores, found.scores)


def test_regions_are_the_proposals_in_the_pictures_pixels(seen):
    factor = seen.image.shape[1] / seen.meta['img_shape'][1]
    expected = seen.proposals.bboxes.numpy() * factor
    assert factor == pytest.approx(64 / 96)
    assert abs(seen.regions - expected).max() < 1e-3


def test_a_detections_source_gives_its_box_and_score(model, seen):
    (raw,) = model.roi_head.predict_bbox(
        seen.levels, [seen.meta], [seen.proposals], None, rescale=True
    )
    weight = model.test_cfg.rcnn.get('quality_weight', 0)
    for i in range(0, len(seen.found), 7):
        region = source_region(model, seen, i)
        label = seen.found.labels[i]
        torch.testing.assert_close(raw.bboxes[region], seen.found.bboxes[i])
        score = raw.scores[region, label] * seen.proposals.scores[region] ** weight
        torch.testing.assert_close(score, seen.found.scores[i])


def test_the_work_folder_stands_for_its_last_checkpoint(trained, model):
    other = load_detector(str(trained.folder)).state_dict()
    assert all(torch.equal(value, other[key]) for key, value in model.state_dict().items())


def test_a_checkpoint_without_config_is_one_clear_line(tmp_path, model):
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'bare.pth')
    with pytest.raises(InputError, match=r'bare.pth carries no config .* tools/train.py'):
        load_detector(str(tmp_path / 'bare.pth'))


def test_a_pretraining_shows_candidates_and_no_classes(tmp_path):
    pictures = write_pictures(tmp_path / 'pictures', count=4)
    runner_of(make_pretraining(pictures, tmp_path / 'work', steps=1)).train()
    handed_over = torch.load(tmp_path / 'work/pretrained_detector.pth')['state_dict']
    model = load_detector(str(tmp_path / 'work'), classifies=False)
    own = model.state_dict()
    assert all(torch.equal(value, own[key]) for key, value in handed_over.items())
    path = next(pictures.iterdir())
    _, (line,) = draw_candidates(str(tmp_path / 'work'), [str(path)], 0.0, 1)
    best = [len(level) for level in level_candidates(model, see(model, str(path)), 0.0)]
    assert line == f'{path}: {", ".join(map(str, best))} candidates' and sum(best) > 0
    for name in ('pretrained_detector.pth', 'iter_1.pth'):
        with pytest.raises(InputError, match=f'{name} is of a pretraining, .* of fine-tuning'):
            load_detector(str(tmp_path / 'work' / name))


def test_a_detection_that_is_not_there_is_refused(seen):
    with pytest.raises(InputError, match=r'--detection is 1000, .* has \d+, 0 is the best'):
        check_detection(seen, 1000)


def test_a_detector_without_aggregator_is_refused_in_one_line():
    head = torch.nn.Module()
    head.roi_head = torch.nn.Module()
    with pytest.raises(InputError, match='x.pth has a Module, which has no aggregator'):
        check_aggregator(head, 'x.pth')


def test_what_is_looked_at_is_complete(model, seen):
    looked = look_at(model, seen, 0)
    ones = torch.ones(len(looked.within))
    torch.testing.assert_close(looked.within.sum(1), ones)
    torch.testing.assert_close(looked.between.sum(1), ones)
    assert looked.levels.sum() == pytest.approx(1)
    assert looked.between.shape[1] == 1 + len(seen.proposals)


def test_level_weights_are_those_that_merge_the_levels():
    """Levels of one value each merge to the sum of values times weights."""
    torch.manual_seed(0)
    extractor = OCRNetRoIExtractor(4)
    values = torch.tensor([1.0, 10.0, 100.0, 1000.0])
    levels = tuple(torch.full((1, 4, 32 >> i, 32 >> i), float(v)) for i, v in enumerate(values))
    rois = bbox2roi([torch.tensor([[4.0, 4, 20, 30], [0, 0, 120, 120], [60, 60, 70, 70]])])
    weights = extractor.level_weights(levels, rois)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    torch.testing.assert_close(extractor(levels, rois)[:, 0, 3, 3], weights @ values)


def test_a_levels_candidates_have_scores_of_its_own_map(model, seen):
    maps = [scores.sigmoid().flatten() for scores in model.rpn_head(seen.levels)[0]]
    levels = level_candidates(model, seen, 0.0)
    assert len(levels) == len(maps) == 4
    for level, scores in zip(levels, maps):
        assert 0 < len(level) <= 50
        assert torch.isin(level.scores, scores).all()
        assert level.scores[0] == scores.max()


def test_the_best_candidate_of_all_levels_is_the_best_proposal(model, seen):
    best = max(level_candidates(model, seen, 0.0), key=lambda level: level.scores[0])
    expected = seen.proposals.bboxes[0] / seen.proposals.bboxes.new_tensor(
        seen.meta['scale_factor']
    ).repeat(2)
    torch.testing.assert_close(best.bboxes[0], expected)


def test_candidates_below_the_score_are_left_out(model, seen):
    found = level_candidates(model, seen, 0.0)
    least = float(found[0].scores.median())
    fewer = level_candidates(model, seen, least)[0]
    assert 0 < len(fewer) < len(found[0]) and fewer.scores.min() >= least


def test_the_nearest_of_a_region_is_itself(model, seen):
    vectors = vectors_of(model, seen)
    similar = cosines(vectors, vectors)
    assert len(vectors) == len(seen.proposals) > 1
    torch.testing.assert_close(similar.diagonal(), similar.amax(1))
    torch.testing.assert_close(similar.diagonal(), torch.ones(len(vectors)))


def test_cosines_are_torchs():
    a, b = torch.randn(3, 5), torch.randn(4, 5)
    expected = torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=2)
    torch.testing.assert_close(cosines(a, b), expected)


def test_a_region_is_not_its_own_neighbour(tmp_path):
    box, other = np.array([0.0, 0, 10, 10]), np.array([20.0, 0, 30, 10])
    here, there = str(tmp_path / 'a.png'), str(tmp_path / 'b.png')
    regions = [Region(here, box + 1, 1.0), Region(here, other, 1.0), Region(there, box, 1.0)]
    row = torch.tensor([0.9, 0.5, 0.8])
    hide_itself(row, regions, f'{tmp_path}/./a.png', box)
    assert row.argsort(descending=True).tolist() == [2, 1, 0]
