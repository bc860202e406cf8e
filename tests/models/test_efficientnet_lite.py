"""EfficientNet-Lite0 is the published net: it names photographs, its weights find their place."""

import copy

import cv2
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader
from torch.nn.modules.batchnorm import _BatchNorm

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.models import OCRNetEncoder

from ..detectors import ROOT, data_batch, encoder, ocrnet_config, tiny, view_batch

BACKBONE = Config.fromfile(ROOT / 'configs/_base_/ocrnet_lite0.py').model.backbone
WEIGHTS = BACKBONE.init_cfg
GN = dict(type='GN', num_groups=4, requires_grad=True)


@pytest.fixture(scope='module')
def net() -> OCRNetEncoder:
    net = OCRNetEncoder('efficientnet_lite0', init_cfg=WEIGHTS)
    net.init_weights()
    return net.eval()


@torch.no_grad()
def classify(net: OCRNetEncoder, picture: torch.Tensor) -> torch.Tensor:
    """ImageNet's 1,000 probabilities, by the file's own classifier."""
    file = CheckpointLoader.load_checkpoint(WEIGHTS.checkpoint)
    mean, var, weight, bias = (
        file[f'_bn1.{name}'] for name in ('running_mean', 'running_var', 'weight', 'bias')
    )
    x = F.conv2d(net(picture)[-1], file['_conv_head.weight'])
    x = F.relu6(F.batch_norm(x, mean, var, weight, bias, eps=1e-3)).mean((2, 3))
    return F.linear(x, file['_fc.weight'], file['_fc.bias']).softmax(1)[0]


# ImageNet's numbers of Egyptian cat, espresso and missile.
@pytest.mark.parametrize(
    'name, label, probability', [('cat', 285, 0.40), ('coffee', 967, 0.94), ('rocket', 657, 0.25)]
)
def test_photographs_get_their_imagenet_class(net, name, label, probability):
    picture = getattr(skimage.data, name)()  # RGB
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    crop = cv2.resize(
        picture[top : top + side, left : left + side], (224, 224), interpolation=cv2.INTER_AREA
    )
    found = classify(net, (torch.tensor(crop).permute(2, 0, 1)[None].float() - 127) / 128)
    assert found.argmax() == label
    assert abs(found[label] - probability) < 0.01


def test_the_config_normalises_as_the_weights_want():
    model = Config.fromfile(ROOT / 'configs/ocrnet_small_data.py').model
    assert model.data_preprocessor.mean == [127] * 3 and model.data_preprocessor.std == [128] * 3
    assert model.data_preprocessor.bgr_to_rgb and model.backbone.norm_eval
    detector = MODELS.build(model)
    assert 4.3e6 < sum(p.numel() for p in detector.parameters()) < 4.5e6


@pytest.mark.parametrize('height, width', [(1, 1), (33, 65), (31, 30)])
def test_maps_of_any_size_are_the_sides_divided_and_rounded_up(net, height, width):
    maps = net(torch.rand(1, 3, height, width))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (c, -(-height // s), -(-width // s)) for c, s in zip((24, 40, 112, 320), (4, 8, 16, 32))
    ]
    assert all(torch.isfinite(m).all() for m in maps)


def test_batch_norm_has_tensorflows_eps_by_default():
    def eps(**norm_cfg):
        net = OCRNetEncoder('efficientnet_lite0', width=0.25, norm_cfg=norm_cfg)
        return {m.eps for m in net.modules() if isinstance(m, _BatchNorm)}

    assert eps(type='BN') == eps(type='SyncBN') == {1e-3}
    assert eps(type='BN', eps=1e-5) == {1e-5}


@pytest.mark.parametrize('other', [dict(width=0.5), dict(norm_cfg=GN), dict(norm_cfg=None)])
def test_weights_that_do_not_fit_are_refused(other):
    net = OCRNetEncoder('efficientnet_lite0', init_cfg=WEIGHTS, **other)
    with pytest.raises(InputError, match="of the encoder's .* width=1.0") as error:
        net.init_weights()
    assert '\n' not in str(error.value) and len(str(error.value)) < 500


def test_weights_of_another_net_are_refused(tmp_path):
    torch.save(OCRNetEncoder('resnet18', width=0.25).body.state_dict(), tmp_path / 'r18.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'r18.pth'))
    OCRNetEncoder('resnet18', width=0.25, init_cfg=init_cfg).init_weights()
    with pytest.raises(InputError, match='layer1.0.conv1.weight is'):
        OCRNetEncoder('resnet50', width=0.25, init_cfg=init_cfg).init_weights()


def test_weights_of_another_efficientnet_are_refused(tmp_path):
    file = CheckpointLoader.load_checkpoint(WEIGHTS.checkpoint)
    del file['_blocks.3._bn2.weight']
    torch.save(file | {'_blocks.3._se_reduce.weight': torch.ones(1)}, tmp_path / 'b0.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'b0.pth'))
    with pytest.raises(InputError, match='features.4.linear_conv.bn.weight is .* missing there'):
        OCRNetEncoder('efficientnet_lite0', init_cfg=init_cfg).init_weights()


def test_an_initialised_net_loads_what_any_module_loads(net):
    other = OCRNetEncoder('efficientnet_lite0')
    other.load_state_dict(net.state_dict())
    part = {k: v for k, v in net.state_dict().items() if 'features.0' in k}
    assert other.load_state_dict(part, strict=False).missing_keys


def test_a_pretrainings_teacher_starts_from_the_weights(net):
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_small_data_pretrain.py')
    model = tiny(cfg.model)
    for detector in (model.student, model.teacher):
        for key, value in net.state_dict().items():
            assert torch.equal(detector.backbone.state_dict()[key], value), key
    loss, _ = model.parse_losses(model(**view_batch(model), mode='loss'))
    loss.backward()
    assert all(p.grad is not None for p in model.student.backbone.parameters())


def test_it_trains_under_mmdets_own_neck():
    model = ocrnet_config()
    model.backbone = dict(encoder(), arch='efficientnet_lite0')
    model.neck = dict(type='FPN', in_channels=[8, 8, 32, 80], out_channels=16, num_outs=4)
    detector = tiny(model)
    loss, _ = detector.parse_losses(detector(**data_batch(detector), mode='loss'))
    loss.backward()
    assert all(p.grad is not None for p in detector.backbone.parameters())


@pytest.mark.parametrize('training', [False, True])
def test_fixed_statistics_in_the_convolutions_change_no_value(net, training):
    """Against convolution and norm one after the other, also for the gradients."""
    folded, plain = copy.deepcopy(net), copy.deepcopy(net)
    for module in plain.modules():
        if isinstance(module, ConvModule):
            module.turn_on_efficient_conv_bn_eval(False)
    picture, maps = torch.randn(2, 3, 64, 96), []
    for model in (folded, plain):
        model.body.norm_eval = True
        maps.append(model.train(training)(picture))
        sum(level.square().mean() for level in maps[-1]).backward()
    for ours, expected in zip(*maps):
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
    used = [m for m in folded.modules() if getattr(m, 'efficient_conv_bn_eval_forward', None)]
    assert len(used) == 35  # all but those whose padding is of their own
    for ours, expected in zip(folded.parameters(), plain.parameters()):
        assert (ours.grad - expected.grad).norm() <= 1e-3 * expected.grad.norm() + 1e-6
