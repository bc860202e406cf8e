import os
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import CheckpointHook

from ocrnet_mmdet.engine.finite_loss import OCRNetFiniteLossHook
from ocrnet_mmdet.errors import InputError


def save(folder, name: str, value: float, age: int) -> None:
    torch.save(
        dict(state_dict=dict(w=torch.tensor([1.0, value]), n=torch.tensor(3))), folder / name
    )
    os.utime(folder / name, (1000 - age, 1000 - age))


def run_in(folder, load_from=None, resume=False, hooks=()) -> SimpleNamespace:
    return SimpleNamespace(
        iter=41, work_dir=str(folder), _load_from=load_from, _resume=resume, hooks=list(hooks)
    )


def step(folder, losses: dict, then=lambda: None, **run) -> None:
    """A step of a run that began at 900 s; ``then`` is what happened before the step."""
    hook = OCRNetFiniteLossHook()
    hook.before_train(run_in(folder, **run))
    hook.saved.begun = 900.0
    then()
    hook.after_train_iter(
        run_in(folder, **run), 0, outputs={name: torch.tensor(v) for name, v in losses.items()}
    )


@pytest.mark.parametrize('loss', [float('nan'), float('inf')])
def test_the_message_names_step_term_and_good_checkpoint(tmp_path, loss):
    save(tmp_path, 'iter_10.pth', 2.0, age=30)
    save(tmp_path, 'iter_20.pth', 2.0, age=20)
    save(tmp_path, 'iter_40.pth', float('nan'), age=10)
    save(tmp_path, 'pretrained_detector.pth', 2.0, age=5)  # cannot be resumed
    (tmp_path / 'iter_50.pth').write_bytes((tmp_path / 'iter_20.pth').read_bytes()[:300])  # cut off
    with pytest.raises(InputError, match='at step 42 .*loss_cls=.*--resume .*iter_20.pth'):
        step(tmp_path, dict(loss=loss, loss_cls=loss))


BAD = dict(loss=float('nan'))


def test_without_a_checkpoint_of_this_run_it_says_so(tmp_path):
    save(tmp_path, 'iter_900.pth', 2.0, age=101)  # of a run before
    with pytest.raises(InputError, match='no checkpoint was written yet'):
        step(tmp_path, BAD)


def test_checkpoints_that_the_config_puts_elsewhere_are_found(tmp_path):
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    save(elsewhere, 'iter_20.pth', 2.0, age=20)
    with pytest.raises(InputError, match='--resume .*elsewhere/iter_20.pth'):
        step(tmp_path, BAD, hooks=[CheckpointHook(out_dir=str(elsewhere))])


def test_another_folder_of_last_checkpoint_is_not_looked_at(tmp_path):
    elsewhere, work_dir = tmp_path / 'elsewhere', tmp_path / 'work'
    elsewhere.mkdir(), work_dir.mkdir()
    save(elsewhere, 'iter_20.pth', 2.0, age=20)
    (work_dir / 'last_checkpoint').write_text(str(elsewhere / 'iter_20.pth'))
    with pytest.raises(InputError, match='no checkpoint was written yet'):
        step(work_dir, BAD)


class Calls:
    """Pickles as a call."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def test_a_checkpoint_that_runs_code_is_passed_over(tmp_path):
    save(tmp_path, 'iter_20.pth', 2.0, age=20)
    torch.save(dict(state_dict=dict(w=Calls(str(tmp_path / 'ran')))), tmp_path / 'iter_40.pth')
    with pytest.raises(InputError, match='--resume .*iter_20.pth'):
        step(tmp_path, BAD)
    assert not (tmp_path / 'ran').exists()


def test_a_resumed_run_that_found_nothing_is_a_new_one(tmp_path):
    with pytest.raises(InputError, match='no checkpoint was written yet'):
        step(tmp_path, BAD, resume=True)


def test_a_resumed_run_goes_on_from_what_it_began_with_or_wrote(tmp_path):
    """Not from what was given up by going back."""
    save(tmp_path, 'iter_20.pth', 2.0, age=120)
    save(tmp_path, 'iter_40.pth', 2.0, age=110)
    back = dict(load_from=str(tmp_path / 'iter_20.pth'), resume=True)
    with pytest.raises(InputError, match='--resume .*iter_20.pth'):
        step(tmp_path, BAD, **back)
    with pytest.raises(InputError, match='--resume .*iter_30.pth'):
        step(tmp_path, BAD, lambda: save(tmp_path, 'iter_30.pth', 2.0, age=50), **back)
    (tmp_path / 'iter_30.pth').unlink()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_40.pth'))
    with pytest.raises(InputError, match='--resume .*iter_40.pth'):
        step(tmp_path, BAD, resume=True)
