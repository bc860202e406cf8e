"""Small drawings of pictures with boxes and masks, as data URIs that a page holds itself."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ..datasets.load_image import read_picture
from ..pretraining.regions import Regions
from .detections import Detections, Pairs

SIDE = 448  # longest side of a drawing, pixels
QUALITY = 80  # of the JPEG: about 40 KB each
RIGHT, WRONG = (60, 170, 40), (40, 40, 230)  # BGR
REGIONS = ((60, 170, 40), (230, 120, 30), (40, 40, 230), (200, 60, 200), (0, 170, 230))
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
    colour: tuple[int, int, int]
    name: str = ''
    mask: Callable[[], np.ndarray] | None = None


def drawn(picture: np.ndarray, shapes: Sequence[Shape]) -> str:
    """The data URI of a JPEG.

    Args:
        picture: (H, W, 3) uint8 BGR.
    """
    scale = SIDE / max(picture.shape[:2])
    size = tuple(max(1, round(scale * n)) for n in picture.shape[1::-1])
    image = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    )
    small = picture.shape[0] * picture.shape[1] <= MOST_PIXELS
    for shape in shapes:
        if shape.mask and small:
            mask = cv2.resize(shape.mask(), size, interpolation=cv2.INTER_NEAREST)
            lines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(image, lines, -1, shape.colour, 2, cv2.LINE_AA)
        else:
            x, y, w, h = (round(scale * v) for v in shape.box)
            cv2.rectangle(image, (x, y), (x + w, y + h), shape.colour, 2, cv2.LINE_AA)
    for shape in shapes if len(shapes) <= MOST_NAMES else ():
        _write(image, shape, scale)
    done, content = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return 'data:image/jpeg;base64,' + base64.b64encode(content.tobytes()).decode()


def _write(image: np.ndarray, shape: Shape, scale: float) -> None:
    """The name above the box, or in it at the picture's top."""
    name = shape.name.encode('ascii', 'replace').decode()  # all that OpenCV's letters have
    (width, height), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
    x = max(0, min(round(scale * shape.box[0]), image.shape[1] - width - 4))
    y = max(height + 4, round(scale * shape.box[1]) - 3)
    if name:
        cv2.rectangle(image, (x, y - height - 4), (x + width + 4, y + 3), shape.colour, -1)
        place = (x + 2, y - 1)
        cv2.putText(
            image, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA
        )


def truth_and_found(data: Detections, pairs: Pairs) -> tuple[str, str]:
    """Drawings of a picture's objects and of its detections, right ones green, wrong ones red.

    Raises:
        InputError: The picture cannot be read.
    """
    picture = read_picture(str(data.files.img_dir / data.truth.imgs[pairs.image_id]['file_name']))
    right = [pair for pair in pairs.pairs if pairs.is_right(pair)]
    seen, true = ({pair[side] for pair in right} for side in (0, 1))
    names = data.names if len(data.names) > 1 else {}
    masks = 'segm' in data.results
    objects = [
        Shape(
            ann['bbox'],
            RIGHT if i in seen else WRONG,
            names.get(ann['category_id'], ''),
            partial(data.truth.annToMask, ann) if masks and ann.get('segmentation') else None,
        )
        for i, ann in enumerate(pairs.truth)
    ]
    found = [
        Shape(
            result['bbox'],
            RIGHT if j in true else WRONG,
            f'{names.get(result["category_id"], "")} {result["score"]:.2f}'.strip(),
            partial(coco_mask.decode, result['segmentation']) if masks else None,
        )
        for j, result in enumerate(pairs.found)
    ]
    return drawn(picture, objects), drawn(picture, found)


def regions_of(picture: np.ndarray, regions: Regions, most: int) -> str:
    """Drawing of the best regions of a picture without labels."""
    whole = regions.boxes[:most].copy()
    whole[:, 2:] -= whole[:, :2]
    masks = regions.masks[:most].astype(np.uint8)
    shapes = [
        Shape(box.tolist(), REGIONS[i % len(REGIONS)], mask=partial(masks.__getitem__, i))
        for i, box in enumerate(whole)
    ]
    return drawn(picture, shapes[::-1])


def telling(pictures: Iterable[Pairs], each: int) -> list[tuple[str, Pairs]]:
    """``each`` of the best, of the median and of the worst pictures, none of them twice.

    Those without an object and a detection say nothing.
    """
    ranked = sorted((p for p in pictures if p.truth or p.found), key=lambda p: -p.quality)
    middle = max(0, (len(ranked) - each) // 2)
    places = dict.fromkeys(range(min(each, len(ranked))), 'best')
    for i in range(len(ranked) - 1, max(-1, len(ranked) - 1 - each), -1):
        places.setdefault(i, 'worst')
    for i in range(middle, min(middle + each, len(ranked))):
        places.setdefault(i, 'median')
    return [(places[i], ranked[i]) for i in sorted(places)]


def picture_name(data: Detections, pairs: Pairs) -> str:
    """Of the file, without its folders."""
    return Path(data.truth.imgs[pairs.image_id]['file_name']).name
