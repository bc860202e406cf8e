"""Objects of a data set that discovered regions, or a pretrained detector, find."""

from pathlib import Path

import cv2

from ocrnet_mmdet.evaluation.recall import detections_of, measure
from ocrnet_mmdet.pretraining.regions import WORKING_SIZE

from .data_sets import DATA_SETS
from .places import file_to_start_from
from .records import ROOT, Run

SPLITS = dict(train=(0, 2), val=(1, 3))  # the places of its JSON and pictures in DataSet.layout


def execute(run: Run, data_root: Path, out: Path) -> dict:
    """Of the splits that the options name."""
    cv2.setNumThreads(1)  # the time is that of one core
    data = DATA_SETS[run.data]
    sources = [
        tuple(data_root / run.data / data.layout[place] for place in SPLITS[split])
        for split in run.options['splits']
    ]
    start = file_to_start_from(run, out)
    detect = detections_of(str(ROOT / run.config), start, data.size) if start else None
    return dict(
        measured=measure(sources, data.least_area, detect, run.options.get('size', WORKING_SIZE))
    )
