"""tools/start.py on a small generated data set: what it writes is what trains."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import mmdet
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from demo.data_set import make_demo_set
from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.start import start

from ..detectors import ROOT

CONFIGS = ROOT / 'configs'


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp('own') / 'my pictures'
    make_demo_set(str(folder), train=12, val=3, unlabelled=2, size=96)
    return folder


def begin(pictures, out, labels='annotations/train.json', val=None, **kwargs):
    options = dict(val_share=0.25, seed=0, imagenet=True) | kwargs
    return start(
        pictures=pictures,
        labels=labels and pictures / labels,
        val=val and pictures / val,
        out=out,
        configs=CONFIGS,
        **options,
    )


@pytest.fixture(scope='module')
def mine(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp('work') / 'mine'
    begin(pictures, out)
    return out


def names(file):
    return {image['file_name'] for image in json.loads(file.read_text())['images']}


def test_the_parts_are_disjoint_and_whole(mine, pictures):
    train, val = names(mine / 'annotations/train.json'), names(mine / 'annotations/val.json')
    assert (
        not train & val
        and train | val == names(pictures / 'annotations/train.json')
        and len(val) == 3
    )


def test_no_picture_that_is_scored_is_pretrained_on(mine, pictures):
    listed = set((mine / 'annotations/pretrain.txt').read_text().splitlines())
    assert not listed & names(mine / 'annotations/val.json')
    assert names(mine / 'annotations/train.json') < listed and 'unlabelled/000000.jpg' in listed


def test_the_config_says_what_follows_from_the_data(mine):
    cfg = Config.fromfile(mine / 'finetune.py')
    assert cfg.model.roi_head.bbox_head.num_classes == len(cfg.classes) == 5
    assert cfg.model.roi_head.mask_head.num_classes == 5 and cfg.val_evaluator.metric == [
        'bbox',
        'segm',
    ]
    resize = next(step for step in cfg.test_dataloader.dataset.pipeline if step.type == 'Resize')
    assert (
        resize.scale == (cfg.image_scale, cfg.image_scale)
        and cfg.train_cfg.val_interval * 10 == cfg.max_iters
    )
    text = (mine / 'finetune.py').read_text()
    assert all(
        '  # ' in line
        for line in text.splitlines()
        if line.startswith(('image_scale', 'crop_size', 'lr'))
    )


def test_boxes_alone_make_a_detector_of_boxes(pictures, tmp_path):
    data = json.loads((pictures / 'annotations/train.json').read_text())
    for annotation in data['annotations']:
        del annotation['segmentation']
    (tmp_path / 'boxes.json').write_text(json.dumps(data))
    start(pictures, tmp_path / 'boxes.json', None, 0.25, 0, True, tmp_path / 'mine', CONFIGS)
    cfg = Config.fromfile(tmp_path / 'mine/finetune.py')
    assert cfg.model.roi_head.mask_head is None and cfg.val_evaluator.metric == ['bbox']
    assert Config.fromfile(tmp_path / 'mine/pretrain.py').model.weights.masks == 0


def test_run_lengths_are_read_as_bitmaps(pictures, tmp_path):
    data = json.loads((pictures / 'annotations/train.json').read_text())
    mask = np.zeros((96, 96), int)
    mask[10:30, 20:40] = 1
    counts = np.diff(np.flatnonzero(np.diff(np.r_[-1, mask.T.ravel(), -1]))).tolist()
    data['annotations'][0]['segmentation'] = dict(size=[96, 96], counts=counts)
    (tmp_path / 'runs.json').write_text(json.dumps(data))
    start(pictures, tmp_path / 'runs.json', None, 0.25, 0, True, tmp_path / 'mine', CONFIGS)
    step = Config.fromfile(tmp_path / 'mine/finetune.py').train_dataloader.dataset.pipeline[1]
    assert step.type == 'LoadAnnotations' and step.poly2mask


def test_a_val_file_is_taken_as_it_is(pictures, tmp_path):
    begin(pictures, tmp_path / 'mine', val='annotations/val.json')
    assert names(tmp_path / 'mine/annotations/val.json') == names(pictures / 'annotations/val.json')
    assert len(names(tmp_path / 'mine/annotations/train.json')) == 12


def test_val_pictures_that_resemble_training_pictures_are_told(pictures, tmp_path):
    copy = tmp_path / 'pictures'
    shutil.copytree(pictures, copy)
    shutil.copy(copy / 'train/000003.jpg', copy / 'val/000001.jpg')
    report = begin(copy, tmp_path / 'mine', val='annotations/val.json')
    assert (
        '1 of 3 val pictures are near-duplicates of training pictures, such as val/000001.jpg'
        in report
    )


def test_without_labels_there_is_a_pretraining_alone(pictures, tmp_path):
    report = begin(pictures, tmp_path / 'mine', labels=None)
    assert sorted(os.listdir(tmp_path / 'mine')) == ['pretrain.py', 'report.txt']
    assert (
        '17 pictures' in report and Config.fromfile(tmp_path / 'mine/pretrain.py').image_scale == 96
    )


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(val_share=1.5), '--val-share is 1.5'),
        (dict(labels=None, val='annotations/val.json'), '--val needs --labels'),
    ],
)
def test_options_that_cannot_be_meant_are_one_line(pictures, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        begin(pictures, tmp_path / 'mine', **change)
    assert not (tmp_path / 'mine').exists()


def test_a_folder_that_holds_something_is_left_alone(pictures, tmp_path):
    (tmp_path / 'finetune.py').write_text('mine = 1')
    with pytest.raises(InputError, match='is not empty'):
        begin(pictures, tmp_path)
    assert (tmp_path / 'finetune.py').read_text() == 'mine = 1'


def test_a_folder_without_a_picture_is_one_line(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(InputError, match='holds no picture'):
        start(tmp_path / 'empty', None, None, 0.2, 0, True, tmp_path / 'mine', CONFIGS)


def test_large_objects_get_whole_pictures(tmp_path):
    """One object of two thirds of a picture of 640 px: crops of it would hold none."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(1, 7):
        Image.fromarray(rng.integers(0, 255, (480, 640, 3), np.uint8)).save(tmp_path / f'{i}.png')
        images.append(dict(id=i, file_name=f'{i}.png', width=640, height=480))
        annotations.append(
            dict(id=i, image_id=i, category_id=1, bbox=[100, 40, 420, 400], area=168000, iscrowd=0)
        )
    labels = tmp_path / 'labels.json'
    labels.write_text(
        json.dumps(dict(images=images, annotations=annotations, categories=[dict(id=1, name='x')]))
    )
    start(tmp_path, labels, None, 0.3, 0, True, tmp_path / 'mine', CONFIGS)
    cfg = Config.fromfile(tmp_path / 'mine/finetune.py')
    assert cfg.image_scale == cfg.crop_size == 128


