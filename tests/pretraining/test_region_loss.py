import pytest
import torch
import torch.nn.functional as F

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining.monitors import CollapseMonitor, rank_share, spread
from ocrnet_mmdet.pretraining.region_loss import (
    OCRNetRegionLoss,
    beta_nll,
    bounded,
    literal,
    squared_residual,
    variance_covariance,
)

from ..two_processes import run_in_two
from .two_region_losses import SHARES, new_model, regions, terms, weighted


def pair(num: int = 12, length: int = 16) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return (
        torch.randn(num, length, requires_grad=True),
        3 * torch.randn(num, length) + 5,
        torch.randn(num, requires_grad=True),
    )


def gradients(loss: torch.Tensor, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return torch.autograd.grad(loss, inputs, retain_graph=True)


# the vectors


def test_beta_nll_is_a_loop_over_regions_and_dimensions():
    prediction, target, log_variance = pair()
    total = 0.0
    for p, t, a in zip(prediction.double(), target.double(), log_variance.double()):
        t = (t - t.mean()) / (t.var(unbiased=False) + 1e-5).sqrt()
        s = 3 * torch.tanh(a / 3)
        total += (
            s.exp() ** 0.5 * 0.5 * sum((x - y) ** 2 / s.exp() + s for x, y in zip(p, t)) / len(p)
        )
    loss = OCRNetRegionLoss()(prediction, target, log_variance)
    torch.testing.assert_close(loss.double(), total / len(prediction))


@pytest.mark.parametrize('bound', [20.0, 1e6])
def test_with_beta_zero_it_is_torchs_gaussian_nll(bound):
    prediction, target, log_variance = pair()
    normal = F.layer_norm(target, target.shape[-1:])
    variance = bounded(log_variance, bound).exp()[:, None].expand_as(normal)
    loss = OCRNetRegionLoss(beta=0.0, max_log_variance=bound)(prediction, target, log_variance)
    torch.testing.assert_close(loss, F.gaussian_nll_loss(prediction, normal, variance))


def test_beta_one_gives_the_prediction_the_gradient_of_the_mse():
    prediction, target, log_variance = pair()
    nll = OCRNetRegionLoss(beta=1.0)(prediction, target, log_variance)
    mse = OCRNetRegionLoss('mse')(prediction, target, log_variance)
    torch.testing.assert_close(gradients(nll, prediction), gradients(mse, prediction))


def test_at_sigma_one_the_forms_agree_in_value_and_gradient():
    prediction, target, _ = pair()
    zeros = torch.zeros(len(prediction))
    losses = [
        OCRNetRegionLoss()(prediction, target, zeros),
        OCRNetRegionLoss()(prediction, target, None),
        OCRNetRegionLoss('mse')(prediction, target, torch.full_like(zeros, 2.0)),
    ]
    first = gradients(losses[0], prediction)
    for loss in losses[1:]:
        torch.testing.assert_close(loss, losses[0])
        torch.testing.assert_close(gradients(loss, prediction), first)


@pytest.mark.parametrize('beta', [0.0, 0.5, 1.0])
def test_the_log_variance_settles_at_the_log_of_the_residual(beta):
    e = torch.tensor([0.1, 1.0, 5.0])
    s = e.log().requires_grad_()
    assert torch.autograd.grad(beta_nll(e, s, beta).sum(), s)[0].abs().max() < 1e-6
    below, above = (
        torch.autograd.grad(beta_nll(e, t, beta).sum(), t)[0]
        for t in ((s - 0.1).detach().requires_grad_(), (s + 0.1).detach().requires_grad_())
    )
    assert (below < 0).all() and (above > 0).all()


def test_the_log_variance_is_bounded_and_the_identity_near_zero():
    values = torch.tensor([-1e9, -1e-3, 0.0, 1e-3, 1e9])
    torch.testing.assert_close(bounded(values, 3.0), torch.tensor([-3, -1e-3, 0, 1e-3, 3]))


def test_no_prediction_makes_the_loss_fall_without_end():
    _, target, _ = pair()
    perfect = F.layer_norm(target, target.shape[-1:])
    loss = OCRNetRegionLoss()(perfect, target, torch.full((len(target),), -1e9))
    assert loss.item() == pytest.approx(-1.5 * torch.tensor(-1.5).exp().item(), rel=1e-4)


def test_the_teachers_scale_and_shift_do_not_count():
    prediction, target, log_variance = pair()
    loss = OCRNetRegionLoss()
    torch.testing.assert_close(
        loss(prediction, target, log_variance), loss(prediction, 7 * target - 2, log_variance)
    )


def test_a_prediction_of_zeros_has_the_residual_one():
    _, target, _ = pair()
    torch.testing.assert_close(
        squared_residual(torch.zeros_like(target), target),
        torch.ones(len(target)),
        atol=1e-4,
        rtol=0,
    )


def test_the_gradient_does_not_reach_the_teacher():
    prediction, target, log_variance = pair()
    target.requires_grad_()
    OCRNetRegionLoss()(prediction, target, log_variance).backward()
    assert target.grad is None
    assert (prediction.grad.abs().sum(dim=1) > 0).all() and (log_variance.grad != 0).all()


def test_the_order_of_the_regions_does_not_matter():
    prediction, target, log_variance = pair()
    order = torch.randperm(len(target))
    loss = OCRNetRegionLoss()
    torch.testing.assert_close(
        loss(prediction, target, log_variance),
        loss(prediction[order], target[order], log_variance[order]),
    )


@pytest.mark.parametrize('form', ['beta_nll', 'mse', 'literal'])
def test_no_region_is_zero_with_gradients_of_zero(form):
    layer = torch.nn.Linear(4, 9)
    out = layer(torch.zeros(0, 4))
    loss = OCRNetRegionLoss(form)(out[:, :8], torch.zeros(0, 8), out[:, 8])
    loss.backward()
    assert loss.item() == 0 and layer.weight.grad.abs().sum() == 0


@pytest.mark.parametrize('form', ['mse', 'literal'])
def test_forms_without_log_variance_keep_its_layer_in_the_graph(form):
    prediction, target, log_variance = pair()
    OCRNetRegionLoss(form)(prediction, target, log_variance).backward()
    assert log_variance.grad is not None and not log_variance.grad.any()


def test_under_autocast_it_computes_in_float32():
    prediction, target, log_variance = pair()
    half = [x.detach().bfloat16() for x in (prediction, target, log_variance)]
    loss = OCRNetRegionLoss()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        inside = torch.stack([loss(*half), *variance_covariance(half[0])])
    exact = [x.float() for x in half]
    torch.testing.assert_close(
        inside, torch.stack([loss(*exact), *variance_covariance(exact[0])]), rtol=0, atol=0
    )


def test_an_unknown_form_names_the_known_ones():
    with pytest.raises(InputError, match="form='nll'.*'beta_nll', 'mse' or 'literal'"):
        OCRNetRegionLoss('nll')


# the article's literal form


def test_literal_is_the_article_s_formula():
    vectors, _, _ = pair()
    mean = vectors.mean(dim=0)
    expected = ((vectors - mean) ** 2).sum() / len(vectors) + ((vectors - mean) ** 2).mean().log()
    torch.testing.assert_close(literal(vectors), expected)


def descend(form: str, steps: int = 200) -> tuple[torch.Tensor, list[float], int | None]:
    """Vectors of a small net after gradient descent, the losses, the step of the monitor's word.

    The teacher's vectors are those of a fixed other net.
    """
    torch.manual_seed(0)
    inputs = torch.randn(64, 16)
    net, teacher = (
        torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32))
        for _ in range(2)
    )
    loss, monitor, losses = OCRNetRegionLoss(form), CollapseMonitor(), []
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3)
    for step in range(steps):
        vectors = net(inputs)
        if monitor.update(step, float(spread(vectors)), float(rank_share(vectors))):
            return vectors, losses, step
        value = loss(vectors, teacher(inputs), None)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    return vectors, losses, None


