"""What a pretraining begins with: its images, its loop and the weights that it goes on from."""

from __future__ import annotations

from mmdet.registry import HOOKS
from mmengine.dist import get_world_size, master_only
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from ..datasets.variation_sampler import OCRNetVariationSampler
from ..engine.checkpoint_check import PRETRAINING, check_parts
from ..engine.resume_check import check_resume
from ..errors import InputError
from .pretrainer import pretrainer_of


@HOOKS.register_module()
class OCRNetPretrainCheckHook(Hook):
    """Says what a pretraining begins with, refuses what it cannot, and counts at its end what could
    not be read.

    Every step's random numbers depend on the seed, the rank and the step alone, as
    :class:`~ocrnet_mmdet.engine.checkpoint_hook.OCRNetCheckpointHook` sets them: a resumed run is
    the run that was never stopped.
    """

    bad_before = 0  # unreadable images that earlier runs named

    def before_train(self, runner: Runner) -> None:
        """Look at data, sampler and loop before the first step.

        Raises:
            InputError: The dataset is none of images without labels, its sampler would show the
                same views again, or the loop waits for an end of the sampler, which has none.
        """
        loader = runner.train_dataloader
        if not hasattr(loader.dataset, 'fingerprint'):
            raise InputError(
                f'a pretraining cannot read {type(loader.dataset).__name__}: take '
                'OCRNetImageFolder or OCRNetImageShards as train_dataloader.dataset'
            )
        if not isinstance(runner.train_loop, IterBasedTrainLoop):
            raise InputError(
                f'a pretraining counts steps, {type(runner.train_loop).__name__} counts epochs: '
                'set train_cfg.type=IterBasedTrainLoop and max_iters'
            )
        if hasattr(loader.dataset, 'shares') and not isinstance(
            loader.sampler, OCRNetVariationSampler
        ):
            raise InputError(
                f'with {type(loader.sampler).__name__} an image has the same two views in every '
                'epoch: set train_dataloader.sampler.type=OCRNetVariationSampler'
            )
        shards = getattr(loader.dataset, 'shards', None)
        data = f'{len(shards)} shards' if shards else f'{len(loader.dataset)} images'
        runner.logger.info(
            f'pretraining without labels: {data}, steps {runner.iter + 1} to {runner.max_iters} of '
            f'{loader.batch_size * get_world_size()} images in two views each'
        )
        self.bad_before = loader.dataset.bad_files.count()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint.setdefault(PRETRAINING, {})['picture_seed'] = (
            runner.train_dataloader.dataset.seed
        )

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """A detector's file (``load_from``) fills student and teacher.

        Raises:
            InputError: A part of the detector matches nothing in it; or a resumed run would not go
                on with what it had: see :func:`~ocrnet_mmdet.engine.resume_check.check_resume`.
        """
        check_resume(runner, checkpoint)
        model, weights = pretrainer_of(runner), checkpoint.get('state_dict', checkpoint)
        if any(key.startswith('student.') for key in weights):
            check_parts(
                model.student,
                {key.removeprefix('student.'): value for key, value in weights.items()},
                runner,
            )
        else:
            check_parts(model.student, weights, runner)
            checkpoint['state_dict'] = {
                f'{name}.{key}': value
                for key, value in weights.items()
                for name in ('student', 'teacher')
            }
        if runner._resume:
            seed = runner.train_dataloader.dataset.seed
            then = checkpoint.get(PRETRAINING, {}).get('picture_seed', seed)
            if then != seed:
                raise InputError(
                    f'the images of this run were drawn with seed {then}, the config has {seed}: '
                    f'resume with train_dataloader.dataset.seed={then}'
                )

    @master_only
    def after_train(self, runner: Runner) -> None:
        bad = runner.train_dataloader.dataset.bad_files
        if bad.count() > self.bad_before:
            runner.logger.warning(
                f'{bad.count() - self.bad_before} images that no earlier run had named could not '
                f'be read and were replaced by others: see {bad.path}'
            )
