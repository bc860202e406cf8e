import json

from experiments.cost import ARMS, execute
from experiments.plans import OCRNET_PRETRAIN
from experiments.records import Run

from ..pretraining.runs import write_pictures


def test_every_arm_is_measured_beside_the_supervised_step(tmp_path):
    pictures = write_pictures(tmp_path / 'robosoccer/images', count=2)
    annotations = tmp_path / 'robosoccer/annotations'
    annotations.mkdir()
    images = [
        dict(id=i, file_name=path.name, width=80, height=72)
        for i, path in enumerate(sorted(pictures.iterdir()))
    ]
    (annotations / 'train.json').write_text(
        json.dumps(dict(images=images, annotations=[], categories=[]))
    )
    run = Run(
        'cost',
        'cost',
        'robosoccer',
        config=OCRNET_PRETRAIN,
        batch=2,
        options=dict(size=64, repeats=1, amp=False),
    )
    measured = execute(run, tmp_path, tmp_path / 'out')['measured']
    assert sorted(measured) == sorted([*ARMS, 'supervised'])
    assert all(found['seconds'] > 0 for found in measured.values())
    peaks = [measured[name]['peak_mib'] for name in ('regions', 'regions_boxes_masks', 'all')]
    assert peaks == sorted(set(peaks)), peaks  # each with more terms
