import math

import torch

from ocrnet_mmdet.pretraining.record import LevelRecord, RegionRecord, StepRecord

FOUND = [torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]]), torch.zeros(0, 4)]


def test_a_record_measures_what_the_terms_that_are_on_saw():
    level = LevelRecord(loss=torch.tensor(0.3), constant=torch.tensor(0.6))
    assert StepRecord(FOUND).measures().keys() == {'regions'}
    values = StepRecord(
        FOUND, regions=RegionRecord([FOUND[0][:1], FOUND[1]]), masks=level
    ).measures()
    assert {name: round(float(value), 6) for name, value in values.items()} == {
        'regions': 1.0,
        'proposal_recall': 0.5,
        'mask_level_ratio': 0.5,
    }


def test_a_ratio_to_no_loss_is_not_a_number():
    assert math.isnan(LevelRecord(loss=torch.tensor(0.3), constant=torch.tensor(0.0)).ratio())
