"""The folder that tools/start.py wrote: its configs, pictures and labels."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

from ..datasets.coco_file import read_coco
from ..errors import InputError
from .backbone import has_imagenet
from .plan import Folder


class Source:
    """The folder that tools/start.py wrote.

    Raises:
        InputError: It is another folder, or its files are damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        if not (self.path / 'finetune.py').is_file():
            raise InputError(
                f'{path} has no finetune.py: name the folder that tools/start.py wrote '
                'with --labels'
            )
        self.finetune = Config.fromfile(self.path / 'finetune.py')
        with_stage = (self.path / 'pretrain.py').is_file()
        self.pretrain = Config.fromfile(self.path / 'pretrain.py') if with_stage else None
        self.pictures = Path(self.finetune.train_dataloader.dataset.data_root)
        self.train_file, self.val_file = (
            Path(self.finetune[f'{part}_dataloader'].dataset.ann_file) for part in ('train', 'val')
        )
        self.with_masks = 'segm' in self.finetune.val_evaluator.metric
        self.train = read_coco(str(self.train_file), str(self.pictures), 'train')
        self.val = read_coco(str(self.val_file), str(self.pictures), 'val')

    def folder(self) -> Folder:
        return Folder(
            self.path,
            len(self.train['images']),
            self.finetune.optim_wrapper.optimizer.lr,
            self.finetune.train_cfg.max_iters,
            has_imagenet(self.finetune.model.backbone),
            self.pretrain is not None,
        )

    def pictures_without_labels(self) -> list[str]:
        """Names of those that the stage sees, below ``pictures``."""
        assert self.pretrain is not None
        return (
            Path(self.pretrain.train_dataloader.dataset.ann_file)
            .read_text(errors='surrogateescape')
            .splitlines()
        )
