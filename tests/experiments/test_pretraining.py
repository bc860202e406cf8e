from pathlib import Path

import pytest
from mmengine.config import Config

from experiments.plans import OCRNET_PRETRAIN, STUDIES
from experiments.pretraining import make_config
from experiments.records import ROOT, Run
from ocrnet_mmdet.errors import InputError

ABLATION = STUDIES['ablation'].arms


def config(data='nuclei', **settings):
    run = Run(
        'study',
        'pretraining',
        data,
        'x',
        steps=120,
        lr=1e-3,
        seed=7,
        config=OCRNET_PRETRAIN,
        batch=8,
        **settings,
    )
    return make_config(run, Path('DATA'), Path('out'))


def test_a_run_reads_training_pictures_and_ends_at_its_steps():
    cfg = config()
    data = cfg.train_dataloader.dataset
    assert (data.type, data.seed) == ('OCRNetImageFolder', 7)
    assert data.ann_file == 'annotations/train.json'
    assert cfg.param_scheduler[0].end == cfg.param_scheduler[1].begin == 10
    assert cfg.param_scheduler[1].end == cfg.train_cfg.max_iters == 120


def test_views_and_regions_are_as_fine_as_the_fine_tuning():
    _, discover, views = config().train_dataloader.dataset.pipeline
    assert discover.type == 'OCRNetDiscoverRegions'
    assert discover.size == 256  # nuclei is seen at 384 px
    assert views.area == pytest.approx(((128 / (384 * 1.4)) ** 2, (128 / (384 * 0.7)) ** 2))


def test_further_folders_are_read_beside_the_sets_own_pictures():
    cfg = config('coco_mini', folders=('natural',))
    data = cfg.train_dataloader.dataset
    assert data.data_root == ['DATA/coco_mini/train2017/', 'DATA/natural']
    assert (data.ann_file, data.data_prefix) == ('', dict(img=''))
    configured = Config.fromfile(ROOT / OCRNET_PRETRAIN).train_dataloader.dataset.pipeline
    assert data.pipeline[-1].get('area') == configured[-1].get('area')  # at the config's view
    assert data.pipeline[1].get('size') == configured[1].get('size')


def test_a_folder_that_holds_val_pictures_is_refused():
    with pytest.raises(InputError, match='nuclei/images/ holds val pictures'):
        config('nuclei', folders=('natural',))


@pytest.mark.parametrize('name', [name for name, arm in ABLATION.items() if arm.pretraining])
def test_an_arm_of_the_ablation_changes_what_its_name_says(name):
    arm = ABLATION[name].pretraining
    changed = config(options=arm.options)
    for path, value in arm.options.items():
        node = changed
        for part in path.split('.'):
            node = node[int(part)] if part.isdigit() else node[part]
        assert node == value
    pipeline = changed.train_dataloader.dataset.pipeline
    controlled = config(options=arm.options, control=arm.control).train_dataloader.dataset.pipeline
    inserted = [dict(type='OCRNetControlRegions', kind=arm.control)] if arm.control else []
    assert controlled == [*pipeline[:2], *inserted, pipeline[2]]
