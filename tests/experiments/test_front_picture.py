import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from experiments.front_picture import _compared


def test_an_object_is_found_once_and_by_half_of_its_union():
    truth, found = np.zeros((2, 8, 8), np.uint8), torch.zeros(5, 8, 8, dtype=torch.bool)
    truth[0, :4, :4] = truth[1, 4:, 4:] = 1
    found[0, :4, :4] = found[1, :4, :3] = True  # the first object, twice
    found[2, 4:, 4:6] = True  # exactly half of the second
    found[3, :2, 6:] = True  # nothing
    found[4, 4:, 4:] = True  # below the score
    sample = DetDataSample()
    sample.gt_instances = InstanceData(masks=BitmapMasks(truth, 8, 8))
    sample.pred_instances = InstanceData(
        masks=found, scores=torch.tensor([0.9, 0.8, 0.7, 0.6, 0.2])
    )
    masks, correct = _compared(sample)
    assert len(masks) == 4 and correct.tolist() == [True, False, True, False]
