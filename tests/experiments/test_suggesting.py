"""A round of labelling: what each arm is trained and scored on, without training."""

from types import SimpleNamespace

import numpy as np

from experiments import suggesting
from experiments.records import Run
from ocrnet_mmdet.suggest.scan import Scan


def run_arms(monkeypatch, root, seed=0) -> list[tuple[str, set[int], set[int]]]:
    """(arm, ids trained on, ids scored on) of each training, of both arms."""
    trained = []

    def train(run, parts, *places):
        trained.append((run.arm, *({i['id'] for i in part['images']} for part in parts)))
        scalars = {'val/coco/bbox_mAP': SimpleNamespace(current=lambda: 0.5)}
        return SimpleNamespace(message_hub=SimpleNamespace(log_scalars=scalars))

    def scan(_, inputs, records):
        names = sorted(one.name for one in inputs)
        numbers = np.array([float(name[:3]) for name in names])
        near = np.random.default_rng(0).random((len(names), 256)) > 0.5
        return Scan(names, numbers[:, None], np.ones(len(names)), near, [])

    monkeypatch.setattr(suggesting, '_train', train)
    monkeypatch.setattr(suggesting, 'scan', scan)
    monkeypatch.setattr(suggesting, 'Predictor', lambda *_, **__: None)
    monkeypatch.setattr(suggesting, 'step_seconds', lambda _: None)
    for arm in ('suggested', 'random'):
        options = dict(pool=60, start=5, start_steps=1, more=5)
        run = Run('s', 'suggesting', 'robosoccer', arm, None, 2, 1e-3, seed, options=options)
        result = suggesting.execute(run, root, root / 'out')
        assert result['bbox_mAP'] == 0.5 and result['measured'] == dict(start=0.5, objects=5)
    return trained


def test_both_arms_add_to_the_same_start(monkeypatch, root):
    start, suggested, random = run_arms(monkeypatch, root)
    assert [start[0], suggested[0], random[0]] == ['start', 'suggested', 'random']
    assert len(start[1]) == 5 and start[1] < suggested[1] and start[1] < random[1]
    assert len(suggested[1]) == len(random[1]) == 10 and suggested[1] != random[1]


def test_nothing_that_is_scored_on_is_trained_on(monkeypatch, root):
    runs = run_arms(monkeypatch, root)
    assert all(len(scored) == 40 and not trained & scored for _, trained, scored in runs)


def test_seeds_draw_other_pools_and_score_on_the_same(monkeypatch, root):
    first = run_arms(monkeypatch, root)
    second = run_arms(monkeypatch, root, seed=1)
    assert first[0][1] != second[0][1] and first[0][2] == second[0][2]
