"""Which pictures a run is trained and scored on: parts of a COCO JSON, drawn by seed."""

from collections import Counter
from pathlib import Path

from ocrnet_mmdet.compare.subsets import split_images
from ocrnet_mmdet.datasets.coco_file import keep_images

from .data_sets import DATA_SETS, training_json
from .records import Run

HELD_OUT = 40  # training pictures that a choice is made by
HELD_OUT_SEED = 99
FEW, MOST_OBJECTS = 16, 100  # of a training scored on its own pictures; a detector returns 100


def small_pictures(data: dict, longest_side: int, objects: int) -> dict:
    """The part of a JSON with pictures of at most that size (pixels) and that many objects."""
    counts = Counter(a['image_id'] for a in data['annotations'])
    return keep_images(
        data,
        {
            image['id']
            for image in data['images']
            if max(image['width'], image['height']) <= longest_side
            and 0 < counts[image['id']] <= objects
        },
    )


def labelled_parts(run: Run, data_root: Path) -> tuple[dict | None, dict | None]:
    """What a run is trained on and scored on, each None where that is the data set's own JSON."""
    data = DATA_SETS[run.data]
    if run.scored_on == 'val':
        if run.labels is None:
            return None, None
        return _percent(training_json(data_root, run.data), run.labels, 1000 + run.seed), None
    whole = training_json(data_root, run.data)
    if run.scored_on == 'held_out':
        held, rest = split_images(whole, HELD_OUT, HELD_OUT_SEED)
        return _percent(rest, run.labels, run.seed), held
    small = small_pictures(whole, data.few_at_most, MOST_OBJECTS)
    few = split_images(small, FEW, run.seed)[0]
    return few, few


def _percent(data: dict, percent: int, seed: int) -> dict:
    return split_images(data, round(len(data['images']) * percent / 100), seed)[0]
