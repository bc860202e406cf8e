import json

import pytest

from experiments.data_sets import DATA_SETS


@pytest.fixture
def root(tmp_path):
    """120 pictures of robosoccer with an object each, the later the larger."""
    images = [dict(id=i, file_name=f'{i:03}.jpg', width=9, height=9) for i in range(1, 121)]
    objects = [dict(id=i, image_id=i, category_id=1, bbox=[0, 0, 5, 5]) for i in range(1, 121)]
    path = tmp_path / 'robosoccer' / DATA_SETS['robosoccer'].layout[0]
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(dict(images=images, annotations=objects, categories=[])))
    return tmp_path