def test_the_literal_form_collapses_and_the_monitor_says_so():
    vectors, losses, caught = descend('literal')
    assert caught is not None and caught < 200
    assert spread(vectors) < 0.1 and losses[-1] < losses[0] - 5


def test_the_form_with_a_teacher_does_not_collapse():
    vectors, losses, caught = descend('mse')
    assert caught is None
    assert spread(vectors) > 0.6 and losses[-1] < 0.7 * losses[0]


def test_free_vectors_become_their_mean_under_the_literal_form():
    torch.manual_seed(0)
    vectors = torch.randn(64, 128).requires_grad_()
    mean, monitor, words = vectors.detach().mean(dim=0), CollapseMonitor(), []
    optimiser = torch.optim.SGD([vectors], lr=1.0)
    for step in range(200):
        optimiser.zero_grad()
        literal(vectors).backward()
        # it grows as 1 / distance from the mean: smaller steps once they are near
        torch.nn.utils.clip_grad_norm_([vectors], 2.0 if step < 60 else 0.5)
        optimiser.step()
        words.append(monitor.update(step, float(spread(vectors)), float(rank_share(vectors))))
    torch.testing.assert_close(vectors.detach(), mean.expand(64, -1), atol=0.05, rtol=0)
    assert 'collapsed' in words[-1] and words[0] is None