def test_what_is_written_trains_and_hands_over(mine):
    """As typed, a few steps each."""
    env = dict(os.environ, OMP_NUM_THREADS='1')

    def train(config, *options):
        done = subprocess.run(
            [
                sys.executable,
                ROOT / 'tools/train.py',
                mine / config,
                '--cfg-options',
                'train_cfg.max_iters=2',
                'default_hooks.checkpoint.interval=2',
                'param_scheduler.0.end=1',
                'param_scheduler.1.begin=1',
                'param_scheduler.1.end=2',
                'param_scheduler.1.T_max=1',
                'train_dataloader.batch_size=2',
                *options,
            ],
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    train('pretrain.py', 'train_cfg.val_interval=3')
    said = train(
        'finetune.py',
        'train_cfg.val_interval=2',
        f'load_from={mine}/pretrain/pretrained_detector.pth',
    )
    assert 'neck 64/64' in said and (mine / 'finetune/iter_2.pth').is_file()


def test_without_imagenet_weights_the_net_is_the_narrow_one(pictures, tmp_path):
    begin(pictures, tmp_path / 'mine', imagenet=False)
    for name in ('finetune', 'pretrain'):
        cfg = Config.fromfile(tmp_path / f'mine/{name}.py')
        backbone = cfg.model.get('detector', cfg.model).backbone
        assert backbone.init_cfg is None if 'init_cfg' in backbone else True
        assert backbone.arch == 'resnet18' and cfg.optim_wrapper.optimizer.lr == cfg.lr == 2e-3


def test_the_tool_prints_the_report(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        sys,
        'argv',
        [
            'start.py',
            '--pictures',
            str(pictures),
            '--labels',
            str(pictures / 'annotations/train.json'),
            '--out',
            str(tmp_path / 'mine'),
        ],
    )
    runpy.run_path(str(ROOT / 'tools/start.py'), run_name='__main__')
    assert capsys.readouterr().out == (tmp_path / 'mine/report.txt').read_text()


def test_mmdets_own_tool_trains_the_same_weights(mine, tmp_path):
    """The config that tools/start.py wrote, read as it stands: ten steps by either tool."""
    mmdets = Path(mmdet.__file__).parent / '.mim/tools/train.py'
    states = []
    for name, tool in dict(ours=ROOT / 'tools/train.py', mmdets=mmdets).items():
        done = subprocess.run(
            [
                sys.executable,
                tool,
                mine / 'finetune.py',
                '--work-dir',
                tmp_path / name,
                '--cfg-options',
                'train_cfg.max_iters=10',
                'train_cfg.val_interval=11',
                'default_hooks.checkpoint.interval=10',
            ],
            env=dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        states.append(torch.load(tmp_path / name / 'iter_10.pth', weights_only=True)['state_dict'])
    assert all(value.equal(states[1][key]) for key, value in states[0].items()) and states[0]


def test_a_file_that_is_not_there_is_named_by_its_option(pictures, tmp_path):
    for option, names in (('--labels', dict(labels='no.json')), ('--val', dict(val='no.json'))):
        with pytest.raises(InputError, match=rf'^{option}: there is no file .*no\.json: correct'):
            begin(pictures, tmp_path / 'mine', **names)


def test_the_split_that_labels_bring_is_taken(pictures, tmp_path):
    """YOLO's val is scored on, and its test neither trained, scored nor pretrained on."""
    boxes = json.loads((pictures / 'annotations/train.json').read_text())
    copy = tmp_path / 'set'
    for i, image in enumerate(boxes['images']):
        part = ('train', 'val', 'test')[i % 3]
        (copy / 'images' / part).mkdir(parents=True, exist_ok=True)
        (copy / 'labels' / part).mkdir(parents=True, exist_ok=True)
        name = Path(image['file_name'])
        shutil.copy(pictures / name, copy / 'images' / part / name.name)
        ours = [a for a in boxes['annotations'] if a['image_id'] == image['id']]
        lines = []
        for a in ours:
            x, y, w, h = np.divide(a['bbox'], 96)
            lines.append(f'0 {x + w / 2:.6f} {y + h / 2:.6f} {w:.6f} {h:.6f}')
        (copy / 'labels' / part / f'{name.stem}.txt').write_text('\n'.join(lines))
    text = 'train: images/train\nval: images/val\ntest: images/test\nnames: [thing]\n'
    (copy / 'data.yaml').write_text(text)
    report = start(copy, copy / 'data.yaml', None, 0.2, 0, True, tmp_path / 'mine', CONFIGS)
    for part in ('train', 'val'):
        kept = names(tmp_path / f'mine/annotations/{part}.json')
        assert {name.split('/')[1] for name in kept} == {part} and len(kept) == 4
    listed = (tmp_path / 'mine/annotations/pretrain.txt').read_text().split()
    assert {name.split('/')[1] for name in listed} == {'train'}
    assert "split: the labels' own, val to score on" in report
    assert 'split: 4 pictures of another part, such as images/test/000002.jpg' in report
    assert Config.fromfile(tmp_path / 'mine/finetune.py').classes == ('thing',)


def test_mask_pictures_are_trained_and_not_pretrained_on(pictures, tmp_path):
    copy = tmp_path / 'set'
    shutil.copytree(pictures / 'train', copy)
    for i, file in enumerate(sorted(copy.glob('*.jpg'))):
        values = np.zeros((96, 96), np.uint8)
        values[5 + i : 40, 10:30], values[50:90, 40 : 60 + i] = 1, 2
        (copy / 'masks').mkdir(exist_ok=True)
        Image.fromarray(values).save(copy / 'masks' / f'{file.stem}.png')
    start(copy, copy / 'masks', None, 0.25, 0, True, tmp_path / 'mine', CONFIGS)
    cfg = Config.fromfile(tmp_path / 'mine/finetune.py')
    assert cfg.with_mask and cfg.classes == ('object',)
    listed = (tmp_path / 'mine/annotations/pretrain.txt').read_text()
    assert 'masks' not in listed and len(listed.split()) == 9


def test_damage_of_one_label_file_is_in_the_report(pictures, tmp_path):
    data = json.loads((pictures / 'annotations/train.json').read_text())
    kinds = {c['id']: c['name'] for c in data['categories']}
    (tmp_path / 'xml').mkdir()
    for image in data['images']:
        text = '<annotation><size><width>96</width><height>96</height></size>'
        for a in data['annotations']:
            if a['image_id'] == image['id']:
                x, y, w, h = map(round, a['bbox'])
                text += (
                    f'<object><name>{kinds[a["category_id"]]}</name><bndbox><xmin>{x + 1}</xmin>'
                )
                text += f'<ymin>{y + 1}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax>'
                text += '</bndbox></object>'
        name = Path(image['file_name']).stem
        (tmp_path / f'xml/{name}.xml').write_text(text + '</annotation>')
    (tmp_path / 'xml/000001.xml').write_text('<annotation>')
    report = begin(pictures / 'train', tmp_path / 'mine', labels=tmp_path / 'xml')
    assert 'labels: Pascal VOC, 12 XML files' in report
    assert '1 damaged, left out with their pictures, such as 000001.xml: is not XML' in report
    assert '1 pictures have no labels, such as 000001.jpg' in report


def test_val_labels_may_have_another_format(pictures, tmp_path):
    (tmp_path / 'val.csv').write_text('image,x1,y1,x2,y2,class\nval/000000.jpg,5,5,60,70,circle\n')
    report = begin(pictures, tmp_path / 'mine', val=tmp_path / 'val.csv')
    assert names(tmp_path / 'mine/annotations/val.json') == {'val/000000.jpg'}
    assert 'val: CSV, val.csv' in report
