"""Which detector a file stands for: its own config, a given one, one without a classifier."""

import numpy as np
import pytest
import torch
from mmengine.config import Config

from ocrnet_mmdet import Predictor
from ocrnet_mmdet.errors import InputError

from ..pretraining.runs import write_pictures
from ..trainings import SHAPES


@pytest.fixture
def changed(work_dir, tmp_path):
    """The training's checkpoint, after a change."""

    def change(edit) -> str:
        content = torch.load(work_dir / 'iter_2.pth', weights_only=False)
        edit(content)
        torch.save(content, tmp_path / 'changed.pth')
        return str(tmp_path / 'changed.pth')

    return change


def test_a_work_folder_stands_for_its_last_checkpoint(work_dir):
    detect = Predictor(work_dir)
    assert detect.file == str(work_dir / 'iter_2.pth') and detect.classes == SHAPES


def test_a_folder_without_a_checkpoint_says_so(tmp_path):
    with pytest.raises(InputError, match='holds no whole checkpoint'):
        Predictor(tmp_path)


def test_a_file_without_a_config_asks_for_one(changed, work_dir, data):
    file = changed(lambda content: content['meta'].pop('cfg'))
    with pytest.raises(InputError, match='carries no config .* --config'):
        Predictor(file)
    (config,) = work_dir.glob('*.py')
    picture = next((data / 'val').iterdir())
    ours, theirs = (
        next(Predictor(path, config=given, score=0.0)(picture))
        for path, given in ((file, str(config)), (work_dir, None))
    )
    assert ours.boxes.tolist() == theirs.boxes.tolist() and len(ours)


def test_a_config_of_other_weights_is_refused(changed):
    file = changed(lambda content: content['state_dict'].pop('roi_head.bbox_head.fc_cls.weight'))
    with pytest.raises(InputError, match='does not fill roi_head.bbox_head.fc_cls.weight'):
        Predictor(file)


def test_a_device_that_is_not_there_is_named(work_dir):
    with pytest.raises(InputError, match='device cuda:77 cannot be used'):
        Predictor(work_dir, device='cuda:77')


def test_large_pictures_are_those_beyond_the_training(changed, work_dir):
    assert torch.load(work_dir / 'iter_2.pth', weights_only=False)['meta']['picture_side'] == 96
    assert Predictor(work_dir).tile == 96
    elsewhere = changed(
        lambda content: (
            content['meta'].pop('picture_side'),
            content['meta'].update(cfg=content['meta']['cfg'].replace('annotations/', 'gone/')),
        )
    )
    assert Predictor(elsewhere).tile is None


@pytest.mark.parametrize('name', ['pretrained_detector.pth', 'iter_1.pth'])
def test_a_file_without_a_classifier_finds_regions(pretrained_dir, name, tmp_path):
    pictures = write_pictures(tmp_path / 'pictures', count=2)
    detect = Predictor(pretrained_dir / name, score=0.0, top=30)
    found = list(detect(pictures))
    assert detect.classes == ('region',) and len(found) == 2
    for one in found:
        assert set(one.names) == {'region'} and len(one.masks) == len(one) > 0
        assert (np.diff(one.scores) <= 0).all()
        assert (one.boxes >= 0).all() and (one.boxes <= [80, 72, 80, 72]).all()


def test_the_handed_over_file_finds_what_its_checkpoint_does(pretrained_dir, tmp_path):
    picture = next(write_pictures(tmp_path / 'pictures', count=1).iterdir())
    given, folder, checkpoint = (
        next(Predictor(path, score=0.0)(picture))
        for path in (
            pretrained_dir / 'pretrained_detector.pth',
            pretrained_dir,
            pretrained_dir / 'iter_1.pth',
        )
    )
    assert given.boxes.tolist() == folder.boxes.tolist() == checkpoint.boxes.tolist()


def test_the_handed_over_config_is_plain_values(pretrained_dir):
    meta = torch.load(pretrained_dir / 'pretrained_detector.pth', weights_only=True)['meta']
    assert Config.fromstring(meta['cfg'], '.py').model.type == 'OCRNetPretrainer'


def test_results_of_another_config_are_others(work_dir, tmp_path):
    file, keys = work_dir / 'iter_2.pth', []
    cfg = Config.fromstring(torch.load(file, weights_only=False)['meta']['cfg'], '.py')
    for score in (0.05, 0.4):
        cfg.model.test_cfg.rcnn.score_thr = score
        cfg.dump(tmp_path / 'config.py')
        keys.append(Predictor(file, config=str(tmp_path / 'config.py')).net.key)
    assert keys[0] != keys[1]
