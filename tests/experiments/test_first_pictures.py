"""The first pictures to label: what each arm is trained and scored on, without training."""

from types import SimpleNamespace

from experiments import first_pictures
from experiments.records import Run
from experiments.subsets import HELD_OUT


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
