import pytest
import torch
from mmdet.models.necks import FPN

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.models import OCRNetRegionGenerator

GN = dict(type='GN', num_groups=4, requires_grad=True)


def maps(size=(64, 96), channels=(8, 16, 16, 32)):
    return [
        torch.randn(2, c, max(size[0] // s, 1), max(size[1] // s, 1))
        for c, s in zip(channels, (4, 8, 16, 32))
    ]


@pytest.mark.parametrize(
    'options',
    [
        dict(num_outs=4),
        dict(num_outs=5),
        dict(num_outs=5, start_level=1, add_extra_convs='on_input'),
        dict(num_outs=5, start_level=1, add_extra_convs='on_output', relu_before_extra_convs=True),
    ],
)
def test_gives_what_fpn_gives_for_the_same_arguments(options):
    x = maps()
    fpn = FPN([8, 16, 16, 32], 16, **options)
    ours = OCRNetRegionGenerator([8, 16, 16, 32], 16, norm_cfg=GN, **options)
    assert [a.shape for a in ours(x)] == [b.shape for b in fpn(x)]


def test_every_level_sees_the_whole_picture():
    neck = OCRNetRegionGenerator([8, 16, 16, 32], 16, norm_cfg=GN).eval()
    x = [m.requires_grad_() for m in maps((256, 256))]
    neck(x)[0][0, :, 0, 0].sum().backward()
    far = x[0].grad[0, :, -1, -1].abs().sum()
    assert far > 0  # the opposite corner, 63 cells away: only the pooled context reaches it


def test_works_on_maps_of_one_pixel_and_a_batch_of_one():
    neck = OCRNetRegionGenerator([8, 16, 16, 32], 16, norm_cfg=GN).train()
    outs = neck([m[:1] for m in maps((32, 32))])
    assert outs[-1].shape == (1, 16, 1, 1)
    assert all(torch.isfinite(o).all() for o in outs)


def test_norm_layers_hold_the_scale_of_the_levels():
    neck = OCRNetRegionGenerator([8, 16, 16, 32], 16, norm_cfg=GN)
    neck.init_weights()
    small, large = neck(maps()), neck([100 * m for m in maps()])
    for a, b in zip(small, large):
        assert 0.2 < a.std() < 5 and 0.2 < b.std() < 5


def test_wrong_in_channels_names_both_and_the_setting():
    neck = OCRNetRegionGenerator([8, 16, 32], 16, num_outs=3, norm_cfg=GN)
    with pytest.raises(InputError, match=r'in_channels=\[8, 16, 16, 32\]'):
        neck(maps())


def test_levels_without_norm_layers_are_refused():
    with pytest.raises(InputError, match='model.neck.norm_cfg=None'):
        OCRNetRegionGenerator([8, 16, 32], 16, norm_cfg=None)
