"""The first pictures to label: what each arm is trained and scored on, without training."""

import json
from types import SimpleNamespace

import pytest

from experiments import first_pictures
from experiments.data_sets import DATA_SETS
from experiments.records import Run
from experiments.subsets import HELD_OUT


@pytest.fixture
def root(tmp_path):
    """120 pictures of robosoccer with an object each."""
    images = [dict(id=i, file_name=f'{i:03}.jpg', width=9, height=9) for i in range(1, 121)]
    objects = [dict(id=i, image_id=i, category_id=1, bbox=[0, 0, 5, 5]) for i in range(1, 121)]
    path = tmp_path / 'robosoccer' / DATA_SETS['robosoccer'].layout[0]
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(dict(images=images, annotations=objects, categories=[])))
    return tmp_path


def test_both_arms_choose_from_one_pool(monkeypatch, root):
    pools, parts = [], []

    def choose(folder, names, count, encoder):
        assert folder == root / 'robosoccer/images' and encoder.is_file()
        pools.append(names)
        return {name: 1 for name in sorted(names)[:count]}, []

    def config(run, data_root, out, given):
        parts.append([{i['id'] for i in part['images']} for part in given])

    scalars = {'val/coco/bbox_mAP': SimpleNamespace(current=lambda: 0.5)}
    runner = SimpleNamespace(train=lambda: None, message_hub=SimpleNamespace(log_scalars=scalars))
    monkeypatch.setattr(first_pictures, 'choose', choose)
    monkeypatch.setattr(first_pictures, 'make_config', config)
    monkeypatch.setattr(first_pictures, 'step_seconds', lambda _: None)
    monkeypatch.setattr(first_pictures, 'Runner', SimpleNamespace(from_cfg=lambda _: runner))
    for arm in ('first', 'random'):
        run = Run('s', 'first', 'robosoccer', arm, seed=1, options=dict(pool=0.5, count=6))
        result = first_pictures.execute(run, root, root / 'out')
        assert result['bbox_mAP'] == 0.5 and result['measured'] == dict(objects=6)
    (first, held), (drawn, also_held) = parts
    [pool] = [{int(name[:3]) for name in names} for names in pools]
    assert len(pool) == 40 and len(first) == len(drawn) == 6 and first != drawn
    assert first <= pool and drawn <= pool and held == also_held and len(held) == HELD_OUT
    assert not held & pool
