import pytest
import torch
from mmdet.registry import DATASETS

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining.term_weights import TERMS

from .runs import small, start, write_pictures

OFF = dict.fromkeys(TERMS, 0.0)


def test_a_pretraining_goes_on_from_an_exported_detector(pictures, tmp_path):
    only = OFF | dict(regions=1.0)
    cfg = small(pictures, tmp_path / 'a', 2, weights=only)
    cfg.default_hooks.checkpoint.interval = 2
    start(cfg)
    exported = tmp_path / 'a/pretrained_detector.pth'
    cfg = small(pictures, tmp_path / 'b', 1, weights=only)
    cfg.load_from, cfg.optim_wrapper.optimizer.lr = str(exported), 0.0
    model = start(cfg).model
    content = torch.load(exported, weights_only=True)
    stopped = torch.load(tmp_path / 'a/iter_2.pth', weights_only=False)
    assert content['meta']['untrained'] == stopped['meta']['untrained'] == ['roi_head']
    for key, value in content['state_dict'].items():
        assert value.equal(model.student.state_dict()[key]) and value.equal(
            model.teacher.state_dict()[key]
        )


@pytest.mark.parametrize('key', ['other', 'student.other'])
def test_a_pretraining_refuses_weights_of_another_architecture(pictures, tmp_path, key):
    torch.save(dict(state_dict={key: torch.zeros(2)}), tmp_path / 'other.pth')
    cfg = small(pictures, tmp_path, 1, weights=OFF | dict(regions=1.0))
    cfg.load_from = str(tmp_path / 'other.pth')
    with pytest.raises(InputError, match='nothing in it fits backbone'):
        start(cfg)


@DATASETS.register_module(force=True)
class NoPictures(torch.utils.data.Dataset):
    metainfo: dict = {}

    def __init__(self, **kwargs) -> None:
        pass

    def __len__(self) -> int:
        return 2


def test_other_data_is_refused(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 1)
    cfg.train_dataloader.update(
        dataset=dict(type='NoPictures'), sampler=dict(type='InfiniteSampler')
    )
    with pytest.raises(InputError, match='cannot read NoPictures: take OCRNetImageFolder'):
        start(cfg)


def test_a_sampler_that_repeats_its_views_is_refused(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 1)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler')
    with pytest.raises(
        InputError,
        match='with InfiniteSampler an image has the same two views.*OCRNetVariationSampler',
    ):
        start(cfg)


def test_a_loop_that_waits_for_the_samplers_end_is_refused(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 1)
    cfg.train_cfg = dict(by_epoch=True, max_epochs=1)
    with pytest.raises(
        InputError, match='EpochBasedTrainLoop counts epochs: set train_cfg.type=IterBasedTrainLoop'
    ):
        start(cfg)


def resumable(pictures, work_dir, steps, length):
    """``steps`` steps of a run whose learning rate falls to its end at ``length``."""
    cfg = small(pictures, work_dir, steps, weights=OFF | dict(regions=1.0))
    cfg.default_hooks.checkpoint.interval = 2
    cfg.param_scheduler = [
        dict(type='CosineAnnealingLR', by_epoch=False, begin=0, end=length, T_max=length)
    ]
    return cfg


def test_a_resumed_run_keeps_length_seed_and_file(pictures, tmp_path):
    first = resumable(pictures, tmp_path, 2, 4)
    first.train_dataloader.dataset.seed = 5
    start(first)

    def again(length, seed, load_from=None):
        cfg = resumable(pictures, tmp_path, 4, length)
        cfg.train_dataloader.dataset.seed, cfg.resume, cfg.load_from = seed, True, load_from
        return start(cfg)

    with pytest.raises(
        InputError, match=r'learning-rate schedules end at \[4\], the config\'s end at \[8\]'
    ):
        again(8, 5)
    with pytest.raises(
        InputError,
        match='drawn with seed 5, the config has 0: resume with train_dataloader.dataset.seed=5',
    ):
        again(4, 0)
    exported = f'{tmp_path}/pretrained_detector.pth'
    with pytest.raises(
        InputError,
        match='holds no training to go on with.*leave --resume out and set load_from=.*.pth',
    ):
        again(4, 5, exported)
    assert again(4, 5).iter == 4


def test_another_model_is_refused(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 1)
    cfg.model = cfg.model.detector
    with pytest.raises(InputError, match='needs model.type=OCRNetPretrainer, .* OCRNetDetector'):
        start(cfg)


def test_unreadable_pictures_of_this_run_are_counted_at_its_end(tmp_path):
    folder = write_pictures(tmp_path / 'pictures', 4)
    (folder / 'bad.png').write_bytes(b'no picture')
    for k, said in ((0, True), (1, False)):
        cfg = small(folder, tmp_path / 'work', 3, weights=OFF | dict(regions=1.0))
        start(cfg)
        log = sorted((tmp_path / 'work').glob('*/*.log'))[-1].read_text()
        assert ('1 images that no earlier run had named' in log) == said, k
