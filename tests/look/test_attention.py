"""The recorded weights are those that the aggregator used."""

import pytest
import torch

from ocrnet_mmdet.look.attention import recorded_attention, weights_of
from ocrnet_mmdet.models.aggregator import Aggregator, Attention

S, C, HEADS = 3, 16, 4


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = Aggregator(C, num_layers=2, num_heads=HEADS, roi_size=S, token_size=2).eval()
    torch.nn.init.normal_(net.out.weight, std=0.2)
    return net


def regions(*counts):
    image = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return torch.randn(len(image), C, S, S), torch.randn(len(image), 4), image, len(counts)


@pytest.mark.parametrize('masked', [False, True])
def test_weights_times_values_are_the_modules_own_output(masked):
    attention = Attention(C, HEADS)
    queries, keys = torch.randn(2, 3, C), torch.randn(2, 5, C)
    visible = torch.tensor([[1, 0, 1, 1, 0], [0, 1, 0, 0, 0]]).bool() if masked else None
    weights = weights_of(attention, queries, keys, visible)
    values = attention.key_value(keys).chunk(2, -1)[1].unflatten(-1, (HEADS, -1)).transpose(1, 2)
    mixed = attention.out((weights @ values).transpose(1, 2).flatten(2))
    torch.testing.assert_close(mixed, attention(queries, keys, visible))


def test_every_recorded_row_sums_to_one(net):
    with recorded_attention(net) as recorded:
        net(*regions(5, 3))
    assert [tuple(w.shape) for w in recorded.within] == [(8, HEADS, 5, 5)] * 2
    assert [tuple(w.shape) for w in recorded.between] == [(2, HEADS, 5, 6)] * 2
    for weights in recorded.within + recorded.between:
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))


def test_recorded_weights_rebuild_the_layers_step(net):
    r, places, image, n = regions(4)
    given = {}
    hook = net.layers[1].between.register_forward_hook(
        lambda module, inputs, output: given.update(keys=inputs[1], out=output)
    )
    with recorded_attention(net) as recorded:
        net(r, places, image, n)
    hook.remove()
    between = net.layers[1].between
    values = between.key_value(given['keys']).chunk(2, -1)[1].unflatten(-1, (HEADS, -1))
    mixed = (recorded.between[1] @ values.transpose(1, 2)).transpose(1, 2).flatten(2)
    torch.testing.assert_close(between.out(mixed), given['out'])


def test_hidden_regions_get_no_weight(net):
    r, places, image, n = regions(4)
    with recorded_attention(net) as recorded:
        net(r, places, image, n, torch.tensor([True, False, True, True]))
    assert all((w[..., 2] == 0).all() and (w[..., 1] > 0).all() for w in recorded.between)


def test_recording_changes_nothing_and_ends(net):
    given = regions(4, 2)
    before = net(*given)
    with recorded_attention(net) as recorded:
        during = net(*given)
    count = len(recorded.within)
    after = net(*given)
    assert len(recorded.within) == count == 2
    for a, b, c in zip(before, during, after):
        assert torch.equal(a, b) and torch.equal(a, c)
