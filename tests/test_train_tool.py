import importlib.util
import sys

import pytest
import torch
from mmengine.config import Config

from ocrnet_mmdet.cli import _set_tta

from .detectors import ROOT

CONFIG = str(ROOT / 'configs/demo/ocrnet_demo.py')


@pytest.fixture
def configured(monkeypatch):
    """The config that tools/train.py would train, from its arguments."""
    spec = importlib.util.spec_from_file_location('train_tool', ROOT / 'tools/train.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    found = []
    monkeypatch.setattr(tool, 'run_training', lambda cfg, **_: found.append(cfg))

    def configure(*arguments):
        monkeypatch.setattr(sys, 'argv', ['train.py', CONFIG, *map(str, arguments)])
        tool.main()
        return found[-1]

    return configure


def test_resume_without_a_checkpoint_starts_from_load_from(configured, tmp_path):
    arguments = ('--work-dir', tmp_path, '--resume', '--cfg-options', 'load_from=pretrained.pth')
    cfg = configured(*arguments)
    assert (cfg.resume, cfg.load_from) == (False, 'pretrained.pth')
    torch.save(dict(meta={}), tmp_path / 'iter_10.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_10.pth'))
    cfg = configured(*arguments)
    assert (cfg.resume, cfg.load_from) == (True, str(tmp_path / 'iter_10.pth'))


def test_resume_with_a_path_goes_on_from_it(configured, tmp_path):
    torch.save(dict(meta={}), tmp_path / 'iter_3.pth')
    cfg = configured('--work-dir', tmp_path, '--resume', tmp_path / 'iter_3.pth')
    assert (cfg.resume, cfg.load_from) == (True, str(tmp_path / 'iter_3.pth'))


def test_tta_takes_a_pipeline_that_keeps_mmdets_own_meta_keys():
    cfg = Config(
        dict(
            model=dict(type='FasterRCNN'),
            test_dataloader=dict(
                dataset=dict(type='CocoDataset', pipeline=[dict(type='PackDetInputs')])
            ),
        )
    )
    _set_tta(cfg)
    assert cfg.test_dataloader.dataset.pipeline[-1]['transforms'][1] == [dict(type='PackDetInputs')]
