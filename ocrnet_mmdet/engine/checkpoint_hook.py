"""mmengine's CheckpointHook, made to lose nothing: whole files, resuming as if never stopped."""

from __future__ import annotations

import re
import signal
from collections import deque
from collections.abc import Callable
from os.path import join
from pathlib import Path

from mmdet.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from ..whole_file import remove_parts, whole_file
from .resume_check import checkpoint_folder, find_checkpoint, resumed_file
from .resumed_run import seed_step, validate_if_due
from .stop_signals import requested, steps_begin
from .trained_as import picture_side


@HOOKS.register_module()
class OCRNetCheckpointHook(CheckpointHook):
    """Arguments are those of mmengine's hook. Beside what that one does:

    * A file is written beside its place and moved there; an old one goes once the new one is whole.
    * A resumed run goes on from a whole checkpoint of its own folder, and begins with the
      validation that was due when it was saved. What a checkpoint says of files counts by name, in
      the folder that it lies in.
    * The model's random numbers in a step depend on seed, rank and step alone, so that a resumed
      step draws what it would have drawn.
    * Where :func:`~ocrnet_mmdet.engine.stop_signals.stop_after_step` is in force, Ctrl-C and
      SIGTERM end the training after the step that is being taken, saved.

    A store that is no folder (``out_dir='s3://...'``) is written to by mmengine's own means.
    """

    backend_args: dict | None
    keep_ckpt_ids: deque[int]

    saved: int | None = None  # step or epoch of the last checkpoint of this run
    local = True
    previous: list[str | None] = []  # best checkpoints that go once the new ones are whole

    def before_run(self, runner: Runner) -> None:
        """Find what a training that was told to resume, and not from which file, goes on from."""
        if runner._resume and not runner._load_from:
            runner._load_from, note = find_checkpoint(runner.work_dir, self.out_dir)
            runner._resume = runner._load_from is not None
            if note:
                runner.logger.info(note)

    def before_train(self, runner: Runner) -> None:
        self.local = '://' not in str(self.out_dir)
        if self.local:
            folder = Path(checkpoint_folder(runner.work_dir, self.out_dir))
            self._keep_to(folder, runner)
            self.backend_args = self.backend_args or dict(backend='ocrnet_whole_file')
        super().before_train(runner)
        if self.local and is_main_process():
            for place in {folder, Path(runner.work_dir)}:
                remove_parts(place)
        steps_begin()
        if runner._resume:
            info = runner.message_hub.runtime_info
            bests = [Path(info[best]) for best, _ in self._best_names() if best in info]
            validate_if_due(
                runner, scored={number for best in bests if (number := self._number(best))}
            )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note how large the pictures are: tools/predict.py cuts larger ones into tiles."""
        side = picture_side(runner.train_dataloader.dataset)
        if side:
            checkpoint['meta']['picture_side'] = side

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        seed_step(runner)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Save where it is due, and where a signal asks for it.

        Raises:
            SystemExit: A signal asked for it; the checkpoint is written.
        """
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        if not self.by_epoch:
            self._stop_if_asked(runner, runner.iter + 1, self._save_checkpoint)
        elif not self.end_of_epoch(runner.train_dataloader, batch_idx):  # saved when it is over
            self._stop_if_asked(runner, None)

    def after_train_epoch(self, runner: Runner) -> None:
        """Save where it is due, and where a signal asks for it.

        Raises:
            SystemExit: As after an iteration.
        """
        super().after_train_epoch(runner)
        if self.by_epoch:
            self._stop_if_asked(runner, runner.epoch + 1, self._save_checkpoint)

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: list | None = None,
    ) -> None:
        """Stop in the middle of a validation where a signal asks for it.

        Raises:
            SystemExit: As after a step. Several processes wait for the validation's end, which they
                reach together.
        """
        if runner.world_size == 1:
            self._stop_if_asked(runner, self._step(runner), self._save_now)

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        """Save the best checkpoint, and stop where a signal asks for it.

        Raises:
            SystemExit: As after a step.
        """
        super().after_val_epoch(runner, metrics)
        self._stop_if_asked(runner, self._step(runner), self._save_now)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: list | None = None,
    ) -> None:
        """Stop in the middle of a scoring where a signal asks for it.

        Raises:
            SystemExit: As after a step; of a training's last scoring.
        """
        if runner.world_size == 1:
            self._stop_if_asked(runner, self._step(runner))

    def _step(self, runner: Runner) -> int:
        """What has been taken outside the training's steps: epochs or iterations."""
        return runner.epoch if self.by_epoch else runner.iter

    def _keep_to(self, folder: Path, runner: Runner) -> None:
        """Let what a resumed checkpoint says of files count in ``folder``, where it lies there
        itself.
        """
        info = runner.message_hub.runtime_info
        file = resumed_file(runner) if runner._resume else None
        here = file is not None and Path(file).resolve().parent == folder.resolve()
        self.saved = self._step(runner) if here else None
        self.last_ckpt = file if here else None
        if self.max_keep_ckpts > 0:
            kept = (
                [step for step in info.get('keep_ckpt_ids', []) if type(step) is int]
                if here
                else []
            )
            for step in kept[: -self.max_keep_ckpts] if is_main_process() else ():
                path = folder / self.filename_tmpl.format(step)  # a kill came before it was removed
                if path.is_file() and path.stat().st_mtime <= Path(str(file)).stat().st_mtime:
                    path.unlink()
            runner.message_hub.update_info('keep_ckpt_ids', kept[-self.max_keep_ckpts :])
        for best, score in self._best_names():
            if best not in info:
                continue
            path = folder / Path(str(info[best])).name
            if here and self._number(path) is not None and path.is_file():
                runner.message_hub.update_info(best, str(path))
            else:
                runner.logger.info(
                    f'the best checkpoint so far, {path.name!r}, is not in {folder}: '
                    'the best is chosen anew'
                )
                info.pop(best)
                info.pop(score, None)

    def _best_names(self) -> list[tuple[str, str]]:
        """The message hub's names of path and score of each best checkpoint."""
        if not self.save_best:
            return []
        ends = [''] if len(self.key_indicators) == 1 else [f'_{key}' for key in self.key_indicators]
        return [(f'best_ckpt{end}', f'best_score{end}') for end in ends]

    def _number(self, best: Path) -> int | None:
        """Step or epoch in the name of a best checkpoint, None where it is no such name."""
        number = re.escape(self.filename_tmpl).replace(re.escape('{}'), r'(\d+)')
        match = re.fullmatch(f'best_.+_{number}', best.name)
        return int(match[1]) if match else None

    def _stop_if_asked(
        self, runner: Runner, step: int | None, save: Callable[[Runner], None] | None = None
    ) -> None:
        """``step`` is what is over; None within an epoch, which is not saved and begins anew."""
        signum = requested()
        if not signum:
            return
        if save and self.saved != step:
            save(runner)
        unit = 'epoch' if self.by_epoch else 'step'
        when = (
            f'in epoch {runner.epoch + 1}, which begins anew'
            if step is None
            else f'after {unit} {step}'
        )
        saved = (
            f'{self.last_ckpt} holds the run' if self.last_ckpt else 'there is no checkpoint yet'
        )
        runner.logger.warning(
            f'stopped by {signal.Signals(signum).name} {when}: {saved}; '
            'go on with the same command and --resume'
        )
        raise SystemExit(128 + signum)

    def _save_now(self, runner: Runner) -> None:
        meta = dict(epoch=runner.epoch, iter=runner.iter)
        self._save_checkpoint_with_step(runner, self._step(runner), meta)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """As mmengine's, which removes outdated files first and writes last_checkpoint in place.

        Raises:
            OSError: A file cannot be written; those that were there stay.
        """
        self._remove_previous_best()
        self.saved = step
        if not self.local:
            super()._save_checkpoint_with_step(runner, step, meta)
            return
        outdated = []
        if self.max_keep_ckpts > 0:
            kept = [*(known for known in self.keep_ckpt_ids if known != step), step]
            outdated, kept = kept[: -self.max_keep_ckpts], kept[-self.max_keep_ckpts :]
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
            # with those that are still to be removed, in case that a kill comes before
            runner.message_hub.update_info('keep_ckpt_ids', [*outdated, *kept])
        name = self.filename_tmpl.format(step)
        self.last_ckpt = join(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            with whole_file(join(runner.work_dir, 'last_checkpoint')) as part:
                part.write_text(self.last_ckpt)
            for step in outdated:
                Path(self.out_dir, self.filename_tmpl.format(step)).unlink(missing_ok=True)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        if not self.save_best or not self.local:
            super()._save_best_checkpoint(runner, metrics)
            return
        # mmengine's removes the best that it knows before it writes the new one
        self.previous, self._best = self._best, [None] * len(self.key_indicators)
        super()._save_best_checkpoint(runner, metrics)
        self._remove_previous_best()  # where no checkpoint was written yet
        self._best = [new or old for new, old in zip(self._best, self.previous)]
        self.previous = []

    def _remove_previous_best(self) -> None:
        """After the new one is whole, and before a checkpoint forgets the name of the old one."""
        pairs = zip(self._best, self.previous) if self.previous and is_main_process() else ()
        for new, old in pairs:
            if new and old and new != old:
                Path(old).unlink(missing_ok=True)

    @property
    def _best(self) -> list[str | None]:
        """Paths of the best checkpoints, one for each of ``key_indicators``."""
        if len(self.key_indicators) == 1:
            return [self.best_ckpt_path]
        return [self.best_ckpt_path_dict.get(key) for key in self.key_indicators]

    @_best.setter
    def _best(self, paths: list[str | None]) -> None:
        if len(self.key_indicators) == 1:
            (self.best_ckpt_path,) = paths
        else:
            self.best_ckpt_path_dict = dict(zip(self.key_indicators, paths))
