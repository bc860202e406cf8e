"""The detectors of tests/predict: a training and a pretraining of a few steps."""

from ..predict.conftest import data, pretrained_dir, work_dir  # noqa: F401
