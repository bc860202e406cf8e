"""The pretrained file: the teacher's weights under the detector's own keys."""
from __future__ import annotations

import os
from pathlib import Path

import torch
from mmengine.runner import Runner

from .. import __version__
from .pretrainer import OCRNetPretrainer

EXPORT_NAME = 'pretrained_detector.pth'
CLASSIFIER = 'roi_head.bbox_head.fc_cls.'


def export_detector(model: OCRNetPretrainer, runner: Runner) -> Path:
    """Write ``pretrained_detector.pth`` to the run's work folder.

    It holds ``state_dict`` (all of the detector but its classifier) and ``meta`` (plain numbers and
    strings: loads with ``weights_only=True``), of which ``data`` is the fingerprint of the pictures
    that were seen.
    """
    state = {key: value.detach().cpu().clone() for key, value in model.teacher.state_dict().items()
             if not key.startswith((CLASSIFIER, 'data_preprocessor'))}
    dataset = runner.train_dataloader.dataset
    meta = dict(ocrnet_mmdet=__version__, steps=runner.iter, seed=int(runner.seed or 0),
                pretrained_without_labels=True, weights=dict(model.weights),
                data=dataset.fingerprint() if hasattr(dataset, 'fingerprint') else None)
    path = Path(runner.work_dir) / EXPORT_NAME
    part = path.with_suffix('.part')
    torch.save(dict(meta=meta, state_dict=state), part)
    os.replace(part, path)
    return path
