"""Class folders and boxes become labelled samples; what does not fit is named."""

import json

import cv2
import numpy as np
import pytest

from ocrnet_mmdet.datasets import OCRNetLabelDataset
from ocrnet_mmdet.errors import InputError

AS_THEY_ARE = [
    dict(type='LoadImageFromFile', backend_args=dict(backend='ocrnet_pictures')),
    dict(type='OCRNetCropToBox'),
    dict(type='OCRNetPackLabel'),
]


def draw(path, grey=0, size=(8, 12)):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((*size, 3), grey, np.uint8))


def class_folders(root):
    for split in ('train', 'val'):
        for grey, name in enumerate(['dog', 'cat', 'emu']):
            for i in range(2 if split == 'train' else 1):
                if (split, name) != ('val', 'cat'):
                    draw(root / split / name / f'{i}.png', grey)
    draw(root / 'train' / 'dog' / 'deeper' / 'x.png', 0)
    return str(root)


def boxes(root, **changes):
    draw(root / 'images' / 'a.png', 1)
    annotations = [
        dict(bbox=[1, 2, 5, 4], category_id=7),
        dict(bbox=[0, 0, 3, 3], category_id=2),
        dict(bbox=[0, 0, 3, 3], category_id=2, iscrowd=1),
        dict(bbox=[0, 0, 3, 0.2], category_id=2),
    ]
    content = (
        dict(
            images=[dict(id=1, file_name='a.png', width=12, height=8)],
            annotations=[dict(id=i, image_id=1, **a) for i, a in enumerate(annotations)],
            categories=[dict(id=7, name='dog'), dict(id=2, name='cat')],
        )
        | changes
    )
    (root / 'val.json').write_text(json.dumps(content))
    return dict(data_root=str(root), ann_file='val.json', data_prefix=dict(img='images'))


def test_a_folder_is_a_class_and_labels_agree_between_splits(tmp_path):
    root = class_folders(tmp_path)
    for split, counts in (('train', {0: 2, 1: 3, 2: 2}), ('val', {1: 1, 2: 1})):
        data = OCRNetLabelDataset(split, root, pipeline=AS_THEY_ARE)
        assert data.class_names == ('cat', 'dog', 'emu')
        labels = [int(data[i]['labels']) for i in range(len(data))]
        assert {label: labels.count(label) for label in labels} == counts
        grey = {0: 1, 1: 0, 2: 2}  # cat, dog, emu as drawn
        assert all(int(sample['inputs'].max()) == grey[sample['labels']] for sample in data)


def test_named_classes_give_the_order_and_leave_the_others_out(tmp_path):
    data = OCRNetLabelDataset(
        'train',
        class_folders(tmp_path),
        pipeline=AS_THEY_ARE,
        metainfo=dict(classes=('emu', 'cat')),
    )
    assert [(s['labels'], int(s['inputs'].max())) for s in data] == [(0, 2), (0, 2), (1, 1), (1, 1)]


def test_every_box_is_a_sample_but_crowds_and_slivers(tmp_path):
    data = OCRNetLabelDataset('val', **boxes(tmp_path), pipeline=AS_THEY_ARE)
    assert data.class_names == ('cat', 'dog')
    assert [(s['labels'], *s['inputs'].shape[1:]) for s in data] == [(1, 4, 5), (0, 3, 3)]
    data = OCRNetLabelDataset(
        'val', **boxes(tmp_path), metainfo=dict(classes=('dog',)), pipeline=AS_THEY_ARE
    )
    assert [s['labels'] for s in data] == [0]


def test_the_split_chooses_the_pipeline(tmp_path):
    np.random.seed(0)
    stripes = np.arange(2500, dtype=np.uint16).reshape(50, 50) % 251  # other parts look otherwise
    for split in ('train', 'test'):
        draw(tmp_path / split / 'a/x.png')
        cv2.imwrite(str(tmp_path / split / 'a/x.png'), stripes.astype(np.uint8))
    train, test = (OCRNetLabelDataset(split, str(tmp_path)) for split in ('train', 'test'))
    assert train[0]['inputs'].shape == test[0]['inputs'].shape == (3, 224, 224)
    assert not train[0]['inputs'].equal(train[0]['inputs'])
    assert test[0]['inputs'].equal(test[0]['inputs'])


@pytest.mark.parametrize(
    'options,message',
    [
        (dict(split='dev'), "split is 'dev', expected one of train, val, test"),
        (dict(split='test'), 'there is no folder .*test'),
        (
            dict(split='train', metainfo=dict(classes=('cat', 'fox'))),
            r"has the classes cat, dog, emu, not fox: set classes = \('cat', 'dog', 'emu'\)",
        ),
        (dict(split='train', metainfo=dict(classes=())), 'not any: set classes = '),
        (dict(split='val', metainfo=dict(classes=('cat',))), 'not a sample of the classes cat'),
        (dict(split='val', ann_file='none.json'), r'none\.json cannot be read: No such file'),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        OCRNetLabelDataset(data_root=class_folders(tmp_path), **options)


@pytest.mark.parametrize(
    'changes',
    [
        dict(categories=[]),
        dict(images=[]),
        dict(annotations=[dict(image_id=1, category_id=7)]),
        dict(annotations=None),
    ],
)
def test_a_broken_json_is_named(tmp_path, changes):
    with pytest.raises(InputError, match=r'val\.json'):
        OCRNetLabelDataset('val', **boxes(tmp_path, **changes))
