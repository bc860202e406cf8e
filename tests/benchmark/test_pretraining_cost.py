import json

from mmengine.registry import init_default_scope

from ocrnet_mmdet.benchmark.pretraining_cost import ARMS, measure
from ocrnet_mmdet.benchmark.pretraining_studies import PRETRAIN_CONFIG

from ..detectors import ROOT
from ..pretraining.runs import write_pictures


def test_every_arm_is_measured_against_the_supervised_step(tmp_path, monkeypatch):
    pictures = write_pictures(tmp_path / 'robosoccer/images', count=2)
    annotations = tmp_path / 'robosoccer/annotations'
    annotations.mkdir()
    images = [dict(id=i, file_name=path.name, width=80, height=72)
              for i, path in enumerate(sorted(pictures.iterdir()))]
    (annotations / 'train.json').write_text(json.dumps(dict(images=images, annotations=[], categories=[])))
    monkeypatch.chdir(tmp_path)  # the cache of regions lies below the current folder
    init_default_scope('mmdet')
    result = measure(str(ROOT / PRETRAIN_CONFIG), 'robosoccer', str(tmp_path), size=64, batch=2, repeats=1,
                     device='cpu', amp=False)
    assert sorted(result) == sorted([*ARMS, 'supervised'])
    step = result['supervised']
    for name in ARMS:
        assert result[name]['ratio']['seconds'] == round(result[name]['seconds'] / step['seconds'], 3)
    peaks = [result[name]['peak_mib'] for name in ('regions', 'regions_boxes_masks', 'all')]
    assert peaks == sorted(set(peaks)), peaks  # each with more terms
