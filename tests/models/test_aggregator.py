import pytest
import torch

from ocrnet_mmdet.models.aggregator import Aggregator, Attention, add_resampled, region_places

S, C = 3, 16


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = Aggregator(C, num_layers=2, num_heads=4, roi_size=S, token_size=S).eval()
    torch.nn.init.normal_(net.out.weight, std=0.2)
    return net


def regions(*counts):
    torch.manual_seed(1)
    total = sum(counts)
    image = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return torch.randn(total, C, S, S), torch.randn(total, 4), image, len(counts)


def test_a_new_aggregator_adds_exactly_nothing():
    added, _ = Aggregator(C, num_heads=4, roi_size=S)(*regions(3, 2))
    assert torch.equal(added, torch.zeros_like(added))


def test_images_of_a_batch_do_not_see_each_other(net):
    r, places, image, _ = regions(4, 1, 3)
    together = net(r, places, image, 3)
    for i in range(3):
        own = image == i
        alone = net(r[own], places[own], torch.zeros_like(image[own]), 1)
        for a, b in zip(together, alone):
            torch.testing.assert_close(a[own], b, atol=1e-5, rtol=1e-4)


def test_regions_of_an_image_see_each_other(net):
    r, places, image, n = regions(4)
    before, _ = net(r, places, image, n)
    r = r.clone()
    r[3] = -r[3]
    after, _ = net(r, places, image, n)
    assert (after[:3] - before[:3]).abs().max() > 1e-4


def test_order_of_the_regions_does_not_matter(net):
    r, places, image, n = regions(5)
    order = torch.tensor([3, 0, 4, 1, 2])
    for a, b in zip(net(r, places, image, n), net(r[order], places[order], image, n)):
        torch.testing.assert_close(a[order], b, atol=1e-5, rtol=1e-4)


def test_hidden_regions_change_nothing_for_the_others(net):
    r, places, image, n = regions(5)
    context = torch.tensor([True, True, False, True, False])
    before, _ = net(r, places, image, n, context)
    r = r.clone()
    r[~context] = 7.0
    after, _ = net(r, places, image, n, context)
    torch.testing.assert_close(after[context], before[context])


def test_regions_beyond_max_context_change_no_other(net):
    net.max_context = 4
    r, places, image, n = regions(9)
    few, _ = net(r[:5], places[:5], image[:5], n)
    many, _ = net(r, places, image, n)
    torch.testing.assert_close(many[:5], few, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('counts', [(0,), (0, 2), (2, 0, 1), (1,)])
def test_images_without_regions_or_context_stay_finite(net, counts):
    r, places, image, n = regions(*counts)
    added, vectors = net(r, places, image, n, torch.zeros(len(r), dtype=torch.bool))
    assert added.shape == r.shape and vectors.shape == (len(r), 2, C)
    assert torch.isfinite(added).all()
    added.sum().backward()


def test_every_parameter_gets_a_gradient(net):
    added, _ = net(*regions(4, 3))
    added.square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())


def test_recomputing_gives_the_same_gradients(net):
    gradients = []
    for net.with_cp in (False, True):
        net.zero_grad()
        r, places, image, n = regions(3, 2)
        net(r.requires_grad_(), places, image, n)[0].square().sum().backward()
        gradients.append([p.grad.clone() for p in net.parameters()])
    for a, b in zip(*gradients):
        torch.testing.assert_close(a, b)


def test_attention_is_torchs_multi_head_attention():
    torch.manual_seed(0)
    ours, theirs = Attention(C, 4), torch.nn.MultiheadAttention(C, 4, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    q, k = torch.randn(2, 3, C), torch.randn(2, 5, C)
    visible = torch.tensor([[True] * 5, [True, True, False, False, True]])
    torch.testing.assert_close(
        ours(q, k, visible), theirs(q, k, k, key_padding_mask=~visible)[0], atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(ours(q, q), theirs(q, q, q)[0], atol=1e-5, rtol=1e-4)


def test_weights_serve_every_side_of_the_token_grid():
    """Regions that do not vary within give nearly the same, whatever the number of tokens."""
    torch.manual_seed(0)
    fine = Aggregator(C, num_heads=4, token_size=7).eval()
    torch.nn.init.normal_(fine.out.weight, std=0.2)
    coarse = Aggregator(C, num_heads=4, token_size=2).eval()
    coarse.load_state_dict(fine.state_dict())
    flat = torch.randn(4, C, 1, 1).expand(-1, -1, 7, 7)
    places, image = torch.randn(4, 4), torch.zeros(4, dtype=torch.long)
    (many, vectors), (few, few_vectors) = (
        fine(flat, places, image, 1),
        coarse(flat, places, image, 1),
    )
    assert many.shape == (4, C, 7, 7) and few.shape == (4, C, 2, 2)
    assert (few_vectors - vectors).norm() < 0.05 * vectors.norm()
    assert (few.mean((2, 3)) - many.mean((2, 3))).norm() < 0.05 * many.mean((2, 3)).norm()


def test_as_many_tokens_as_bins_are_the_bins_themselves(net):
    """Then each bin has its own position, and what is added needs no resampling."""
    assert torch.equal(net._position(), net.position)
    r, places, image, n = regions(3)
    added, _ = net(r, places, image, n)
    assert torch.equal(add_resampled(r, added), r + added)


def test_places_are_centres_in_pictures_and_log_sides_in_pixels():
    box = torch.tensor([[16.0, 32.0, 48.0, 96.0]])
    places = region_places(box, size=(128, 64))
    torch.testing.assert_close(
        places,
        torch.tensor([[0.5, 0.5, 0.25, 0.5]]).log() * torch.tensor([0.0, 0.0, 1.0, 1.0])
        + torch.tensor([[0.5, 0.5, 0.0, 0.0]]),
    )
    # Crops are trained on, whole pictures detected in: the same object has the same size in both.
    assert torch.equal(region_places(box, size=(384, 512))[:, 2:], places[:, 2:])
