from pathlib import Path

import pytest
from mmengine.config import Config

from ocrnet_mmdet.benchmark.pretraining_runs import PretrainRun, make_config
from ocrnet_mmdet.benchmark.pretraining_studies import ABLATION, PRETRAIN_CONFIG
from ocrnet_mmdet.errors import InputError

from ..detectors import ROOT


def config(data='nuclei', **kwargs):
    return make_config(PretrainRun('x', str(ROOT / PRETRAIN_CONFIG), data, 'DATA', 120, 1e-3, 7,
                                   **kwargs), Path('out'))


def test_a_run_reads_the_training_pictures_and_ends_at_its_steps():
    cfg = config()
    data = cfg.train_dataloader.dataset
    assert (data.type, data.ann_file, data.seed) == ('OCRNetImageFolder', 'annotations/train.json', 7)
    assert cfg.param_scheduler[0].end == cfg.param_scheduler[1].begin == 10
    assert cfg.param_scheduler[1].end == cfg.train_cfg.max_iters == 120


def test_views_and_regions_are_as_fine_as_the_data_sets_fine_tuning_asks_for():
    _, discover, views = config().train_dataloader.dataset.pipeline
    assert (discover.type, discover.size) == ('OCRNetDiscoverRegions', 256)  # nuclei is seen at 384 px
    assert views.area == pytest.approx(((128 / (384 * 1.4))**2, (128 / (384 * 0.7))**2))


def test_further_folders_are_read_beside_the_data_sets_own_pictures_at_the_configs_view():
    cfg, plain = config('coco_mini', folders=('natural', )), Config.fromfile(ROOT / PRETRAIN_CONFIG)
    data = cfg.train_dataloader.dataset
    assert data.data_root == ['DATA/coco_mini/train2017/', 'DATA/natural']
    assert (data.ann_file, data.data_prefix) == ('', dict(img=''))
    pipeline, configured = data.pipeline, plain.train_dataloader.dataset.pipeline
    assert pipeline[-1].get('area') == configured[-1].get('area')
    assert pipeline[1].get('size') == configured[1].get('size')
    with pytest.raises(InputError, match='nuclei/images/ holds val pictures'):
        config('nuclei', folders=('natural', ))


@pytest.mark.parametrize('key', [key for key, arm in ABLATION.items() if arm.pretraining])
def test_an_arm_of_the_ablation_changes_what_its_name_says(key):
    arm = ABLATION[key]
    changed = config(options=arm.pretraining)
    for path, value in arm.pretraining.items():
        node = changed
        for part in path.split('.'):
            node = node[int(part)] if part.isdigit() else node[part]
        assert node == value
    pipeline = changed.train_dataloader.dataset.pipeline
    controlled = config(options=arm.pretraining, control=arm.control).train_dataloader.dataset.pipeline
    inserted = [dict(type='OCRNetControlRegions', kind=arm.control)] if arm.control else []
    assert controlled == [*pipeline[:2], *inserted, pipeline[2]]
