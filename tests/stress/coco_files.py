"""Small valid COCO files: polygons, run lengths in both forms, or all of these."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as coco_mask

NAMES = ('car', 'bus', 'red van')
PICTURES = {'a.png': (60, 40), 'b.png': (33, 47), 'night/c.png': (64, 64)}  # width, height


def sound_file(rng: np.random.Generator) -> dict:
    """A valid COCO file, of polygons, run lengths in both forms, or of all."""
    kinds = rng.choice(['polygons', 'list', 'string', 'all', 'all'])
    names = list(PICTURES)[: rng.integers(1, 4)]
    images = [
        dict(id=7 + i, file_name=name, width=PICTURES[name][0], height=PICTURES[name][1])
        for i, name in enumerate(names)
    ]
    annotations = [
        _object(rng, image, kinds) for image in images for _ in range(rng.integers(1, 6))
    ]
    for i, annotation in enumerate(annotations):
        annotation['id'] = i + 1
    categories = [dict(id=i + 1, name=name, supercategory='') for i, name in enumerate(NAMES)]
    return dict(info=dict(year=2026), images=images, annotations=annotations, categories=categories)


def _object(rng: np.random.Generator, image: dict, kinds: str) -> dict:
    width, height = rng.integers(4, 25, 2).tolist()
    x, y = rng.integers(-2, image['width'] - 4).item(), rng.integers(-2, image['height'] - 4).item()
    outline = [x, y, x + width, y, x + width, y + height, x, y + height]
    kind = rng.choice(['polygons', 'list', 'string']) if kinds == 'all' else kinds
    segmentation = [outline] if kind == 'polygons' else _run_lengths(outline, image, kind)
    return dict(
        id=0,
        image_id=image['id'],
        category_id=rng.integers(1, 4).item(),
        bbox=[x, y, width, height],
        area=width * height,
        iscrowd=int(rng.random() < 0.05),
        segmentation=segmentation,
    )


def _run_lengths(outline: list, image: dict, kind: str) -> dict:
    mask = coco_mask.frPyObjects([outline], image['height'], image['width'])[0]
    if kind == 'string':
        return dict(size=mask['size'], counts=mask['counts'].decode())
    pixels = coco_mask.decode(mask).T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pixels]))).tolist()
    return dict(size=mask['size'], counts=np.diff([0, *edges, len(pixels)]).tolist())
