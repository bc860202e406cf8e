"""The config of each run: a short child of the folder's finetune.py or pretrain.py."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ..config_tree import as_list
from ..whole_file import whole_file
from .detector import model_changes
from .plan import Plan
from .runs import Run
from .schedule import scaled
from .source import Source

HEAD = '# A run of tools/compare.py. By hand: python tools/train.py {file}\n_base_ = {base!r}\n'


class Configs:
    """Writes the configs of a plan's runs.

    Attributes:
        hashes: Of each arm: of all that its runs are made from but their own settings.

    Raises:
        InputError: A detector cannot be read, or its arm's start is none that it can have.
    """

    def __init__(self, source: Source, plan: Plan, out: Path, without_labels: list[str]) -> None:
        self.source, self.out = source, out
        self.models = {name: model_changes(name, arm, source) for name, arm in plan.arms.items()}
        self.without_labels = out / 'pictures_without_labels.txt'
        self.names = without_labels
        parts = [
            source.finetune.pretty_text,
            source.train_file.read_text(),
            source.val_file.read_text(),
        ]
        stage = [source.pretrain.pretty_text, *without_labels] if source.pretrain else []
        self.hashes = {
            name: hashlib.sha256(
                json.dumps([*parts, *(stage if arm.stage else []), repr(self.models[name])]).encode(
                    errors='surrogateescape'
                )
            ).hexdigest()[:12]
            for name, arm in plan.arms.items()
        }

    def folder(self, run: Run) -> Path:
        return self.out / 'runs' / f'{run.name}_{run.hash}'

    def pretrained(self, run: Run) -> Path:
        """The weights that a run starts from."""
        return self.out / 'runs' / f'{run.after}_{run.hash}' / 'work/pretrained_detector.pth'

    def write(self, run: Run, labels: Path | None, scored: Path) -> Path:
        """A run's config.

        Args:
            labels: COCO file to train on; None for the stage without labels.
            scored: COCO file to score on.
        """
        file = self.folder(run) / 'config.py'
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = (
            self._pretraining(run)
            if run.trains_without_labels
            else self._finetuning(run, str(labels), str(scored))
        )
        base = self.source.path / ('pretrain.py' if run.trains_without_labels else 'finetune.py')
        lines |= dict(randomness=dict(seed=run.seed), work_dir=str(file.parent / 'work'))
        file.write_text(
            HEAD.format(file=file, base=str(base))
            + ''.join(f'{key} = {value!r}\n' for key, value in lines.items())
        )
        return file

    def _finetuning(self, run: Run, labels: str, scored: str) -> dict:
        model, masks = self.models[run.arm]
        scoring = dict(
            val_dataloader=dict(dataset=dict(ann_file=scored)),
            val_evaluator=dict(
                ann_file=scored,
                metric=['bbox', 'segm'] if masks else ['bbox'],
                outfile_prefix=str(self.folder(run) / 'results'),
            ),
        )
        # finetune.py's own load_from would reach every arm
        after = dict(load_from=str(self.pretrained(run)) if run.after else None, resume=False)
        data: dict = dict(ann_file=labels)
        if self.source.with_masks and not masks:
            data['pipeline'] = _without_masks(
                self.source.finetune.train_dataloader.dataset.pipeline
            )
        return dict(
            **(dict(model=model) if model else {}),
            **after,
            train_dataloader=dict(dataset=data),
            **scoring,
            test_dataloader=scoring['val_dataloader'],
            test_evaluator=scoring['val_evaluator'],
            train_cfg=dict(max_iters=run.steps, val_interval=run.steps),
            optim_wrapper=dict(optimizer=dict(lr=run.lr)),
            param_scheduler=scaled(
                as_list(self.source.finetune.get('param_scheduler')), self.source.steps, run.steps
            ),
            default_hooks=dict(
                checkpoint=dict(
                    interval=run.steps,
                    save_best=None,
                    save_optimizer=False,
                    save_param_scheduler=False,
                ),
                logger=dict(interval=max(1, min(50, run.steps // 5))),
                peak_memory=dict(type='OCRNetPeakMemoryHook'),
            ),
        )

    def _pretraining(self, run: Run) -> dict:
        model, masks = self.models[run.arm]
        assert self.source.pretrain is not None
        with whole_file(self.without_labels) as part:  # another run may read it
            part.write_text(''.join(f'{name}\n' for name in self.names), errors='surrogateescape')
        weights = {} if masks else dict(weights=dict(masks=0.0))
        work, dataset = self.folder(run) / 'work', self.source.pretrain.train_dataloader.dataset
        steps = [
            dict(step, cache_dir=str(work / 'regions')) if 'cache_dir' in step else step
            for step in dataset.pipeline
        ]  # of its own, or the first run alone would pay for what all read
        own = dict(pipeline=steps, bad_files=str(work / 'bad_pictures.txt'))
        lines: dict = dict(
            train_dataloader=dict(dataset=dict(ann_file=str(self.without_labels), **own)),
            load_from=None,
            resume=False,
        )
        if model:
            lines |= dict(model=dict(detector=model, **weights))
        if run.kind == 'probe':
            lines |= dict(
                train_cfg=dict(max_iters=run.steps, val_interval=run.steps + 1),
                param_scheduler=[],
                default_hooks=dict(checkpoint=dict(interval=run.steps), logger=dict(interval=1)),
            )
        else:
            lines |= dict(default_hooks=dict(logger=dict(interval=max(1, min(50, run.steps // 5)))))
        return lines


def _without_masks(pipeline: list[dict]) -> list[dict]:
    """The same steps for a detector without masks: RTMDet's assigner would read them."""
    return [
        dict(step, with_mask=False) if step['type'] == 'LoadAnnotations' else dict(step)
        for step in pipeline
    ]
