"""The pretrained file: the teacher's weights under the detector's own keys."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from mmdet.registry import HOOKS
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from .. import __version__
from ..engine.checkpoint_check import teacher_weights
from ..whole_file import whole_file
from .monitor_hook import readiness_of
from .pretrainer import OCRNetPretrainer, pretrainer_of

EXPORT_NAME = 'pretrained_detector.pth'


@HOOKS.register_module()
class OCRNetExportHook(Hook):
    """Hands the teacher over at the end of a pretraining; a checkpoint says what of it was not
    trained.
    """

    def before_train(self, runner: Runner) -> None:
        runner.logger.info(f'the detector will be written to {Path(runner.work_dir) / EXPORT_NAME}')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['meta'].update(
            untrained=untrained_of(pretrainer_of(runner)), ready=is_ready(runner)
        )

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Export the teacher.

        Raises:
            OSError: See :func:`export_detector`.
        """
        path = export_detector(pretrainer_of(runner), runner)
        runner.logger.info(
            f'pretrained detector: {path}; fine-tune it with --cfg-options load_from={path}'
        )


def untrained_of(model: OCRNetPretrainer) -> list[str]:
    """Parts among those that are handed over which the run does not train."""
    keys = teacher_weights(model.state_dict())
    return [part for part in model.untrained if any(key.startswith(f'{part}.') for key in keys)]


def is_ready(runner: Runner) -> bool | None:
    """Whether to fine-tune from it, None where nothing tells: see :mod:`.readiness`."""
    verdict = readiness_of(runner)
    return verdict.ready if verdict else None


def export_detector(model: OCRNetPretrainer, runner: Runner) -> Path:
    """Write ``pretrained_detector.pth`` to the run's work folder.

    It holds ``state_dict`` (all of the detector but its classifier) and ``meta`` (plain numbers and
    strings: loads with ``weights_only=True``), of which ``data`` is the fingerprint of the images
    that were seen, ``untrained`` names the parts that the run did not train, ``ready`` says whether
    it went on long enough, and ``cfg`` is the text of its config.

    Raises:
        OSError: It cannot be written; one that was there stays.
    """
    state = {
        key: value.detach().cpu().clone()
        for key, value in teacher_weights(model.state_dict()).items()
    }
    meta = dict(
        ocrnet_mmdet=__version__,
        steps=runner.iter,
        seed=int(runner.seed or 0),
        pretrained_without_labels=True,
        weights=dict(model.weights),
        untrained=untrained_of(model),
        ready=is_ready(runner),
        data=runner.train_dataloader.dataset.fingerprint(),
        cfg=runner.cfg.pretty_text,  # tools/predict.py shows by it what the file finds
    )
    path = Path(runner.work_dir) / EXPORT_NAME
    content = io.BytesIO()  # torch's own writer says nothing of a disk that is full
    torch.save(dict(meta=meta, state_dict=state), content)
    with whole_file(path) as part:
        part.write_bytes(content.getbuffer())
    return path
