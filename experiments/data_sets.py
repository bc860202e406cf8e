"""The real data sets of the studies: where they lie below the data root, and their picture size."""

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mmdet.datasets import CocoDataset

from .places import write_json


@dataclass(frozen=True)
class DataSet:
    """A COCO-style data set.

    Args:
        classes: In the order of the JSON.
        size: Longest side at test time, pixels; training varies it by 0.7 to 1.4 and crops 128 px.
        with_mask: Whether the annotations have segmentations.
        layout: Train JSON, val JSON, train pictures, val pictures.
        crop_holds_object: Draw another picture when a training crop holds no object.
        few_at_most: Longest side of the pictures that ``overfit`` draws from, pixels.
        least_area: Of the objects that recall counts, as a share of the picture: COCO's small ones
            are below what any bottom-up grouping finds.
    """

    classes: tuple[str, ...]
    size: int
    with_mask: bool = False
    layout: tuple[str, str, str, str] = (
        'annotations/train.json',
        'annotations/val.json',
        'images/',
        'images/',
    )
    crop_holds_object: bool = False
    few_at_most: int = 640
    least_area: float = 0.0


DATA_SETS = dict(
    nuclei=DataSet(('nucleus',), 384, with_mask=True, few_at_most=256),
    bccd=DataSet(('RBC', 'WBC', 'Platelets'), 320),
    robosoccer=DataSet(('robot', 'ball', 'goal'), 224),
    aerial_cars=DataSet(('car', 'bus', 'minibus'), 480, crop_holds_object=True),
    coco_mini=DataSet(
        tuple(CocoDataset.METAINFO['classes']),
        320,
        with_mask=True,
        least_area=0.01,
        layout=(
            'annotations/instances_train2017.json',
            'annotations/instances_val2017.json',
            'train2017/',
            'val2017/',
        ),
    ),
)
# coco_mini as link_objects leaves it: 465 pictures of 80 classes teach no classifier.
OBJECTS = 'coco_mini_objects'
DATA_SETS[OBJECTS] = replace(DATA_SETS['coco_mini'], classes=('object',))


def training_json(data_root: Path, name: str) -> dict:
    """All labels of a data set's training pictures."""
    return json.loads((data_root / name / DATA_SETS[name].layout[0]).read_text())


def link_objects(data_root: Path, folder: Path) -> Path:
    """Make ``folder`` a data root that holds ``OBJECTS``: coco_mini's pictures, linked, and all its
    objects as one class. Others may do the same at the same time.
    """
    given, made = data_root.resolve() / 'coco_mini', folder / OBJECTS
    for path in DATA_SETS[OBJECTS].layout[:2]:
        data = json.loads((given / path).read_text())
        objects = [dict(annotation, category_id=1) for annotation in data['annotations']]
        data.update(annotations=objects, categories=[dict(id=1, name='object')])
        write_json(data, made / path)
    for pictures in DATA_SETS[OBJECTS].layout[2:]:
        with suppress(FileExistsError):
            (made / pictures).symlink_to(given / pictures)
    return folder
