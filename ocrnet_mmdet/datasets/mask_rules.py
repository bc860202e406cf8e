"""What a segmentation must be where masks are trained or scored: see coco_rules.py.

All but MASK_RULE leave alone what has none.
"""

from __future__ import annotations

import numpy as np

from .coco_rules import Context, Rule, sizes_of
from .outlines import MARGIN, are_polygons, marks_nothing, too_large
from .run_lengths import is_mask

FIX_MASKS = (
    'correct the file, let `tools/train.py --skip-bad-images` leave them out, or train '
    'boxes alone, with_mask = False in the config'
)


def _no_polygons(annotations: list[dict], _: Context) -> list[bool]:
    """mmdet leaves such out; pycocotools' scoring ends in an error or, of NaN, with the process."""
    given = (a.get('segmentation') for a in annotations)
    return [bool(g) and not isinstance(g, dict) and not are_polygons(g) for g in given]


def _no_run_lengths(annotations: list[dict], context: Context) -> list[bool]:
    def good(annotation: dict) -> bool:
        image = context.images[annotation['image_id']]
        return is_mask(annotation['segmentation'], image['height'], image['width'])

    return [
        isinstance(a.get('segmentation'), dict) and a['segmentation'] != {} and not good(a)
        for a in annotations
    ]


def _outlined(annotations: list[dict]) -> np.ndarray:
    """Indices of those that have polygons."""
    return np.flatnonzero(
        [
            isinstance(a.get('segmentation'), list) and len(a['segmentation']) > 0
            for a in annotations
        ]
    )


def _wide_outline(annotations: list[dict], context: Context) -> np.ndarray:
    bad, outlined = np.zeros(len(annotations), bool), _outlined(annotations)
    ours = [annotations[i] for i in outlined]
    bad[outlined] = too_large([a['segmentation'] for a in ours], sizes_of(ours, context))
    return bad


def _unseen(annotations: list[dict], context: Context) -> np.ndarray:
    bad = np.zeros(len(annotations), bool)
    for i in _outlined(annotations):
        image = context.images[annotations[i]['image_id']]
        bad[i] = marks_nothing(annotations[i]['segmentation'], image['height'], image['width'])
    return bad


MASK_RULE = Rule(
    'has no segmentation, but masks are trained',
    lambda entries, _: [not a.get('segmentation') for a in entries],
    fix='train boxes alone, with_mask = False in the config, or add polygons',
)
SEGMENTATION_RULES = (
    Rule(
        'has a segmentation that is no list of polygons [[x1, y1, x2, y2, x3, y3, ...], ...]',
        _no_polygons,
        fix=FIX_MASKS,
    ),
    Rule(
        'has run lengths that do not fill its picture, size=[height, width], or mark no pixel',
        _no_run_lengths,
        fix=FIX_MASKS,
    ),
    Rule(
        f'has polygons that reach more than {MARGIN} picture sides past its picture, or a million '
        'pixels of outline',
        _wide_outline,
        fix=FIX_MASKS,
    ),
)
SCORED_SEGMENTATION_RULE = Rule(
    'has polygons that mark no pixel of its picture, so that no mask can match it',
    _unseen,
    fix=FIX_MASKS,
)
POLYGON_RULE = Rule(
    'has a run-length mask, but the pipeline reads polygons',
    lambda entries, _: [
        isinstance(a.get('segmentation'), dict) and not a.get('iscrowd') for a in entries
    ],
    fix='set poly2mask=True in LoadAnnotations of the train_pipeline',
)
