"""Anchors for the regions of a stock region head, without a penalty for what lies in areas left
alone.
"""

from __future__ import annotations

from mmdet.models.task_modules.assigners import AssignResult, MaxIoUAssigner
from mmdet.registry import TASK_UTILS
from mmengine.structures import InstanceData

from ..models.region_head import lie_inside


@TASK_UTILS.register_module()
class OCRNetLenientAssigner(MaxIoUAssigner):
    """mmdet's MaxIoUAssigner, in which an ignored area takes no anchor from an object.

    There its ``ignore_iof_thr`` leaves an object without any positive if the area holds it.
    """

    def assign(
        self,
        pred_instances: InstanceData,
        gt_instances: InstanceData,
        gt_instances_ignore: InstanceData | None = None,
        **kwargs,
    ) -> AssignResult:
        result = super().assign(pred_instances, gt_instances, None, **kwargs)
        if gt_instances_ignore is not None and len(gt_instances_ignore):
            inside = lie_inside(pred_instances.priors, gt_instances_ignore.bboxes)
            result.gt_inds[(result.gt_inds == 0) & inside] = -1
        return result
