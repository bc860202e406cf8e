from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import LinearLR, OptimWrapper

from ocrnet_mmdet.engine.resume_check import check_resume, choose_checkpoint, find_checkpoint
from ocrnet_mmdet.errors import InputError


def schedules(*ends: int) -> list:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    return [LinearLR(optimizer, start_factor=0.1, by_epoch=False, end=end) for end in ends]


def check(
    checkpoint: dict, now, training: bool = True, load_from='iter_9.pth', work_dir=''
) -> None:
    wrapper = (
        OptimWrapper(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0))
        if training
        else dict(type='SGD')
    )
    check_resume(
        SimpleNamespace(
            _resume=True,
            _load_from=load_from,
            work_dir=str(work_dir),
            optim_wrapper=wrapper,
            param_schedulers=now,
        ),
        checkpoint,
    )


def saved(then, **more) -> dict:
    states = (
        {name: [s.state_dict() for s in group] for name, group in then.items()}
        if isinstance(then, dict)
        else [s.state_dict() for s in then]
    )
    return dict(meta=dict(iter=9, epoch=0), param_schedulers=states, **more)


@pytest.mark.parametrize(
    'now', [lambda: schedules(5, 20), lambda: dict(a=schedules(5), b=schedules(20))]
)
def test_the_same_schedule_goes_on_without_optimiser_state(now):
    check(saved(now(), optimizer={}), now())
    check(saved(now()), now())


def test_a_config_without_schedules_has_none_to_compare():
    check(saved(schedules(20)), None)


@pytest.mark.parametrize(
    'then, now',
    [
        (schedules(5, 20), schedules(5, 40)),
        (dict(a=schedules(5), b=schedules(20)), dict(a=schedules(5), b=schedules(40))),
    ],
)
def test_another_length_is_refused(then, now):
    with pytest.raises(
        InputError,
        match=r'iter_9.pth is of a run .* end at \[5, 20\], the config.s end at \[5, 40\]',
    ):
        check(saved(then), now)


@pytest.mark.parametrize(
    'checkpoint', [dict(state_dict={}), dict(meta=dict(steps=3)), dict(meta=dict(iter=9, epoch=0))]
)
def test_weights_without_a_schedule_cannot_be_resumed(checkpoint):
    with pytest.raises(
        InputError, match='holds no training to go on with, or not its learning-rate schedule'
    ):
        check(checkpoint, schedules(20))


def test_the_fix_names_the_file_that_was_found(tmp_path):
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_7.pth'))
    with pytest.raises(InputError, match='set load_from=.*iter_7.pth'):
        check({}, schedules(20), load_from=None, work_dir=tmp_path)


def test_scoring_with_a_resumed_runs_config_is_no_resume():
    check(dict(state_dict={}), [dict(type='MultiStepLR')], training=False)


def write(path, time: str = '20260101_000000') -> None:
    torch.save(dict(meta=dict(iter=9, epoch=0, time=time), state_dict={}), path)


def last_is(folder, text: str) -> None:
    (folder / 'last_checkpoint').write_text(text)


@pytest.mark.parametrize(
    'text, words',
    [
        ('', 'last_checkpoint is empty: going on from'),
        ('{}/iter_40.pth', 'which is not there'),
        ('/elsewhere/iter_10.pth', 'which cannot be read'),
        ('../../iter_40.pth', 'which is not there'),
        ('{}/iter_10.pth', 'which cannot be read'),
        (None, 'there is no'),
    ],
)
def test_the_newest_whole_one_is_taken_where_the_last_is_none(tmp_path, text, words):
    write(tmp_path / 'iter_20.pth', '20260101_000100')
    write(tmp_path / 'iter_30.pth')  # of a run before
    (tmp_path / 'iter_10.pth').write_bytes((tmp_path / 'iter_20.pth').read_bytes()[:200])
    (tmp_path / 'iter_50.pth').write_bytes(b'')
    for other in ('best_coco_bbox_mAP_iter_60.pth', 'pretrained_detector.pth'):
        write(tmp_path / other, '20270101_000000')
    if text is not None:
        last_is(tmp_path, text.format(tmp_path))
    file, note = find_checkpoint(str(tmp_path))
    assert file == str(tmp_path / 'iter_20.pth')
    assert words in note and file in note and len(note.splitlines()) == 1


def test_the_last_of_a_copied_folder_is_its_own(tmp_path):
    for folder in ('original', 'copy'):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / 'iter_10.pth')
        write(tmp_path / folder / 'iter_20.pth')
        last_is(tmp_path / folder, f'{tmp_path}/original/iter_10.pth')
    assert find_checkpoint(str(tmp_path / 'original')) == (f'{tmp_path}/original/iter_10.pth', '')
    file, note = find_checkpoint(str(tmp_path / 'copy'))
    assert file == f'{tmp_path}/copy/iter_10.pth' and 'original/iter_10.pth' in note


def test_a_config_may_put_checkpoints_elsewhere(tmp_path):
    work, out = tmp_path / 'work', tmp_path / 'out/work'
    work.mkdir()
    out.mkdir(parents=True)
    write(out / 'iter_10.pth')
    last_is(work, f'{out}/iter_10.pth')
    assert find_checkpoint(str(work), str(tmp_path / 'out')) == (f'{out}/iter_10.pth', '')


def resuming(folder, resume: str, **more) -> Config:
    hooks = dict(checkpoint=dict(type='OCRNetCheckpointHook'))
    cfg = Config(dict(work_dir=str(folder), default_hooks=hooks, **more))
    choose_checkpoint(cfg, resume)
    return cfg


def test_without_a_whole_checkpoint_a_new_training_begins(tmp_path, capsys):
    (tmp_path / 'iter_50.pth').write_bytes(b'')
    cfg = resuming(tmp_path, 'auto', load_from='pretrained.pth')
    assert (cfg.resume, cfg.load_from) == (False, 'pretrained.pth')
    assert 'holds no whole checkpoint: a new training begins' in capsys.readouterr().out


def test_a_file_that_is_cut_off_is_refused_with_a_whole_one(tmp_path):
    write(tmp_path / 'iter_20.pth')
    (tmp_path / 'iter_40.pth').write_bytes((tmp_path / 'iter_20.pth').read_bytes()[:-300])
    with pytest.raises(
        InputError, match='iter_40.pth: it cannot be read .* go on from .*iter_20.pth'
    ):
        resuming(tmp_path, str(tmp_path / 'iter_40.pth'))
    assert resuming(tmp_path, str(tmp_path / 'iter_20.pth')).resume


def test_code_in_a_checkpoints_config_is_not_run(tmp_path):
    checkpoint = saved(schedules(20))
    checkpoint['meta']['config'] = 'raise SystemExit'
    check(checkpoint, schedules(20))
    assert 'config' not in checkpoint['meta']
