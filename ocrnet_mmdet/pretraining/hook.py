"""The self-supervised runner hook: the teacher's and the terms' schedules, monitors, alarms, export."""
from __future__ import annotations

import time
from pathlib import Path

import torch
from mmdet.registry import HOOKS
from mmdet.utils import reduce_mean
from mmengine.dist import get_world_size, is_main_process, master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import IterBasedTrainLoop, Runner

from ..datasets.variation_sampler import OCRNetVariationSampler
from ..engine.checkpoint_check import PRETRAINING, check_parts
from ..engine.finite_loss import SavedCheckpoints
from ..engine.resume_check import check_resume
from ..errors import InputError, require
from . import monitors
from .export import EXPORT_NAME, export_detector, untrained_of
from .pretrainer import OCRNetPretrainer
from .probe import Probe
from .region_loss import squared_residual
from .schedules import cosine, longest_momentum, ramp

NO_REGION_STEPS = 100  # of regions from one source, after which it is said that none was seen
ALARMS = dict(box_level='loss_boxes', mask_level='loss_masks')  # what the pretrainer saw -> its name


@HOOKS.register_module()
class OCRNetPretrainHook(Hook):
    """Runs what of a pretraining depends on the step, watches it and hands the teacher over.

    Every step's random numbers depend on the seed, the rank and the step alone, as
    :class:`~ocrnet_mmdet.engine.checkpoint_hook.OCRNetCheckpointHook` sets them: a resumed run is the
    run that was never stopped.

    Args:
        momentum: The teacher's, from the first step to the last along a cosine, as far as ``horizon``
            lets it rise.
        horizon: Share of the steps that the teacher averages over at most, which bounds the momentum (of
            2,000 steps at 0.99, of 20,000 at 0.999): an unbounded one hands over a detector of long ago.
        sigma_from: Share of the steps after which the log-variances join in, over as long again.
        own_from: Share of the steps after which the regions are those that the teacher finds by then;
            1 keeps the discovered ones to the end.
        interval: Steps between two looks of the monitors.
        collapse: Arguments of :class:`~ocrnet_mmdet.pretraining.monitors.CollapseMonitor`.
        probe: Arguments of :class:`~ocrnet_mmdet.pretraining.probe.Probe`, whose score is logged as
            ``probe_accuracy``; None where there are no labels.
    """

    priority = 'NORMAL'  # before LoggerHook, which prints what this one measures

    def __init__(self, momentum: tuple[float, float] = (0.99, 1.0), horizon: float = 0.05,
                 sigma_from: float = 0.12, own_from: float = 1.0, interval: int = 10,
                 collapse: dict = dict(), probe: dict | None = None) -> None:
        self.momentum = require('OCRNetPretrainHook.momentum', momentum, low=0, high=1, count=2)
        self.horizon = require('OCRNetPretrainHook.horizon', horizon, above=0)
        self.sigma_from = require('OCRNetPretrainHook.sigma_from', sigma_from, low=0, high=1)
        self.own_from = require('OCRNetPretrainHook.own_from', own_from, low=0, high=1)
        self.interval = require('OCRNetPretrainHook.interval', interval, int, low=1)
        self.collapse = monitors.CollapseMonitor(**collapse)
        self.alarms = {seen: monitors.PlateauAlarm(name) for seen, name in ALARMS.items()}
        self.probe = Probe(**probe) if probe else None
        self.said: set[str] = set()
        self.finder_is_new = True  # not yet a copy of a trained teacher
        self.start = (0.0, 0)
        self.bad_before = 0  # unreadable pictures that earlier runs named
        self.regions_seen: bool | None = None  # None before the first look
        self.regions_from = 0  # step from which regions are looked for

    def before_run(self, runner: Runner) -> None:
        """
        Raises:
            InputError: The model is no ``OCRNetPretrainer``, or none that could find regions of its own.
        """
        if not isinstance(_pretrainer(runner), OCRNetPretrainer):
            raise InputError(f'OCRNetPretrainHook needs model.type=OCRNetPretrainer, the config has '
                             f'{type(_pretrainer(runner)).__name__}: set model.type or drop the hook')
        if self.own_from < 1:
            if 'rpn_head' in _pretrainer(runner).untrained and not (runner._load_from or runner._resume):
                raise InputError(f'own_from={self.own_from} takes the regions of a region head that is not trained: set '
                                 'model.weights.regions=1, or own_from=1')
            _pretrainer(runner).keep_finder()

    def before_train(self, runner: Runner) -> None:
        """
        Raises:
            InputError: The dataset is none of pictures without labels, its sampler would show the same views again, or
                the loop waits for an end of the sampler, which has none.
        """
        loader, path = runner.train_dataloader, Path(runner.work_dir) / EXPORT_NAME
        if not hasattr(loader.dataset, 'fingerprint'):
            raise InputError(f'OCRNetPretrainHook cannot read {type(loader.dataset).__name__}: take OCRNetImageFolder '
                             'or OCRNetImageShards as train_dataloader.dataset')
        if not isinstance(runner.train_loop, IterBasedTrainLoop):
            raise InputError(f'OCRNetPretrainHook counts steps, {type(runner.train_loop).__name__} counts epochs: set '
                             'train_cfg.type=IterBasedTrainLoop and max_iters')
        if hasattr(loader.dataset, 'shares') and not isinstance(loader.sampler, OCRNetVariationSampler):
            raise InputError(f'with {type(loader.sampler).__name__} a picture has the same two views in every epoch: set '
                             'train_dataloader.sampler.type=OCRNetVariationSampler')
        shards = getattr(loader.dataset, 'shards', None)
        data = f'{len(shards)} shards' if shards else f'{len(loader.dataset)} pictures'
        runner.logger.info(
            f'pretraining without labels: {data}, steps {runner.iter + 1} to {runner.max_iters} of '
            f'{loader.batch_size * get_world_size()} pictures in two views each; the detector will '
            f'be written to {path}')
        self.start, self.regions_from = (time.time(), runner.iter), runner.iter
        self.saved = SavedCheckpoints(runner)
        self.bad_before = loader.dataset.bad_files.count()

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: dict | None = None) -> None:
        step, model = runner.iter, _pretrainer(runner)
        begin = self.sigma_from * runner.max_iters
        model.sigma_share = ramp(begin, 2 * begin, step)
        if self.own_from < 1:
            model.own_regions = step >= round(self.own_from * runner.max_iters)
            if model.own_regions and self.finder_is_new:
                model.update_finder()
                self.finder_is_new, self.regions_seen, self.regions_from = False, None, step

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        model, step = _pretrainer(runner), runner.iter + 1
        model.update_teacher(min(cosine(*self.momentum, runner.max_iters, runner.iter),
                                 longest_momentum(self.horizon, runner.max_iters)))
        if step % self.interval == 0:
            values = measure(model)
            pictures = len(data_batch['inputs'][0]) * get_world_size() * (step - self.start[1])
            values['pictures_per_second'] = pictures / max(time.time() - self.start[0], 1e-9)
            _log(runner, values)
            self._raise_alarms(runner, model, values, step)
        if self.probe and step % self.probe.interval == 0 and is_main_process():
            accuracy, chance = self.probe.accuracy(model.teacher)
            _log(runner, dict(probe_accuracy=accuracy, probe_chance=chance))

    def _raise_alarms(self, runner: Runner, model: OCRNetPretrainer, values: dict,
                      step: int) -> None:
        for seen, alarm in self.alarms.items():
            if seen in model.seen:
                message = alarm.update(step, *_loss_and_level(seen, *model.seen[seen]))
                if message and seen not in self.said:
                    self.said.add(seen)
                    runner.logger.warning(message)
        self.regions_seen = bool(self.regions_seen or values['regions'] > 0)
        source = 'own regions' if model.own_regions else 'regions'
        if not self.regions_seen and step - self.regions_from >= NO_REGION_STEPS and source not in self.said:
            self.said.add(source)
            _warn_of_no_region(runner, model, step)
        if 'spread' in values:
            # Of all ranks, so that all of them stop.
            spread, share = (float(reduce_mean(values[key])) for key in ('spread', 'rank_share'))
            message = self.collapse.update(step, spread, share)
            if message:
                saved = self.saved.last_good()
                raise InputError(f'{message}; nothing was exported, '
                                 + (f'the last checkpoint is {saved}' if saved else
                                    f'there is no checkpoint yet of this run in {runner.work_dir}'))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['meta']['untrained'] = untrained_of(_pretrainer(runner))
        checkpoint[PRETRAINING] = dict(
            picture_seed=runner.train_dataloader.dataset.seed, collapse=self.collapse.state_dict(),
            said=sorted(self.said), finder_is_new=self.finder_is_new, regions_seen=self.regions_seen,
            alarms={seen: alarm.state_dict() for seen, alarm in self.alarms.items()})

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """A detector's file (``load_from``) fills student and teacher.

        Raises:
            InputError: A part of the detector matches nothing in it; or a resumed run would not go on with what it
                had: see :func:`~ocrnet_mmdet.engine.resume_check.check_resume`.
        """
        check_resume(runner, checkpoint)
        model, weights = _pretrainer(runner), checkpoint.get('state_dict', checkpoint)
        if any(key.startswith('student.') for key in weights):
            check_parts(model.student, {key.removeprefix('student.'): value for key, value in weights.items()},
                        runner)
        else:
            check_parts(model.student, weights, runner)
            checkpoint['state_dict'] = {f'{name}.{key}': value for key, value in weights.items()
                                        for name in ('student', 'teacher')}
        state = checkpoint.get(PRETRAINING)
        if state and runner._resume:
            seed = runner.train_dataloader.dataset.seed
            if state.get('picture_seed', seed) != seed:
                raise InputError(f'the pictures of this run were drawn with seed {state["picture_seed"]}, the config has '
                                 f'{seed}: resume with train_dataloader.dataset.seed={state["picture_seed"]}')
            self.collapse.load_state_dict(state['collapse'])
            self.said = set(state['said'])
            self.finder_is_new, self.regions_seen = state['finder_is_new'], state['regions_seen']
            for seen, alarm in self.alarms.items():
                alarm.load_state_dict(state['alarms'][seen])

    @master_only
    def after_train(self, runner: Runner) -> None:
        bad = runner.train_dataloader.dataset.bad_files
        if bad.count() > self.bad_before:
            runner.logger.warning(f'{bad.count() - self.bad_before} pictures that no earlier run had named could not '
                                  f'be read and were replaced by others: see {bad.path}')
        if self.regions_seen is False:
            _warn_of_no_region(runner, _pretrainer(runner), runner.iter)
        path = export_detector(_pretrainer(runner), runner)
        runner.logger.info(f'pretrained detector: {path}; fine-tune it with --cfg-options '
                           f'load_from={path}')


