"""What tools/start.py writes of a generated data set."""

import json

from ocrnet_mmdet.start import start

from ..detectors import ROOT

CONFIGS = ROOT / 'configs'


def begin(pictures, out, labels='annotations/train.json', val=None, **kwargs):
    options = dict(val_share=0.25, seed=0, imagenet=True) | kwargs
    return start(
        pictures=pictures,
        labels=labels and pictures / labels,
        val=val and pictures / val,
        out=out,
        configs=CONFIGS,
        **options,
    )


def names(file):
    return {image['file_name'] for image in json.loads(file.read_text())['images']}
