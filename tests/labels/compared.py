"""What was read, as plainly comparable rows."""

import numpy as np
from pycocotools import mask as coco_mask

from .truth import HEIGHT, WIDTH, mask_of


def rows(data):
    """Sorted (picture, class, x, y, w, h)."""
    names = {i['id']: i['file_name'] for i in data['images']}
    kinds = {c['id']: c['name'] for c in data['categories']}
    return sorted(
        (names[a['image_id']], kinds[a['category_id']], *np.round(a['bbox'], 2).tolist())
        for a in data['annotations']
    )


def true_rows(truth, label=None):
    return sorted(
        (name, label or o['label'], *map(float, o['box']))
        for name, objects in truth.items()
        for o in objects
    )


FINE = 8  # polygons are compared on a grid so much finer: pycocotools' edges are not exact


def worst_mask(data, truth):
    """The least IoU of a mask with the one that was drawn, objects matched by their boxes."""
    names = {i['id']: i['file_name'] for i in data['images']}
    ious = []
    for a in data['annotations']:
        [drawn] = [
            o
            for o in truth[names[a['image_id']]]
            if np.abs(np.subtract(o['box'], a['bbox'])).max() < 0.02
        ]
        outline, fine = a['segmentation'], 1
        if isinstance(outline, list):
            fine = FINE
            polygons = [[v * fine for v in polygon] for polygon in outline]
            outline = coco_mask.merge(coco_mask.frPyObjects(polygons, HEIGHT * fine, WIDTH * fine))
        ours = coco_mask.decode([outline])[..., 0] > 0
        theirs = mask_of(np.multiply(drawn['points'], fine), HEIGHT * fine, WIDTH * fine)
        ious.append((ours & theirs).sum() / (ours | theirs).sum())
    return min(ious)
