"""The trained detector as one function of a picture, of operators that ONNX has.

Shape shorthand: H W pixels of the picture, L levels, C channels, S pooled side, N candidates,
K classes, D detections.
Naming convention: the *last row* of candidates and of detections is none: it is a box of one pixel
that no other sees and that is cut off in the end. No shape is ever empty so, and ONNX's Reshape,
which cannot tell a side of an empty tensor, need not.
"""

import copy

import torch
from mmcv.cnn import ConvModule
from mmcv.cnn.bricks import Conv2dAdaptivePadding
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from torch import Tensor, nn
from torch.nn import functional as F
from torch.onnx.operators import shape_as_tensor

from ..errors import InputError
from ..models import OCRNetRegionHead, OCRNetRoIHead
from ..models.aggregator import Aggregator, add_resampled, region_places
from ..models.region_generator import PyramidPooling
from .operators import NonMaxSuppression, RoIAlign, adaptive_avg_pool

STRIDE = 32  # of the coarsest level: a picture is padded to a multiple


class ExportedDetector(nn.Module):
    """What ``detector.predict`` finds in one picture, with the picture's preparation.

    The parts are the detector's own, of a copy of it. Again stands here what its framework does
    between them: padding, candidates, pooling of one picture, non-maximum suppression.

    Args:
        detector: Trained; a stock RPN, box heads with scores of their own and other masks than
            ``FCNMaskHead``'s are not written.

    Raises:
        InputError: It has a part that is not written.
    """

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        check_parts(detector)
        self.detector = copy.deepcopy(detector).eval().requires_grad_(False)
        for module in self.detector.modules():
            if isinstance(module, (Aggregator, PyramidPooling)):
                module.pool = adaptive_avg_pool  # type: ignore[method-assign, assignment]
            if isinstance(module, ConvModule):
                module.efficient_conv_bn_eval_forward = None  # the file's readers do it
                if isinstance(module.conv, Conv2dAdaptivePadding):
                    module.conv = _fixed_padding(module.conv)

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        """Boxes (D, 4) xyxy in pixels of the picture, scores (D,), labels (D,), best first.

        With a mask head also masks (D, 4S, 4S): probabilities over each box.

        Args:
            picture: (1, 3, H, W) uint8, BGR.
        """
        frame = shape_as_tensor(picture)[2:].flip(0).repeat(2).float()  # W, H, W, H
        inputs = self._prepared(picture)
        levels = self.detector.extract_feat(inputs)
        candidates, qualities = self._candidates(levels, frame)
        boxes, scores, labels = self._detections(levels, candidates, qualities, inputs, frame)
        if not self.detector.roi_head.with_mask:
            return boxes, scores, labels
        return boxes, scores, labels, self._masks(levels, boxes, labels, inputs)

    def _prepared(self, picture: Tensor) -> Tensor:
        """Normalised, and padded at the right and at the bottom."""
        prepare = self.detector.data_preprocessor
        colours = picture.flip(1) if prepare._channel_conversion else picture
        x = (colours.float() - prepare.mean) / prepare.std
        height, width = x.shape[-2:]
        divisor = prepare.pad_size_divisor
        return F.pad(x, (0, -width % divisor, 0, -height % divisor), value=prepare.pad_value)

    def _candidates(self, levels: tuple[Tensor, ...], frame: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (N + 1, 4) and their quality (N,), best first."""
        head = self.detector.rpn_head
        cfg = head.test_cfg
        logits, distances = head(levels)
        points = head.prior_generator.grid_priors(
            [level.shape[-2:] for level in logits], device=logits[0].device
        )
        boxes, scores = [], []
        for logit, distance, point in zip(logits, distances, points):
            score, order = logit.flatten().sigmoid().sort(descending=True)
            order = order[: cfg.nms_pre]
            scores.append(score[: cfg.nms_pre])
            distance = distance[0].flatten(1).T[order]
            boxes.append(head.bbox_coder.decode(point[order], distance))
        box, score = _within(torch.cat(boxes), frame), torch.cat(scores)
        sides = box[:, 2:] - box[:, :2]
        score = score * (sides.amin(1) > cfg.min_bbox_size)
        _, best, score = _best(box[None], score[None], cfg.nms.iou_threshold, cfg.max_per_img)
        return _with_last(box[best]), score

    def _detections(
        self,
        levels: tuple[Tensor, ...],
        candidates: Tensor,
        qualities: Tensor,
        inputs: Tensor,
        frame: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        head = self.detector.roi_head
        cfg = head.test_cfg
        regions = self._pooled(levels, candidates, head.bbox_roi_extractor.roi_size)
        regions = add_resampled(regions, self._aggregated(regions, candidates, inputs))
        logits, deltas = head.bbox_head(regions)
        scores = logits.softmax(-1)[:-1, :-1]  # (N, K)
        per_box = deltas.shape[1] // 4  # 1 or K
        boxes = head.bbox_head.bbox_coder.decode(
            candidates.repeat_interleave(per_box, 0), deltas.reshape(-1, 4)
        )
        boxes = _within(boxes, frame).reshape(-1, per_box, 4)[:-1].transpose(0, 1)
        scores = torch.where(
            scores > cfg.score_thr,
            scores * (qualities ** cfg.get('quality_weight', 0))[:, None],
            0.0,
        )
        boxes = boxes.expand(scores.shape[1], -1, -1)
        label, best, score = _best(boxes, scores.T, cfg.nms.iou_threshold, cfg.max_per_img)
        return boxes[label, best], score, label

    def _masks(
        self, levels: tuple[Tensor, ...], boxes: Tensor, labels: Tensor, inputs: Tensor
    ) -> Tensor:
        """(D, 4S, 4S)."""
        head = self.detector.roi_head
        boxes = _with_last(boxes)
        fine = self._pooled(levels, boxes, 2 * head.bbox_roi_extractor.roi_size)
        added = self._aggregated(F.avg_pool2d(fine, 2), boxes, inputs)
        masks = head.mask_head(add_resampled(fine, added))[:-1].sigmoid()
        return masks[:, 0] if masks.shape[1] == 1 else masks[torch.arange(len(labels)), labels]

    def _pooled(self, levels: tuple[Tensor, ...], boxes: Tensor, side: int) -> Tensor:
        """R (N + 1, C, side, side), as the detector's extractor merges it."""
        extractor = self.detector.roi_head.bbox_roi_extractor
        pooled = [
            RoIAlign.apply(level, boxes, 1 / stride, side)
            for level, stride in zip(levels, extractor.featmap_strides)
        ]
        content = torch.stack([level.mean((2, 3)) for level in pooled], dim=1)  # (N + 1, L, C)
        rois = torch.cat([torch.zeros_like(boxes[:, :1]), boxes], 1)
        weights = extractor.weights_of_content(content, rois).T[..., None, None, None]
        # one by one: to join the levels takes a twelfth of a picture's time
        merged = pooled[0] * weights[0]
        for level, weight in zip(pooled[1:], weights[1:]):
            merged = merged + level * weight
        return merged

    def _aggregated(self, regions: Tensor, boxes: Tensor, inputs: Tensor) -> Tensor:
        """F_F(R); the first ``max_context`` regions but for the last row are seen."""
        aggregator = self.detector.roi_head.aggregator
        places = region_places(boxes, shape_as_tensor(inputs)[2:].float())
        rank = torch.ones_like(boxes[:, 0]).cumsum(0)
        visible = (rank <= aggregator.max_context) & (rank < rank[-1])
        return aggregator.attend(regions, places, None, visible[None])[0]


def _fixed_padding(conv: Conv2dAdaptivePadding) -> nn.Sequential:
    """The convolution for maps of even sides: how it pads those does not depend on their size."""
    sides = []
    for kernel, stride in zip(conv.kernel_size[::-1], conv.stride[::-1]):
        both = kernel - stride
        sides += [both // 2, both - both // 2]
    plain = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        conv.stride,
        groups=conv.groups,
        bias=conv.bias is not None,
    )
    plain.load_state_dict(conv.state_dict())
    return nn.Sequential(nn.ZeroPad2d(sides), plain.eval().requires_grad_(False))


def _within(boxes: Tensor, frame: Tensor) -> Tensor:
    return boxes.clamp(min=0).minimum(frame)


def _with_last(boxes: Tensor) -> Tensor:
    return torch.cat([boxes, boxes.new_tensor([[0.0, 0.0, 1.0, 1.0]])])


def _best(boxes: Tensor, scores: Tensor, iou: float, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Group, index and score (M,) of the best boxes of all groups after suppression within each.

    Args:
        boxes: (G, N, 4) xyxy.
        scores: (G, N); 0 for what is none.
        iou: Above which a worse box of the same group goes.
        most: Greatest M.
    """
    rows = NonMaxSuppression.apply(boxes, scores[:, None], most, float(iou), 0.0)
    group, index = rows[:, 0], rows[:, 2]
    # a last one that is worse than all: ONNX's sort takes no empty list
    score = torch.cat([scores[group, index], scores.new_tensor([-1.0])])
    order = score.sort(descending=True)[1][:-1][:most]
    return group[order], index[order], score[order]


def check_parts(detector: nn.Module) -> None:
    """Refuse a detector of which a part is not written.

    Raises:
        InputError: As said.
    """
    head = detector.roi_head
    divisor = detector.data_preprocessor.pad_size_divisor
    if divisor % STRIDE:
        raise InputError(
            f'model.data_preprocessor.pad_size_divisor is {divisor}, export writes multiples of '
            f'{STRIDE}: train with one'
        )
    for part, kind, value in (
        ('rpn_head', OCRNetRegionHead, detector.rpn_head),
        ('roi_head', OCRNetRoIHead, head),
        ('roi_head.bbox_head', BBoxHead, head.bbox_head),
        ('roi_head.mask_head', FCNMaskHead, head.mask_head if head.with_mask else None),
    ):
        if value is not None and not isinstance(value, kind):
            raise InputError(
                f'model.{part} is {type(value).__name__}, export writes {kind.__name__}'
            )
    if getattr(head.bbox_head, 'custom_activation', False):
        loss = type(head.bbox_head.loss_cls).__name__
        raise InputError(f'{loss} has scores of its own, export writes those of a softmax')
    for name, cfg in (('rpn', detector.rpn_head.test_cfg), ('rcnn', head.test_cfg)):
        if cfg.nms.get('type', 'nms') != 'nms' or cfg.nms.keys() - {'type', 'iou_threshold'}:
            raise InputError(
                f'model.test_cfg.{name}.nms is {dict(cfg.nms)}, export writes '
                "dict(type='nms', iou_threshold=...)"
            )
