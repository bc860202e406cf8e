import json

import pytest

from experiments.data_sets import DATA_SETS
from experiments.finetuning import make_config
from experiments.records import Run

LOADERS = ('val_dataloader', 'test_dataloader')


def config(tmp_path, data='nuclei', **settings):
    path = tmp_path / data / DATA_SETS[data].layout[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [dict(id=i, width=90, height=80, file_name=f'{i}.png') for i in range(60)]
    path.write_text(
        json.dumps(
            dict(
                images=images,
                categories=[],
                annotations=[dict(id=i, image_id=i) for i in range(60)],
            )
        )
    )
    run = Run(
        'study',
        'fine-tuning',
        data,
        'random',
        steps=70,
        lr=1e-3,
        seed=4,
        config='configs/benchmark/ocrnet_tiny.py',
        **dict(labels=10, scored_on='val') | settings,
    )
    return make_config(run, tmp_path, tmp_path / 'out')


@pytest.mark.parametrize('data', ['coco_mini', 'nuclei'])
def test_few_labels_are_scored_on_the_val_pictures(tmp_path, data):
    cfg = config(tmp_path, data)
    _, val_ann, train_dir, val_dir = DATA_SETS[data].layout
    train = cfg.train_dataloader.dataset
    assert train.data_prefix.img == train_dir
    assert len(json.loads(open(train.ann_file).read())['images']) == 6
    for loader in LOADERS:
        data = cfg[loader].dataset
        assert (data.ann_file, data.data_prefix.img) == (val_ann, val_dir)


def test_held_out_pictures_lie_where_the_training_pictures_do(tmp_path):
    cfg = config(tmp_path, 'coco_mini', scored_on='held_out', labels=100)
    for loader in LOADERS:
        data = cfg[loader].dataset
        assert data.data_prefix.img == DATA_SETS['coco_mini'].layout[2]
        assert len(json.loads(open(data.ann_file).read())['images']) == 40
        assert data.ann_file != cfg.train_dataloader.dataset.ann_file


def test_a_run_has_its_steps_rate_seed_size_and_options(tmp_path):
    cfg = config(tmp_path, size=160, options={'train_dataloader.batch_size': 2})
    assert cfg.train_cfg.max_iters == cfg.train_cfg.val_interval == 70
    assert cfg.param_scheduler[0].end == cfg.param_scheduler[1].begin == 50
    assert cfg.param_scheduler[1].end == 70 and cfg.param_scheduler[1].T_max == 20
    assert (cfg.optim_wrapper.optimizer.lr, cfg.randomness.seed) == (1e-3, 4)
    assert cfg.train_dataloader.batch_size == 2
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert steps['RandomResize'].scale == (160, 160) and steps['RandomCrop'].crop_size == (128, 128)


def test_without_augmentation_pictures_are_trained_on_as_scored(tmp_path):
    cfg = config(tmp_path, augment=False, scored_on='trained', labels=None)
    types = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    assert types == [
        'LoadImageFromFile',
        'LoadAnnotations',
        'OCRNetCheckFrame',
        'Resize',
        'PackDetInputs',
    ]
    assert cfg.train_dataloader.dataset.pipeline[2] == cfg.val_dataloader.dataset.pipeline[1]
