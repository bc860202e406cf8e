"""What an exported detector costs: python experiments/export_cost.py CHECKPOINT --out FOLDER

AP and seconds of a picture of the same detector in PyTorch, as the file of 32-bit floats that
tools/export.py writes, and as onnxruntime's own tools make that smaller; on the test set of the
checkpoint's config, one thread. --sides also times other sizes of the pictures.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import onnx
import torch
from mmdet.registry import DATASETS
from mmengine.config import Config
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.transformers.float16 import convert_float_to_float16
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ocrnet_mmdet.cli import one_line_errors  # noqa: E402
from ocrnet_mmdet.config_tree import datasets_of  # noqa: E402
from ocrnet_mmdet.datasets.load_image import read_picture  # noqa: E402
from ocrnet_mmdet.export.check import compare  # noqa: E402
from ocrnet_mmdet.export.onnx_file import export, read_two_stage, scored_pictures  # noqa: E402
from ocrnet_mmdet.export.run import Detector, resized  # noqa: E402

CALIBRATION = 24  # training pictures that set the ranges of 8-bit numbers
SHOWN = ('torch_ap', 'onnx_ap', 'torch_seconds', 'onnx_seconds')


class TrainingPictures(CalibrationDataReader):
    """What onnxruntime calibrates on."""

    def __init__(self, cfg: Config, scale: list[int]) -> None:
        dataset = DATASETS.build(next(datasets_of(cfg.train_dataloader)))
        files = (dataset.get_data_info(i)['img_path'] for i in range(len(dataset)))
        self.inputs = (
            dict(picture=resized(read_picture(file), scale)) for file in islice(files, CALIBRATION)
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.inputs, None)


def smaller(file: Path, cfg: Config) -> Iterator[Path]:
    """Write the files that onnxruntime's tools make of an exported one."""
    scale = Detector(file, 1).scale
    for name, operators in dict(int8_conv=['Conv'], int8=['Conv', 'MatMul', 'Gemm']).items():
        path = file.with_name(f'{name}.onnx')
        quantize_static(
            file,
            path,
            TrainingPictures(cfg, scale),
            op_types_to_quantize=operators,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        yield path
    path = file.with_name('float16.onnx')
    onnx.save(convert_float_to_float16(onnx.load(file), keep_io_types=True), path)
    yield path


def at_side(model: nn.Module, cfg: Config, file: Path, side: int, pictures: int) -> dict:
    """:func:`~ocrnet_mmdet.export.check.compare` with pictures of another longest side."""
    cfg = cfg.copy()
    for step in (s for d in datasets_of(cfg.test_dataloader) for s in d.pipeline):
        if step.type == 'Resize':
            step.scale = (side, side)
    detector = Detector(file, 1)
    detector.scale = [side, side]
    return compare(model, scored_pictures(cfg), detector, pictures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='of a training, or its work folder')
    parser.add_argument('--out', type=Path, required=True, help='folder for the files')
    parser.add_argument('--pictures', type=int, default=100, help='of the test set, default: 100')
    parser.add_argument('--sides', type=int, nargs='*', default=[], help='pixels')
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / 'float32.onnx'
    export(args.checkpoint, file)
    trained = read_two_stage(args.checkpoint)
    model, dataset = trained.build(), scored_pictures(trained.cfg)
    for path in (file, *smaller(file, trained.cfg)):
        found = compare(model, dataset, Detector(path, 1), args.pictures)
        size = round(path.stat().st_size / 2**20, 1)
        print(json.dumps(dict(file=path.name, mib=size, **{key: found[key] for key in SHOWN})))
    for side in args.sides:
        found = at_side(model, trained.cfg, file, side, args.pictures)
        print(json.dumps(dict(side=side, **{key: found[key] for key in SHOWN[2:]})))


if __name__ == '__main__':
    with one_line_errors():
        main()
