import torch

from .two_detectors import pictures, total_loss, without_chance
from .two_processes import run_in_two


def test_two_processes_train_as_one_on_the_joint_batch(tmp_path):
    first, second = run_in_two('tests.two_detectors', tmp_path)
    model = without_chance()
    start = {k: v.clone() for k, v in model.state_dict().items()}
    joint = total_loss(model, pictures(model)).detach()
    torch.testing.assert_close(first['loss'], joint, atol=1e-4, rtol=1e-4)
    for key, value in first['weights'].items():
        assert torch.equal(value, second['weights'][key]), key
    moved = {k.split('.')[0] for k in start if not torch.equal(start[k], first['weights'][k])}
    assert moved == {'backbone', 'neck', 'rpn_head', 'roi_head'}
