"""The folder that tools/start.py wrote: its configs, pictures and labels."""

from __future__ import annotations

import os
from pathlib import Path

from mmengine.config import Config

from ..datasets.coco_file import read_coco
from ..datasets.listing import read_list
from ..errors import InputError, shown
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
        try:
            self._read_configs()
        except Exception as error:  # they are programs, and may lack anything
            raise InputError(
                f'{path} has configs that are not those of tools/start.py '
                f'({type(error).__name__}: {shown(str(error), 160)}): name a folder that it wrote'
            ) from error
        self.train = read_coco(str(self.train_file), str(self.pictures), 'train')
        self.val = read_coco(str(self.val_file), str(self.pictures), 'val')

    def _read_configs(self) -> None:
        self.finetune = Config.fromfile(self.path / 'finetune.py')
        with_stage = (self.path / 'pretrain.py').is_file()
        self.pretrain = Config.fromfile(self.path / 'pretrain.py') if with_stage else None
        trained, scored = (self.finetune[f'{p}_dataloader'].dataset for p in ('train', 'val'))
        self.pictures = Path(trained.data_root)
        self.train_file, self.val_file = Path(trained.ann_file), Path(scored.ann_file)
        self.classes = [str(name) for name in scored.metainfo.classes]
        self.with_masks = 'segm' in self.finetune.val_evaluator.metric
        self.lr = self.finetune.optim_wrapper.optimizer.lr
        self.steps = self.finetune.train_cfg.max_iters

    def folder(self) -> Folder:
        return Folder(
            self.path,
            len(self.train['images']),
            self.lr,
            self.steps,
            has_imagenet(self.finetune.model.backbone),
            self.pretrain is not None,
        )

    def taken(self) -> set[Path]:
        """Folders of the annotations and of the configs' own trainings."""
        works = [cfg.get('work_dir') for cfg in (self.finetune, self.pretrain) if cfg]
        return {Path(place).resolve() for place in (self.train_file.parent, *filter(None, works))}

    def pictures_without_labels(self) -> list[str]:
        """Names of those that the stage sees, below ``pictures``."""
        assert self.pretrain is not None
        return list(map(os.fsdecode, read_list(self.pretrain.train_dataloader.dataset.ann_file)))
