"""Drawings of detections, each picture's in the sub-folder that the picture lies in."""

from __future__ import annotations

import os
from collections.abc import Sequence

import mmcv
from mmdet.engine.hooks import DetVisualizationHook
from mmdet.registry import HOOKS
from mmdet.structures import DetDataSample
from mmengine import fileio
from mmengine.runner import Runner

WRITTEN = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')


@HOOKS.register_module()
class OCRNetVisualizationHook(DetVisualizationHook):
    """mmdet's hook, which writes drawings of the same name over one another: here they keep the
    path below the folder that all pictures share. A picture of a kind that OpenCV does not write is
    drawn as PNG (``cam1/a.heic.png``).
    """

    def before_test(self, runner: Runner) -> None:
        dataset = runner.test_dataloader.dataset
        folders = (
            {
                os.path.dirname(os.path.abspath(dataset.get_data_info(i)['img_path']))
                for i in range(len(dataset))
            }
            if self.draw
            else ()
        )
        self._root = os.path.commonpath(folders) if folders else ''

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[DetDataSample]
    ) -> None:
        if not self.draw or self.test_out_dir is None:
            return super().after_test_iter(runner, batch_idx, data_batch, outputs)
        folder = os.path.join(runner.work_dir, runner.timestamp, self.test_out_dir)
        for sample in outputs:
            self._test_index += 1
            content = fileio.get(sample.img_path, backend_args=self.backend_args)
            name = os.path.relpath(os.path.abspath(sample.img_path), self._root)
            suffix = '' if name.lower().endswith(WRITTEN) else '.png'
            self._visualizer.add_datasample(
                'test_img',
                mmcv.imfrombytes(content, channel_order='rgb'),
                data_sample=sample,
                show=self.show,
                wait_time=self.wait_time,
                pred_score_thr=self.score_thr,
                out_file=os.path.join(folder, name + suffix),
                step=self._test_index,
            )
