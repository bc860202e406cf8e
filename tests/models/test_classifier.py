"""Classification on the encoder: the loss is cross-entropy's, a run learns and logs its scores."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner

from ocrnet_mmdet.cli import _build
from ocrnet_mmdet.datasets.label_pipeline import label_pipeline
from ocrnet_mmdet.engine import OCRNetAccuracy
from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.models import OCRNetClassifier

from ..detectors import ROOT

BACKBONE = dict(
    type='OCRNetEncoder', arch='resnet18', width=0.125, norm_cfg=dict(type='GN', num_groups=2)
)


def classifier(classes=3):
    torch.manual_seed(0)
    return OCRNetClassifier(BACKBONE, classes)


def test_every_mode_reads_the_same_logits():
    model, pictures = classifier(), torch.randn(4, 3, 64, 96)
    labels = torch.tensor([0, 2, 1, 1])
    logits = model(pictures)
    losses = model(pictures, labels, mode='loss')
    torch.testing.assert_close(losses['loss'], F.cross_entropy(logits, labels))
    assert losses['accuracy'] == (logits.argmax(1) == labels).float().mean()
    predicted = model(pictures, labels, mode='predict')
    torch.testing.assert_close(torch.stack([p['logits'] for p in predicted]), logits)
    assert [p['label'] for p in predicted] == labels.tolist()
    torch.testing.assert_close(model(pictures[1:2])[0], logits[1])  # GN: one by one as in a batch


def test_the_encoder_of_a_detectors_file_is_taken(tmp_path):
    weights = classifier().backbone.state_dict()
    state = {f'backbone.{key}': value + 1 for key, value in weights.items()}
    torch.save(dict(state_dict=state | {'neck.x': torch.ones(1)}), tmp_path / 'detector.pth')
    init_cfg = dict(
        type='Pretrained', checkpoint=str(tmp_path / 'detector.pth'), prefix='backbone.body.'
    )
    model = OCRNetClassifier(dict(**BACKBONE, init_cfg=init_cfg), 3)
    model.init_weights()
    for key, value in model.backbone.state_dict().items():
        assert value.equal(state[f'backbone.{key}'])


def test_no_class_is_an_error_that_says_what_to_set():
    with pytest.raises(InputError, match='model.num_classes is 0: name the classes'):
        classifier(0)


def test_the_metric_is_the_mean_over_uneven_batches():
    torch.manual_seed(0)
    logits, labels = torch.randn(7, 3), torch.randint(3, (7,))
    evaluator = Evaluator(OCRNetAccuracy())
    for part in (slice(0, 4), slice(4, 7)):
        evaluator.process(
            [dict(logits=row, label=int(label)) for row, label in zip(logits[part], labels[part])]
        )
    scores = evaluator.evaluate(7)
    assert scores['cls/loss'] == pytest.approx(float(F.cross_entropy(logits, labels)))
    assert scores['cls/accuracy'] == pytest.approx(int((logits.argmax(1) == labels).sum()) / 7)


@pytest.fixture
def config(tmp_path):
    """The article's configuration, narrow, at 32 px, on 8 dark or bright pictures a split."""
    rng = np.random.default_rng(0)
    for split in ('train', 'val', 'test'):
        for name, grey in (('dark', 40), ('bright', 200)):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(4):
                picture = rng.integers(grey - 30, grey + 30, (40, 48, 3)).astype(np.uint8)
                cv2.imwrite(str(tmp_path / split / name / f'{i}.png'), picture)
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_classification.py')
    cfg.model.backbone, cfg.model.num_classes = BACKBONE, 2
    for split in ('train', 'val', 'test'):
        loader = cfg[f'{split}_dataloader']
        loader.update(num_workers=0, persistent_workers=False, batch_size=4)
        loader.dataset.update(
            data_root=str(tmp_path),
            metainfo=dict(classes=('bright', 'dark')),
            pipeline=label_pipeline(split == 'train', 32),
        )
    cfg.merge_from_dict(
        {
            'work_dir': str(tmp_path / 'work'),
            'train_cfg.max_epochs': 2,
            'optim_wrapper.optimizer.lr': 0.01,
            'randomness': dict(seed=0),
            'experiment_name': tmp_path.name,
            'visualizer.name': tmp_path.name,
        }
    )
    return cfg


def test_absent_test_pictures_are_named_before_training(config):
    config.test_dataloader.dataset.data_root = (
        f'{config.train_dataloader.dataset.data_root}/elsewhere'
    )
    runner = _build(config, skip_bad=False)
    with pytest.raises(InputError, match='there is no folder .*elsewhere/test'):
        runner.train()
    assert runner.iter == 0


def test_the_articles_run_logs_loss_and_accuracy(config):
    runner = _build(config, skip_bad=False)
    runner.train()
    log_dir = Path(runner.log_dir)
    log = [json.loads(line) for line in (log_dir / 'vis_data/scalars.json').open()]
    train = [line for line in log if 'lr' in line]
    val = [line for line in log if 'cls/loss' in line]
    assert [line['epoch'] for line in train] == [1, 2] and len(val) == 2
    for line in train:
        assert line['loss'] > 0 and line['accuracy'] in np.arange(9) / 8
    assert val[-1]['cls/accuracy'] == 1 and val[-1]['cls/loss'] < val[0]['cls/loss'] < 0.75
    text = (log_dir / f'{runner.timestamp}.log').read_text()
    assert 'Epoch(test) [2/2]    cls/accuracy: 1.0000' in text


def test_a_class_count_that_the_data_has_not_is_refused(config):
    config.model.num_classes = 5
    with pytest.raises(AssertionError, match='num_classes'):
        Runner.from_cfg(config).train()
