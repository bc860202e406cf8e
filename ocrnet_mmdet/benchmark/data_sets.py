"""The real data sets of the benchmarks: where they lie below the data root, and their picture size."""
import json
from dataclasses import dataclass, replace
from pathlib import Path

from mmdet.datasets import CocoDataset

from .subsets import write_json


@dataclass(frozen=True)
class DataSet:
    """A COCO-style data set.

    Args:
        classes: In the order of the JSON.
        size: Longest side at test time, pixels; training varies it by 0.7 to 1.4 and crops 128 px.
        with_mask: Whether the annotations have segmentations.
        layout: Train JSON, val JSON, train pictures, val pictures.
        crop_holds_object: Draw another picture when a training crop holds no object.
        steps: Of a full-label training in ``against_stock``.
    """

    classes: tuple[str, ...]
    size: int
    with_mask: bool = False
    layout: tuple[str, str, str, str] = (
        'annotations/train.json', 'annotations/val.json', 'images/', 'images/')
    crop_holds_object: bool = False
    steps: int = 300


DATA_SETS = dict(
    nuclei=DataSet(('nucleus', ), 384, with_mask=True),
    bccd=DataSet(('RBC', 'WBC', 'Platelets'), 320),
    robosoccer=DataSet(('robot', 'ball', 'goal'), 224),
    aerial_cars=DataSet(('car', 'bus', 'minibus'), 480, crop_holds_object=True, steps=900),
    coco_mini=DataSet(
        tuple(CocoDataset.METAINFO['classes']), 320, with_mask=True,
        layout=('annotations/instances_train2017.json', 'annotations/instances_val2017.json',
                'train2017/', 'val2017/')))
# coco_mini as link_objects leaves it: 465 pictures of 80 classes teach no classifier.
OBJECTS = 'coco_mini_objects'
DATA_SETS[OBJECTS] = replace(DATA_SETS['coco_mini'], classes=('object', ))


def training_json(data_root: str, name: str) -> dict:
    """All labels of a data set's training pictures."""
    return json.loads((Path(data_root) / name / DATA_SETS[name].layout[0]).read_text())


def link_objects(data_root: str, folder: Path) -> str:
    """Make ``folder`` a data root that holds ``OBJECTS``: coco_mini's pictures, linked, and all its objects as
    one class.
    """
    given, made = Path(data_root).resolve() / 'coco_mini', folder / OBJECTS
    for path in DATA_SETS[OBJECTS].layout[:2]:
        data = json.loads((given / path).read_text())
        objects = [dict(annotation, category_id=1) for annotation in data['annotations']]
        write_json(dict(data, annotations=objects, categories=[dict(id=1, name='object')]), made / path)
    for pictures in DATA_SETS[OBJECTS].layout[2:]:
        if not (made / pictures).exists():
            (made / pictures).symlink_to(given / pictures)
    return str(folder)
