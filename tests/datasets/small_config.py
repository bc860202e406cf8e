"""A config of two small COCO files, which a fixture writes."""

import json

from mmengine.config import Config
from PIL import Image

from .coco_folder import CLASSES


def write_files(root):
    """Pictures, and train.json and val.json with two of them and three objects each."""
    (root / 'images').mkdir()
    for split, names in dict(train='ab', val='cd').items():
        images = [
            dict(id=i, file_name=f'{n}.png', width=40, height=30) for i, n in enumerate(names)
        ]
        annotations = [
            dict(
                id=i + 1,
                image_id=i % 2,
                category_id=1 + i,
                bbox=[2, 3, 10, 8],
                area=80,
                iscrowd=0,
                segmentation=[[2, 3, 12, 3, 12, 11, 2, 11]],
            )
            for i in range(3)
        ]
        categories = [dict(id=k + 1, name=name) for k, name in enumerate(CLASSES)]
        for name in names:
            Image.new('RGB', (40, 30), 'teal').save(root / f'images/{name}.png')
        (root / f'{split}.json').write_text(
            json.dumps(dict(images=images, annotations=annotations, categories=categories))
        )


def config(root, num_classes=3, **model):
    dataset = dict(
        type='CocoDataset',
        data_root=f'{root}/',
        data_prefix=dict(img='images/'),
        metainfo=dict(classes=CLASSES),
        pipeline=[],
    )
    val = dict(dataset=dict(dataset, ann_file='val.json'))
    roi_head = dict(bbox_head=dict(num_classes=num_classes), mask_head=dict(num_classes=3))
    return Config(
        dict(
            work_dir=f'{root}/work',
            model=dict(model, rpn_head=dict(num_classes=1), roi_head=roi_head),
            train_dataloader=dict(dataset=dict(dataset, ann_file='train.json')),
            val_dataloader=val,
            test_dataloader=val,
            val_evaluator=dict(type='CocoMetric', ann_file=f'{root}/val.json'),
            test_evaluator=[dict(type='CocoMetric', ann_file=f'{root}/val.json')],
        )
    )


def edit(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