# variance and covariance


@pytest.mark.parametrize('gamma', [0.3, 1.0])
def test_variance_and_covariance_are_numpy_s(gamma):
    vectors = pair(20, 6)[0] @ torch.randn(6, 6)
    variance_loss, covariance_loss = variance_covariance(vectors, gamma)
    covariance = torch.cov(vectors.double().T)
    std = (covariance.diagonal() + 1e-4).sqrt()
    hinge = sum(max(0.0, gamma - float(s)) for s in std) / 6
    squares = sum(float(covariance[i, j]) ** 2 for i in range(6) for j in range(6) if i != j) / 6
    assert variance_loss.item() == pytest.approx(hinge, rel=1e-5)
    assert covariance_loss.item() == pytest.approx(squares, rel=1e-5)


def test_whitened_vectors_far_apart_cost_nothing():
    torch.manual_seed(0)
    noise = torch.randn(64, 8)
    white = torch.linalg.qr(noise - noise.mean(dim=0))[0] * 63**0.5 * 1.01
    for loss in variance_covariance(white):
        assert loss.item() == pytest.approx(0, abs=1e-8)


def test_equal_vectors_have_the_whole_hinge_and_no_covariance():
    variance_loss, covariance_loss = variance_covariance(torch.full((8, 4), 3.0), gamma=0.7)
    assert variance_loss.item() == pytest.approx(0.7 - 0.01, abs=1e-6)
    assert covariance_loss == 0


def test_the_hinge_pushes_near_equal_vectors_apart():
    torch.manual_seed(0)
    vectors = (1 + 0.01 * torch.randn(32, 8)).requires_grad_()
    optimiser = torch.optim.SGD([vectors], lr=10)
    for _ in range(50):
        optimiser.zero_grad()
        variance_covariance(vectors)[0].backward()
        optimiser.step()
    assert vectors.detach().std(dim=0).min() > 0.9


def test_a_common_shift_changes_nothing_even_where_it_is_large():
    vectors = pair()[0].detach()
    torch.testing.assert_close(
        variance_covariance(vectors), variance_covariance(vectors + 1000), rtol=1e-3, atol=1e-5
    )


def test_the_gradient_is_that_of_the_formula_with_its_mean():
    vectors = torch.randn(9, 5, dtype=torch.double, requires_grad=True)
    covariance = torch.cov(vectors.T)
    std = (covariance.diagonal() + 1e-4).sqrt()
    plain = (F.relu(2 - std).mean(), (covariance - covariance.diagonal().diag()).square().sum() / 5)
    for ours, formula in zip(variance_covariance(vectors, gamma=2.0), plain):
        torch.testing.assert_close(
            gradients(ours, vectors), gradients(formula, vectors), rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize('num', [0, 1])
def test_too_few_vectors_cost_nothing_and_keep_the_graph(num):
    vectors = torch.ones(num, 4, requires_grad=True)
    losses = variance_covariance(vectors)
    sum(losses).backward()
    assert [loss.item() for loss in losses] == [0, 0] and vectors.grad.abs().sum() == 0


# two processes


def test_two_processes_have_the_joint_batchs_loss_and_gradient(tmp_path):
    found = run_in_two('tests.pretraining.two_region_losses', tmp_path)
    for shares, first, second in zip(SHARES, *found):
        model = new_model()
        joint = terms(model, *regions(sum(shares)))
        weighted(joint).backward()
        torch.testing.assert_close((first['terms'] + second['terms']) / 2, joint.detach())
        assert torch.equal(first['terms'][1:], second['terms'][1:])
        for result in (first, second):
            torch.testing.assert_close(result['gradient'], model.weight.grad, rtol=1e-4, atol=1e-5)
