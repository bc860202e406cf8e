"""The parts that tools/start.py makes of labels, and what it says of them."""

import json
import shutil
from pathlib import Path

import numpy as np
from mmengine.config import Config
from PIL import Image

from ocrnet_mmdet.start import start

from .folders import CONFIGS, begin, names


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


def test_val_pictures_that_are_trained_on_are_told(pictures, tmp_path):
    data = json.loads((pictures / 'annotations/train.json').read_text())
    some = [image for image in data['images'] if image['id'] in (1, 2)]
    ours = [a for a in data['annotations'] if a['image_id'] in (1, 2)]
    (tmp_path / 'val.json').write_text(json.dumps(dict(data, images=some, annotations=ours)))
    report = begin(pictures, tmp_path / 'mine', val=tmp_path / 'val.json')
    assert f'{len(some)} of {len(some)} val pictures are training pictures too' in report
    assert some and 'near-duplicates' not in report


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
