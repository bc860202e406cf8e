"""A small COCO file with its pictures that is changed and checked."""

import json
import os

import pytest
from PIL import Image

from ocrnet_mmdet.datasets.clean import check_dataset, write_clean
from ocrnet_mmdet.errors import InputError

CLASSES = ('robot', 'ball', 'goal')


NAN = float('nan')


BAD_ANNOTATIONS = [
    (dict(bbox=[NAN, 3, 10, 8]), 'four finite numbers'),
    (dict(bbox=[2, 3, float('inf'), 8]), 'four finite numbers'),
    (dict(bbox=[2, 3, 10]), 'four finite numbers'),
    (dict(bbox=['2', '3', '10', '8']), 'four finite numbers'),
    (dict(bbox=None), 'four finite numbers'),
    (dict(bbox=[2, 3, 0, 8]), 'of no area'),
    (dict(bbox=[2, 3, 10, -8]), 'of no area'),
    (dict(bbox=[40, 3, 10, 8]), 'outside its picture'),
    (dict(bbox=[2, -8, 10, 8]), 'outside its picture'),
    (dict(image_id=70), 'belongs to an image that is not listed'),
    (dict(category_id=70), 'has a category that is not listed'),
    (dict(image_id=[8]), 'neither a number nor text'),
    (dict(category_id=None), 'neither a number nor text'),
]


class Folder:
    """Three pictures, 40 x 30 pixels, four annotations of two classes, all of it sound."""

    def __init__(self, root):
        self.img_dir, self.ann_file = str(root / 'images'), str(root / 'ann.json')
        os.makedirs(self.img_dir + '/night')
        self.data = dict(
            images=[
                dict(id=i, file_name=name, width=40, height=30)
                for i, name in ((7, 'a.png'), (8, 'b.png'), (9, 'night/c.png'))
            ],
            annotations=[
                dict(
                    id=i,
                    image_id=image,
                    category_id=k,
                    bbox=[2, 3, 10, 8],
                    area=80,
                    iscrowd=0,
                    segmentation=[[2, 3, 12, 3, 12, 11, 2, 11]],
                )
                for i, image, k in ((1, 7, 1), (2, 7, 2), (3, 8, 1), (4, 9, 2))
            ],
            categories=[dict(id=k + 1, name=name) for k, name in enumerate(CLASSES)],
        )
        for image in self.data['images']:
            Image.new('RGB', (40, 30), 'teal').save(f'{self.img_dir}/{image["file_name"]}')

    def write(self):
        with open(self.ann_file, 'w') as file:
            json.dump(self.data, file)

    def check(self, classes=CLASSES, **options):
        self.write()
        return check_dataset(self.ann_file, self.img_dir, classes, 'train_dataloader', **options)

    def clean(self, **options):
        self.write()
        out = os.path.dirname(self.ann_file) + '/out/clean.json'
        report = write_clean(self.ann_file, self.img_dir, out, **options)
        with open(out) as file:
            return json.load(file), report


def refusal(folder, *args, **options):
    """The message of the refusal, which must be one line that names data set and file."""
    with pytest.raises(InputError) as caught:
        folder.check(*args, **options)
    message = str(caught.value)
    assert '\n' not in message
    assert message.startswith('train_dataloader: ') and folder.ann_file in message
    return message
