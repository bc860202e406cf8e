"""Watches a pretraining: its measures go to the log, what is wrong is said or stops the run."""

from __future__ import annotations

import time

from mmdet.registry import HOOKS
from mmdet.utils import reduce_mean
from mmengine.dist import get_world_size, master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..engine.checkpoint_check import PRETRAINING
from ..engine.finite_loss import SavedCheckpoints
from ..errors import InputError, require
from .monitors import CollapseMonitor, PlateauAlarm
from .pretrainer import pretrainer_of
from .readiness import Readiness, readiness
from .record import StepRecord

NO_REGION_STEPS = 100  # of regions from one source, after which it is said that none was seen
# a level of the record -> its loss's name
ALARMS = dict(box_level='loss_boxes', mask_level='loss_masks')


@HOOKS.register_module()
class OCRNetMonitorHook(Hook):
    """Logs the measures of :mod:`.record` and raises the alarms of :mod:`.monitors`, each once.

    The log's last line says whether the run is :mod:`ready <.readiness>` to fine-tune from.

    Args:
        interval: Steps between two looks.
        collapse: Arguments of :class:`~ocrnet_mmdet.pretraining.monitors.CollapseMonitor`.
    """

    priority = 'NORMAL'  # before LoggerHook, which prints what this one measures

    def __init__(self, interval: int = 10, collapse: dict = dict()) -> None:
        self.interval = require('OCRNetMonitorHook.interval', interval, int, low=1)
        self.collapse = CollapseMonitor(**collapse)
        self.alarms = {level: PlateauAlarm(name) for level, name in ALARMS.items()}
        self.said: set[str] = set()
        self.own_regions = False  # whether they are the source by now
        self.regions_seen: bool | None = None  # None before the first look
        self.regions_from = 0  # step from which regions are looked for
        self.start = (0.0, 0)  # time and step

    def before_train(self, runner: Runner) -> None:
        self.start, self.regions_from = (time.time(), runner.iter), runner.iter
        self.saved = SavedCheckpoints(runner)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        own = pretrainer_of(runner).own_regions
        if own and not self.own_regions:
            self.own_regions, self.regions_seen, self.regions_from = True, None, runner.iter

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Log what the step's record says, warn of it, stop a collapse.

        Raises:
            InputError: The region vectors have collapsed.
        """
        step = runner.iter + 1
        if step % self.interval:
            return
        record = pretrainer_of(runner).record
        if record is None or data_batch is None:
            return
        values = record.measures()
        images = len(data_batch['inputs'][0]) * get_world_size() * (step - self.start[1])
        values['images_per_second'] = images / max(time.time() - self.start[0], 1e-9)
        for name, value in values.items():
            runner.message_hub.update_scalar(f'train/{name}', float(value))
        self._warn_of_plateaus(runner, record, step)
        self._warn_of_no_region(runner, bool(values['regions'] > 0), step)
        if record.vectors:
            self._stop_if_collapsed(runner, values, step)

    def _warn_of_plateaus(self, runner: Runner, record: StepRecord, step: int) -> None:
        for name, level in record.levels().items():
            message = self.alarms[name].update(step, float(level.loss), float(level.constant))
            if message and name not in self.said:
                self.said.add(name)
                runner.logger.warning(message)

    def _warn_of_no_region(self, runner: Runner, seen: bool, step: int) -> None:
        self.regions_seen = self.regions_seen or seen
        source = 'own regions' if self.own_regions else 'regions'
        if (
            not self.regions_seen
            and step - self.regions_from >= NO_REGION_STEPS
            and source not in self.said
        ):
            self.said.add(source)
            _say_no_region(runner, step)

    def _stop_if_collapsed(self, runner: Runner, values: dict, step: int) -> None:
        # Of all ranks, so that all of them stop.
        spread, share = (float(reduce_mean(values[key])) for key in ('spread', 'rank_share'))
        message = self.collapse.update(step, spread, share)
        if message:
            saved = self.saved.last_good()
            raise InputError(
                f'{message}; nothing was exported, '
                + (
                    f'the last checkpoint is {saved}'
                    if saved
                    else f'there is no checkpoint yet of this run in {runner.work_dir}'
                )
            )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint.setdefault(PRETRAINING, {}).update(
            collapse=self.collapse.state_dict(),
            said=sorted(self.said),
            own_regions=self.own_regions,
            regions_seen=self.regions_seen,
            alarms={level: alarm.state_dict() for level, alarm in self.alarms.items()},
        )

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        state = checkpoint.get(PRETRAINING, {})
        if runner._resume and 'collapse' in state:
            self.collapse.load_state_dict(state['collapse'])
            self.said, self.regions_seen = set(state['said']), state['regions_seen']
            self.own_regions = state.get('own_regions', False)
            for level, alarm in self.alarms.items():
                alarm.load_state_dict(state['alarms'][level])

    @master_only
    def after_train(self, runner: Runner) -> None:
        if self.regions_seen is False:
            _say_no_region(runner, runner.iter)

    @master_only
    def after_run(self, runner: Runner) -> None:
        verdict = self.readiness(runner)
        if verdict:
            say = runner.logger.info if verdict.ready else runner.logger.warning
            say(verdict.words)

    def readiness(self, runner: Runner) -> Readiness | None:
        """By the last steps that were looked at; None of a run that trains no box branch."""
        model = pretrainer_of(runner)
        if not model.weights['boxes'] or 'roi_head' in model.untrained:
            return None
        return readiness(runner.iter, self.alarms['box_level'].ratio())


def readiness_of(runner: Runner) -> Readiness | None:
    """As the run's :class:`OCRNetMonitorHook` says; None without one."""
    hooks = [hook for hook in runner.hooks if isinstance(hook, OCRNetMonitorHook)]
    return hooks[0].readiness(runner) if hooks else None


def _say_no_region(runner: Runner, step: int) -> None:
    model = pretrainer_of(runner)
    fix = (
        f"the teacher's proposals have scores below {model.min_score}: lower model.min_score, or "
        'let them begin later (own_from)'
        if model.own_regions
        else 'look at what ocrnet_mmdet.pretraining.discover_regions finds in the images; are '
        'they of one colour, or far smaller than a view?'
    )
    runner.logger.warning(
        f'step {step}: no view that was looked at had a region, so there was nothing to learn: '
        f'{fix}'
    )
