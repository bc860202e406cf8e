"""Small drawings of pictures with boxes and masks, which a page holds itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

from ..canvas import (
    GREEN,
    PALETTE,
    RED,
    Colour,
    draw_box,
    draw_mask,
    enlarged,
    jpeg_uri,
    legible,
    tag_all,
)
from ..datasets.load_image import read_picture
from ..evenly import best_median_worst
from ..pretraining.regions import Regions
from .detections import Detections, Pairs
from .sections import Drawing

SIDE = 448  # longest side of a drawing, pixels
THIN = 24  # longest side of a box that has a thin line, which hides less, pixels of a drawing
MOST_NAMES = 15  # objects of a drawing that are named: more names hide the picture
MOST_PIXELS = 4_000_000  # of a picture whose masks are drawn: of larger ones the boxes are


@dataclass(frozen=True)
class Shape:
    """To draw.

    Attributes:
        box: xywh, pixels of the picture.
        mask: Gives (H, W) uint8 when it is drawn; None draws the box.
    """

    box: Sequence[float]
    colour: Colour
    name: str = ''
    mask: Callable[[], np.ndarray] | None = None


def drawn(picture: np.ndarray, shapes: Sequence[Shape]) -> Drawing:
    """The picture with shapes.

    Args:
        picture: (H, W, 3) uint8 BGR.
        shapes: The ones whose names matter most first.
    """
    image, scale = enlarged(picture, SIDE)
    boxes = scale * np.array([shape.box for shape in shapes], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    small = picture.shape[0] * picture.shape[1] <= MOST_PIXELS
    for shape, box in zip(shapes, boxes):
        width = 2 if max(box[2:] - box[:2]) >= THIN else 1
        if shape.mask and small:
            draw_mask(image, shape.mask(), shape.colour, width)
        else:
            draw_box(image, box, shape.colour, width)
    if sum(bool(shape.name) for shape in shapes) <= MOST_NAMES:
        tag_all(image, boxes, [shape.name for shape in shapes], [shape.colour for shape in shapes])
    return Drawing(jpeg_uri(image), image.shape[1] / image.shape[0])


def truth_and_found(data: Detections, pairs: Pairs) -> tuple[Drawing, Drawing]:
    """Drawings of a picture's objects and of its detections, right ones green, wrong ones red.

    Raises:
        InputError: The picture cannot be read.
    """
    picture = read_picture(str(data.files.img_dir / data.truth.imgs[pairs.image_id]['file_name']))
    right = [pair for pair in pairs.pairs if pairs.is_right(pair)]
    seen, true = ({pair[side] for pair in right} for side in (0, 1))
    names = {category: legible(name, i) for i, (category, name) in enumerate(data.names.items())}
    names = names if len(names) > 1 else {}  # a single class needs none
    masks = 'segm' in data.results
    objects = [
        Shape(
            ann['bbox'],
            GREEN if i in seen else RED,
            names.get(ann['category_id'], ''),
            partial(data.truth.annToMask, ann) if masks and ann.get('segmentation') else None,
        )
        for i, ann in enumerate(pairs.truth)
    ]
    found = [
        Shape(
            result['bbox'],
            GREEN if j in true else RED,
            f'{names.get(result["category_id"], "")} {result["score"]:.2f}'.strip(),
            partial(coco_mask.decode, result['segmentation']) if masks else None,
        )
        for j, result in enumerate(pairs.found)
    ]
    return drawn(picture, objects), drawn(picture, found)


def regions_of(picture: np.ndarray, regions: Regions, most: int) -> Drawing:
    """Drawing of the best regions of a picture without labels."""
    whole = regions.boxes[:most].copy()
    whole[:, 2:] -= whole[:, :2]
    masks = regions.masks[:most].astype(np.uint8)
    shapes = [
        Shape(box.tolist(), PALETTE[i % len(PALETTE)], mask=partial(masks.__getitem__, i))
        for i, box in enumerate(whole)
    ]
    return drawn(picture, shapes[::-1])


def telling(pictures: Iterable[Pairs], each: int) -> list[tuple[str, Pairs]]:
    """``each`` of the best, of the median and of the worst pictures, none of them twice.

    Those without an object and a detection say nothing.
    """
    known = (pairs for pairs in pictures if pairs.truth or pairs.found)
    return best_median_worst(sorted(known, key=lambda pairs: -pairs.quality), each)


def picture_name(data: Detections, pairs: Pairs) -> str:
    """Of the file, without its folders."""
    return Path(data.truth.imgs[pairs.image_id]['file_name']).name