def measure(model: OCRNetPretrainer) -> dict[str, torch.Tensor]:
    """The monitors' values of the model's last step; what the step did not see is left out."""
    seen, values = model.seen, {}
    values['regions'] = torch.tensor(sum(map(len, seen['regions'])) / len(seen['regions']))
    if 'candidates' in seen:
        values['candidate_recall'] = monitors.candidate_recall(seen['candidates'], seen['regions'])
    for name in ALARMS.keys() & seen.keys():
        loss, level = _loss_and_level(name, *seen[name])
        values[f'{name}_ratio'] = torch.tensor(loss / level if level else float('nan'))
    if 'vectors' in seen:
        vectors = seen['vectors']
        places = vectors, seen['pictures'], seen['ids']
        near, chance = monitors.same_picture_share(*places)
        found, by_chance = monitors.retrieval(*places)
        values.update(
            spread=monitors.spread(vectors), effective_rank=monitors.effective_rank(vectors),
            rank_share=monitors.rank_share(vectors), alignment=monitors.alignment(*seen['pair']),
            uniformity=monitors.uniformity(vectors), same_picture=near, same_picture_chance=chance,
            retrieval=found, retrieval_chance=by_chance,
            variance_calibration=monitors.variance_calibration(
                seen['log_variance'], squared_residual(seen['prediction'], seen['target'])))
    return values


def _warn_of_no_region(runner: Runner, model: OCRNetPretrainer, step: int) -> None:
    fix = (f'the teacher\'s candidates have scores below {model.min_score}: lower model.min_score, or let them begin '
           'later (own_from)' if model.own_regions else
           'look at what ocrnet_mmdet.pretraining.discover_regions finds in the pictures; are they of one colour, or '
           'far smaller than a view?')
    runner.logger.warning(f'step {step}: no view that was looked at had a region, so there was nothing to learn: {fix}')


def _log(runner: Runner, values: dict) -> None:
    for name, value in values.items():
        runner.message_hub.update_scalar(f'train/{name}', float(value))


def _loss_and_level(name: str, loss: torch.Tensor, level: torch.Tensor) -> tuple[float, float]:
    """``level`` of the masks are their targets, of the boxes the loss of leaving them unmoved."""
    if name == 'mask_level':
        level = monitors.constant_bce(level)
    return float(loss.sum()), float(level)


def _pretrainer(runner: Runner) -> torch.nn.Module:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
