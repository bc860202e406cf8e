import pytest
import torch

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.models import OCRNetEncoder
from ocrnet_mmdet.models.encoder import ARCHS

GN = dict(type='GN', num_groups=4, requires_grad=True)


@pytest.mark.parametrize('arch', ARCHS)
def test_every_arch_gives_four_maps_and_learns(arch):
    net = OCRNetEncoder(arch, width=0.25, norm_cfg=GN)
    net.init_weights()
    maps = net(torch.rand(2, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [
        (2, c, 64 // s, 96 // s) for c, s in zip(net.out_channels, (4, 8, 16, 32))
    ]
    sum(m.square().mean() for m in maps).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize('arch', ['conv8', 'vgg11', 'resnet18', 'inception', 'efficientnet_lite0'])
@pytest.mark.parametrize('frozen_stages', [0, 2, 4])
def test_only_frozen_stages_keep_weights_and_statistics(arch, frozen_stages):
    net = OCRNetEncoder(arch, width=0.25, frozen_stages=frozen_stages).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    trainable = [p for p in net.parameters() if p.requires_grad]
    maps = net(torch.rand(2, 3, 64, 64))
    if trainable:
        sum(m.square().mean() for m in maps).backward()
        torch.optim.SGD(trainable, lr=1.0).step()
    changed = {k for k, v in net.state_dict().items() if not torch.equal(v, before[k])}
    frozen_names = {n for n, p in net.named_parameters() if not p.requires_grad}
    assert frozen_names and not changed & frozen_names
    assert bool(changed) == (frozen_stages < 4 and arch != 'vgg11' or frozen_stages < 3)


def test_norm_eval_keeps_running_statistics():
    for norm_eval in (True, False):
        net = OCRNetEncoder('vgg11', width=0.25, norm_eval=norm_eval).train()
        before = {k: v.clone() for k, v in net.state_dict().items() if 'running' in k}
        net(torch.rand(2, 3, 64, 64))
        same = all(torch.equal(v, net.state_dict()[k]) for k, v in before.items())
        assert same == norm_eval


@pytest.mark.parametrize('arch', ['conv8', 'inception', 'efficientnet_lite0'])
def test_checkpointing_gives_the_same_gradients(arch):
    torch.manual_seed(0)
    plain = OCRNetEncoder(arch, width=0.25, norm_cfg=GN)
    saving = OCRNetEncoder(arch, width=0.25, norm_cfg=GN, with_cp=True)
    saving.load_state_dict(plain.state_dict())
    x = torch.rand(1, 3, 64, 64)
    for net in (plain, saving):
        net(x)[-1].square().sum().backward()
    for a, b in zip(plain.parameters(), saving.parameters()):
        torch.testing.assert_close(a.grad, b.grad)


def test_parameters_have_the_names_of_published_weights():
    resnet = set(OCRNetEncoder('resnet18').body.state_dict())
    assert {'conv1.weight', 'bn1.running_mean', 'layer4.1.conv2.weight'} <= resnet
    vgg = OCRNetEncoder('vgg16', norm_cfg=None).body.state_dict()
    # torchvision's vgg16.features has convolutions at these places
    assert [k for k in vgg if k.endswith('weight')] == [
        f'features.{i}.weight' for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    ]


def test_vgg_with_bn_has_the_published_biases():
    own = set(OCRNetEncoder('vgg11').body.state_dict())
    # torchvision's vgg11_bn.features: convolutions at these places, each followed by its norm layer
    convs = (0, 4, 8, 11, 15, 18, 22, 25)
    norm = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
    assert own == {f'features.{i}.{name}' for i in convs for name in ('weight', 'bias')} | {
        f'features.{i + 1}.{name}' for i in convs for name in norm
    }


@pytest.mark.parametrize(
    'bad', [dict(arch='resnet20'), dict(frozen_stages=5), dict(out_indices=(0, 4))]
)
def test_bad_arguments_are_named(bad):
    with pytest.raises(InputError, match=str(next(iter(bad.values())))[:2].strip('(')):
        OCRNetEncoder(**bad)


def test_maps_are_contiguous_in_a_channels_last_model():
    net = OCRNetEncoder('resnet18', width=0.25, norm_cfg=GN).to(memory_format=torch.channels_last)
    x = torch.rand(2, 3, 64, 64).to(memory_format=torch.channels_last)
    assert all(m.is_contiguous() for m in net(x))


def test_convolutions_read_channels_last_on_a_cpu():
    torch.manual_seed(0)
    net = OCRNetEncoder('resnet18', width=0.25, norm_cfg=dict(type='GN', num_groups=4)).eval()
    read = []
    net.body.layer1.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    maps = net(torch.randn(1, 3, 64, 64))
    assert read[0].is_contiguous(memory_format=torch.channels_last)
    assert all(level.is_contiguous() for level in maps)
