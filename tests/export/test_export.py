"""An exported file finds what the detector finds; what cannot be written is refused."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from torch import nn
from torch.nn import functional as F

from demo.data_set import make_demo_set
from demo.scene import CLASSES as SHAPES
from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.export import run
from ocrnet_mmdet.export.check import differences
from ocrnet_mmdet.export.detector import ExportedDetector
from ocrnet_mmdet.export.onnx_file import export, resize_scale, write_onnx
from ocrnet_mmdet.export.operators import adaptive_avg_pool
from ocrnet_mmdet.export.run import Detector, draw

from ..detectors import ROOT, ocrnet_config, tiny

RUN = ROOT / 'ocrnet_mmdet/export/run.py'
CLASSES = ['a', 'b', 'c']
SCALE = 64
SIZES = (64, 64), (70, 90), (96, 50)  # none is that by which the graph is written


def plain() -> ConfigDict:
    return ocrnet_config()


def by_class() -> ConfigDict:
    """Another encoder; boxes and masks of each class."""
    config = ocrnet_config()
    config.backbone = ConfigDict(
        type='OCRNetEncoder', arch='efficientnet_lite0', width=0.25, norm_cfg=dict(type='BN')
    )
    config.neck.in_channels = [8, 8, 32, 80]
    config.roi_head.bbox_head.reg_class_agnostic = False
    config.roi_head.mask_head.class_agnostic = False
    return config


def silent() -> ConfigDict:
    config = ocrnet_config()
    config.test_cfg.rcnn.score_thr = 1.0
    return config


def lively(config: ConfigDict) -> nn.Module:
    """A detector whose every part has a say in what is found."""
    model = tiny(config).eval()
    head = model.roi_head
    with torch.no_grad():
        for weight, std in (
            (head.aggregator.out.weight, 0.3),
            (head.aggregator.place[0].weight, 3.0),
            (head.bbox_head.fc_cls.weight, 0.3),
            (head.bbox_head.fc_reg.weight, 0.3),
            (head.mask_head.conv_logits.weight, 0.3),
            (model.rpn_head.quality.weight, 0.3),
            (model.rpn_head.distances.weight, 0.1),
        ):
            nn.init.normal_(weight, std=std)
    return model


@pytest.fixture(scope='module')
def write(tmp_path_factory):
    """Model and file of a config, made once."""
    made = {}

    def once(config) -> tuple[nn.Module, Path]:
        if config not in made:
            init_default_scope('mmdet')
            torch.manual_seed(0)
            model = lively(config())
            path = tmp_path_factory.mktemp('export') / f'{config.__name__}.onnx'
            write_onnx(ExportedDetector(model), path, CLASSES, [SCALE, SCALE])
            made[config] = model, path
        return made[config]

    return once


def picture(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(height).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return cv2.resize(noise, (width, height))


@torch.no_grad()
def predict(model: nn.Module, image: np.ndarray) -> dict[str, np.ndarray]:
    size = image.shape[:2]
    sample = DetDataSample(metainfo=dict(img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0)))
    inputs = torch.from_numpy(image.transpose(2, 0, 1).copy())
    found = model.test_step(dict(inputs=[inputs], data_samples=[sample]))[0].pred_instances
    names = dict(boxes='bboxes', scores='scores', labels='labels', masks='masks')
    return {name: found[own].numpy() for name, own in names.items()}


@pytest.mark.parametrize('config', [plain, by_class])
@pytest.mark.parametrize('size', SIZES)
def test_the_file_finds_what_the_detector_finds(write, config, size):
    model, path = write(config)
    detector, image = Detector(path, 1), picture(*size)
    detector.scale = [max(size), min(size)]  # its own
    ours = predict(model, image)
    found = differences([(ours, detector(image))])
    assert found['detections'] > 20 and len(set(ours['labels'])) > 1
    assert found['alone'] == 0 and found['box'] < 1e-3 and found['score'] < 1e-4, found
    assert found['mask'] < 1e-3 and ours['masks'].any(), found


def test_what_the_neighbours_are_changes_what_is_found(write):
    """Else the comparison would not see an aggregator that is left out."""
    model, _ = write(plain)
    exported, image = ExportedDetector(model), torch.from_numpy(picture(64, 64).transpose(2, 0, 1))
    with torch.no_grad():
        scores = exported(image[None])[1]
        exported.detector.roi_head.aggregator.max_context = 0
        assert (exported(image[None])[1] - scores).abs().max() > 1e-3


def test_of_nothing_found_the_file_gives_empty_lists(write):
    _, path = write(silent)
    found = Detector(path, 1)(picture(64, 64))
    assert {name: values.shape for name, values in found.items()} == dict(
        boxes=(0, 4), scores=(0,), labels=(0,), masks=(0, 64, 64)
    )


def test_boxes_come_back_in_the_pictures_pixels(write):
    _, path = write(plain)
    detector, image = Detector(path, 1), picture(64, 48)
    once, twice = (detector(shown) for shown in (image, image.repeat(2, 0).repeat(2, 1)))
    assert once['boxes'].max() <= 64 < twice['boxes'].max() <= 128
    assert twice['masks'].shape[1:] == (128, 96)


def test_the_runner_needs_no_torch(write, tmp_path):
    _, path = write(plain)
    cv2.imwrite(str(tmp_path / 'one.png'), picture(64, 64))
    blocked = ('torch', 'mmcv', 'mmdet', 'mmengine', 'ocrnet_mmdet', 'onnx')
    code = (
        f'import sys, runpy; sys.modules.update(dict.fromkeys({blocked}));'
        f"sys.argv[1:] = [{str(path)!r}, 'one.png', '--score', '0.1', '--draw', 'drawn'];"
        f"runpy.run_path({str(RUN)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found['picture'] == 'one.png' and len(found['boxes']) == len(found['classes']) > 0
    assert (cv2.imread(str(tmp_path / 'drawn/one.png.png')) != picture(64, 64)).any()


def test_the_runner_draws_classes_in_colours_under_names():
    image = np.full((200, 300, 3), 90, np.uint8)
    boxes = np.array([[20, 60, 140, 120], [160, 60, 280, 120], [40, 150, 48, 158]], np.float32)
    found = dict(boxes=boxes, scores=np.array([0.9, 0.8, 0.7]), labels=np.array([0, 1, 1]))
    masks = np.zeros((3, 200, 300), bool)
    masks[0, 80:100, 40:100] = True
    drawn = draw(image, found | dict(masks=masks), ['cat', '细胞'])
    first, second = (tuple(drawn[90, int(box[0])]) for box in boxes[:2])
    assert len({first, second, (90, 90, 90)}) == 3 and tuple(drawn[154, 40]) == second
    for (left, top, *_), colour in zip(boxes[:2].astype(int), (first, second)):
        name = drawn[top - 14 : top - 2, left : left + 60]
        assert (name == colour).all(-1).sum() > 100 and (name > 200).all(-1).any()
    assert (drawn[135:149] == 90).all()  # a name would hide what surrounds the small one
    assert (drawn[90, 60] != 90).any() and (drawn[110, 60] == 90).all() and (image == 90).all()


@pytest.mark.parametrize('side', [1, 2, 3, 6])
def test_pooling_by_products_is_adaptive_pooling(side):
    for height, width in ((7, 7), (6, 9), (2, 3), (13, 1)):
        maps = torch.randn(2, 3, height, width)
        assert torch.allclose(
            adaptive_avg_pool(maps, side), F.adaptive_avg_pool2d(maps, side), atol=1e-6
        )


def checkpoint(path: Path, model: dict, state: dict, data: dict = dict(), **step) -> str:
    """A file as a training leaves it; ``step`` changes Resize, ``data`` the test set."""
    resize = dict(type='Resize', scale=(SCALE, SCALE), keep_ratio=True) | step
    load, pack = dict(type='LoadImageFromFile'), dict(type='PackDetInputs')
    dataset = dict(data, pipeline=[load, resize, pack])
    cfg = Config(dict(model=model, test_dataloader=dict(dataset=dataset)))
    meta = dict(cfg=cfg.pretty_text, dataset_meta=dict(classes=CLASSES))
    torch.save(dict(meta=meta, state_dict=state), path)
    return str(path)


def test_the_tool_compares_both_on_the_test_set(tmp_path):
    make_demo_set(str(tmp_path / 'data'), train=1, val=2, unlabelled=0, size=96)
    data = dict(
        type='CocoDataset',
        data_root=str(tmp_path / 'data'),
        ann_file='annotations/val.json',
        data_prefix=dict(img=''),
        metainfo=dict(classes=tuple(SHAPES)[: len(CLASSES)]),
    )
    state = lively(plain()).state_dict()
    file = checkpoint(tmp_path / 'iter_2.pth', plain().to_dict(), state, data)
    folder = Path(file).parent  # a work folder stands for its last checkpoint
    command = [ROOT / 'tools/export.py', folder, '--out', tmp_path / 'out/a.onnx', '--check', '2']
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout[done.stdout.index('{') :])
    assert found['pictures'] == 2 and found['detections'] > 20 and found['alone'] == 0
    assert found['onnx_ap'] == pytest.approx(found['torch_ap'], abs=1e-3)
    detector = Detector(tmp_path / 'out/a.onnx', 1)
    assert detector.classes == CLASSES and detector.scale == [SCALE, SCALE]


def test_a_detection_without_twin_is_counted_on_either_side():
    one = dict(boxes=np.zeros((1, 4)), scores=np.ones(1), labels=np.zeros(1, int))
    far = dict(one, boxes=np.full((1, 4), 2.0))
    near = dict(one, boxes=np.full((1, 4), 0.5))
    found = [differences([(one, other)]) for other in (one, far, near)]
    assert [f['alone'] for f in found] == [0, 2, 0]
    assert [f['apart'] for f in found] == [0, 0, 1] and found[2]['box'] == 0.5


def test_another_detector_is_refused_in_one_line(tmp_path):
    file = checkpoint(tmp_path / 'a.pth', dict(type='RetinaNet'), {})
    with pytest.raises(InputError, match='the model is RetinaNet, export writes two-stage'):
        export(file, tmp_path / 'a.onnx')


def test_a_part_that_is_not_written_is_named():
    stock, odd = plain(), plain()
    stock.rpn_head = dict(type='RPNHead', in_channels=16)
    odd.data_preprocessor.pad_size_divisor = 1
    for config, message in ((stock, 'rpn_head is RPNHead'), (odd, 'pad_size_divisor is 1')):
        with pytest.raises(InputError, match=message):
            ExportedDetector(MODELS.build(config))


def test_a_pipeline_that_is_not_written_is_refused(tmp_path):
    model = lively(plain())
    file = checkpoint(tmp_path / 'a.pth', plain().to_dict(), model.state_dict(), keep_ratio=False)
    with pytest.raises(InputError, match='no Resize with scale and keep_ratio=True'):
        export(file, tmp_path / 'a.onnx')


def test_a_checkpoint_without_config_is_refused(tmp_path):
    torch.save(dict(meta={}, state_dict={}), tmp_path / 'a.pth')
    with pytest.raises(InputError, match='carries no config that can be read'):
        export(str(tmp_path / 'a.pth'), tmp_path / 'a.onnx')


def test_weights_of_another_model_are_refused(tmp_path):
    file = checkpoint(tmp_path / 'a.pth', plain().to_dict(), {})
    with pytest.raises(InputError, match='does not fill backbone'):
        export(file, tmp_path / 'a.onnx')


def test_a_pretraining_is_no_detector_to_export(tmp_path):
    file = checkpoint(tmp_path / 'a.pth', plain().to_dict(), {})
    content = torch.load(file)
    content['meta']['pretrained_without_labels'] = True
    torch.save(content, file)
    with pytest.raises(InputError, match='of a pretraining, which leaves no classifier'):
        export(file, tmp_path / 'a.onnx')


def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(InputError, match='onnxruntime is not installed: pip install'):
        export('a.pth', tmp_path / 'a.onnx')


@pytest.mark.parametrize(
    'part, change, words',
    [
        ('rcnn', dict(type='soft_nms'), 'soft_nms'),
        ('rcnn', dict(class_agnostic=True), 'class_agnostic'),
        ('rpn', dict(type='soft_nms'), 'test_cfg.rpn.nms'),
    ],
)
def test_another_suppression_is_refused(part, change, words):
    detector = lively(plain())
    head = detector.roi_head if part == 'rcnn' else detector.rpn_head
    head.test_cfg.nms = {**head.test_cfg.nms, **change}
    with pytest.raises(InputError, match=words):
        ExportedDetector(detector)


@pytest.mark.parametrize('scale, keep_ratio', [(640, True), ((640, 320), True), (640, False)])
def test_the_scale_is_read_as_mmcv_reads_it(scale, keep_ratio):
    resize = dict(type='mmdet.Resize', scale=scale, keep_ratio=keep_ratio)
    cfg = Config(dict(val_dataloader=dict(dataset=dict(pipeline=[resize]))))
    if not keep_ratio:
        with pytest.raises(InputError, match='no Resize'):
            resize_scale(cfg)
    else:
        assert resize_scale(cfg) == ([640, 640] if scale == 640 else [640, 320])


@pytest.mark.parametrize('check, words', [('-1', '--check is -1'), ('2', 'is empty')])
def test_a_comparison_that_cannot_be_is_refused_first(tmp_path, check, words):
    (tmp_path / 'none.json').write_text('{"images": [], "annotations": [], "categories": []}')
    data = dict(type='CocoDataset', data_root='', ann_file=str(tmp_path / 'none.json'))
    file = checkpoint(tmp_path / 'a.pth', plain().to_dict(), lively(plain()).state_dict(), data)
    with pytest.raises(InputError, match=words):
        export(file, tmp_path / 'a.onnx', int(check))
    assert not (tmp_path / 'a.onnx').exists()


def test_a_very_thin_picture_keeps_a_pixel(write):
    _, path = write(plain)
    found = Detector(path, 1)(np.zeros((1, 5000, 3), np.uint8))
    assert found['boxes'].shape[1:] == (4,)


def test_the_runner_draws_beside_the_pictures(write, tmp_path, monkeypatch, capsys):
    _, path = write(plain)
    for name in ('a.png', 'a.jpg'):
        cv2.imwrite(str(tmp_path / name), picture(64, 64))
    before = (tmp_path / 'a.png').read_bytes()
    command = ['run.py', str(path), str(tmp_path), '--draw']
    for place in ('drawn', 'drawn', ''):
        monkeypatch.setattr(sys, 'argv', [*command, str(tmp_path / place)])
        if place:
            run.main()
        else:
            with pytest.raises(SystemExit, match='name another'):
                run.main()
    assert {p.name for p in (tmp_path / 'drawn').iterdir()} == {'a.png.png', 'a.jpg.png'}
    assert (tmp_path / 'a.png').read_bytes() == before
