import os
from types import SimpleNamespace

import pytest
import torch

from ocrnet_mmdet.engine.finite_loss import OCRNetFiniteLossHook, last_good_checkpoint
from ocrnet_mmdet.errors import InputError


def save(folder, name: str, value: float, age: int) -> None:
    torch.save(dict(state_dict=dict(w=torch.tensor([1.0, value]), n=torch.tensor(3))), folder / name)
    os.utime(folder / name, (1000 - age, 1000 - age))


def run_in(folder, resume: bool = False) -> SimpleNamespace:
    return SimpleNamespace(iter=41, work_dir=str(folder), _resume=resume)


def check(folder, loss: float) -> None:
    OCRNetFiniteLossHook().after_train_iter(
        run_in(folder), 0,
        outputs=dict(loss=torch.tensor(loss), loss_cls=torch.tensor(loss)))


def test_finite_losses_pass(tmp_path):
    check(tmp_path, 3.0)


@pytest.mark.parametrize('loss', [float('nan'), float('inf')])
def test_the_message_names_step_term_and_the_newest_checkpoint_without_nan(tmp_path, loss):
    save(tmp_path, 'iter_10.pth', 2.0, age=30)
    save(tmp_path, 'iter_20.pth', 2.0, age=20)
    save(tmp_path, 'iter_40.pth', float('nan'), age=10)
    save(tmp_path, 'pretrained_detector.pth', 2.0, age=5)  # cannot be resumed
    (tmp_path / 'iter_50.pth').write_bytes((tmp_path / 'iter_20.pth').read_bytes()[:300])  # cut off
    with pytest.raises(InputError, match='at step 42 .*loss_cls=.*--resume .*iter_20.pth'):
        check(tmp_path, loss)


def test_another_runs_checkpoint_is_not_recommended_unless_this_run_went_on_from_it(tmp_path):
    save(tmp_path, 'iter_900.pth', 2.0, age=100)  # of a run before
    begun = 1000 - 50
    assert last_good_checkpoint(run_in(tmp_path), begun) is None
    assert last_good_checkpoint(run_in(tmp_path, resume=True), begun) == tmp_path / 'iter_900.pth'
    save(tmp_path, 'iter_10.pth', 2.0, age=40)
    assert last_good_checkpoint(run_in(tmp_path), begun) == tmp_path / 'iter_10.pth'


def test_the_hook_counts_checkpoints_from_its_run_on(tmp_path):
    save(tmp_path, 'iter_900.pth', 2.0, age=100)
    hook = OCRNetFiniteLossHook()
    hook.before_train(run_in(tmp_path))
    with pytest.raises(InputError, match='no checkpoint was written yet'):
        hook.after_train_iter(run_in(tmp_path), 0, outputs=dict(loss=torch.tensor(float('nan'))))


def test_without_a_checkpoint_it_says_so(tmp_path):
    with pytest.raises(InputError, match='no checkpoint'):
        check(tmp_path, float('nan'))
