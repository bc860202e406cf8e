"""A checkpoint as one ONNX file."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch
from mmdet.datasets import CocoDataset
from mmdet.models.detectors import TwoStageDetector
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config

from .. import __version__
from ..config_tree import datasets_of
from ..errors import InputError, require, shown
from ..picture_pipeline import resize_of, scored_steps
from ..trained_detector import TrainedDetector, checkpoint_file, read_detector
from ..whole_file import whole_file
from .detector import ExportedDetector

OPSET = 17  # RoiAlign's half pixel is of 16, LayerNormalization of 17
TRACED = (64, 96)  # pixels of the picture by which the graph is written; any other fits it
NAMES = ('boxes', 'scores', 'labels', 'masks')


def need_onnx() -> None:
    """Look whether the packages of the extra ``export`` are there.

    Raises:
        InputError: One is not.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise InputError(
            f'{error.name} is not installed: pip install onnx onnxruntime, or the extra [export]'
        ) from error


def read_two_stage(checkpoint: str) -> TrainedDetector:
    """The detector of a checkpoint, or of a training's work folder.

    Raises:
        InputError: There is none, or it is no two-stage detector, or of a pretraining.
    """
    trained = read_detector(checkpoint_file(checkpoint))
    trained.need_classifier()
    name = str(trained.model_cfg.get('type'))
    kind = MODELS.get(name)
    if not isinstance(kind, type) or not issubclass(kind, TwoStageDetector):
        raise InputError(
            f'the model is {shown(name)}, export writes two-stage detectors with '
            'OCRNetRegionHead and OCRNetRoIHead: for others take mmdeploy'
        )
    return trained


def resize_scale(cfg: Config) -> list[int]:
    """The longest and the shortest side, pixels, to which the test pipeline resizes a picture.

    Raises:
        InputError: It has no ``Resize`` that keeps the ratio.
    """
    scale, keeps_ratio = resize_of(scored_steps(cfg)) or (None, False)
    if not scale or not keeps_ratio:
        raise InputError(
            'the test pipeline in the checkpoint has no Resize with scale and keep_ratio=True: '
            'train with one, see configs/_base_/small_data.py'
        )
    return sorted(scale, reverse=True)


def scored_pictures(cfg: Config) -> CocoDataset:
    """The config's test set.

    Raises:
        InputError: It is not there, or has no picture.
    """
    data = next(datasets_of(cfg.get('test_dataloader')), None)
    if not data or not data.get('ann_file'):
        raise InputError("the checkpoint's config has no test set with labels: leave --check out")
    try:
        dataset = DATASETS.build(dict(data, test_mode=True, serialize_data=False))
    except FileNotFoundError as error:
        raise InputError(
            f"{error.filename}, of the test set in the checkpoint's config, is not there: put it "
            'back or leave --check out'
        ) from error
    if not len(dataset):
        raise InputError("the test set in the checkpoint's config is empty: leave --check out")
    return dataset


def write_onnx(
    detector: ExportedDetector, path: Path, classes: list[str], scale: list[int]
) -> None:
    """Write ``path``; class names, scale and the masks' threshold go into its metadata.

    Raises:
        OSError: It cannot be written.
    """
    import onnx

    roi_head = detector.detector.roi_head
    names = NAMES if roi_head.with_mask else NAMES[:-1]
    axes = {name: {0: 'detections'} for name in names}
    with whole_file(path) as part:
        with warnings.catch_warnings():
            # It warns of every shape that it takes for a constant: the tests use other pictures.
            # torch's newer exporter asks for a proof of each shape that non-maximum suppression
            # gives.
            warnings.simplefilter('ignore')
            torch.onnx.export(
                detector,
                (torch.zeros(1, 3, *TRACED, dtype=torch.uint8),),
                str(part),
                dynamo=False,
                opset_version=OPSET,
                input_names=['picture'],
                output_names=list(names),
                dynamic_axes=dict(axes, picture={2: 'height', 3: 'width'}),
            )
        model = onnx.load(part)
        about = dict(
            classes=classes,
            scale=scale,
            mask_threshold=roi_head.test_cfg.get('mask_thr_binary', 0.5),
            ocrnet_mmdet=__version__,
        )
        onnx.helper.set_model_props(model, {key: json.dumps(about[key]) for key in about})
        onnx.save(model, part)


def export(checkpoint: str, path: Path, check: int = 0) -> dict | None:
    """Write the detector of a checkpoint to ``path``.

    Args:
        checkpoint: Of a training, or its work folder.
        path: The ``.onnx`` file.
        check: Pictures of the config's test set on which both are compared.

    Returns:
        What :func:`~.check.compare` does, where pictures are to be compared.

    Raises:
        InputError: A package is missing, the checkpoint's detector cannot be written, or its test
            set is not there.
    """
    require('--check', check, int, low=0)
    need_onnx()
    trained = read_two_stage(checkpoint)
    pictures = scored_pictures(trained.cfg) if check else None
    model = trained.build()
    write_onnx(ExportedDetector(model), path, list(trained.classes), resize_scale(trained.cfg))
    if pictures is None:
        return None
    from .check import compare  # with onnxruntime
    from .run import Detector

    return compare(model, pictures, Detector(path, torch.get_num_threads()), check)
