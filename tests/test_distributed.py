import os
import subprocess
import sys

import torch

from .detectors import ROOT
from .two_processes import pictures, total_loss, without_chance


def test_two_processes_have_the_loss_of_the_joint_batch_and_end_with_the_same_weights(tmp_path):
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2',
               '--standalone', '-m', 'tests.two_processes', str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ, OMP_NUM_THREADS='1'), text=True,
                          capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = [torch.load(tmp_path / f'rank{i}.pth') for i in range(2)]
    model = without_chance()
    start = {k: v.clone() for k, v in model.state_dict().items()}
    joint = total_loss(model, pictures(model)).detach()
    torch.testing.assert_close(first['loss'], joint, atol=1e-4, rtol=1e-4)
    for key, value in first['weights'].items():
        assert torch.equal(value, second['weights'][key]), key
    moved = {k.split('.')[0] for k in start if not torch.equal(start[k], first['weights'][k])}
    assert moved == {'backbone', 'neck', 'rpn_head', 'roi_head'}
