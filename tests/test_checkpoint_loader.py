"""No file of weights runs code, on any way by which mmengine reads one; a bad file is one line."""

import io
import os
import pickle
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer, init_detector
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.runner import load_checkpoint

from demo.data_set import make_demo_set
from ocrnet_mmdet.checkpoint_config import plain_config
from ocrnet_mmdet.checkpoint_loader import TRUST, check_file, load_from_local
from ocrnet_mmdet.errors import InputError

from .trainings import make_config, runner_of, scorer_of

WEIGHTS = dict(weight=torch.ones(1, 2), bias=torch.zeros(1))
META = dict(iter=2, epoch=0)


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def holding(payload: object, place: str) -> dict:
    """A checkpoint that has the payload in one of its parts."""
    content = dict(
        meta=dict(META), state_dict=dict(WEIGHTS), optimizer={}, message_hub=dict(runtime_info={})
    )
    content[place]['payload'] = payload
    return content


def zipped(content: object, path: Path) -> None:
    torch.save(content, path)


def of_old_torch(content: object, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def as_tar(content: object, path: Path) -> None:
    """The format before torch 0.1.10."""
    with tarfile.open(path, 'w') as tar:
        for name in ('storages', 'tensors', 'pickle'):
            member = tarfile.TarInfo(name)
            data = pickle.dumps(content if name == 'pickle' else 0, protocol=2)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def plain_pickle(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


# What is called, where it lies in the file, how the file is written.
PAYLOADS = {
    'system_in_weights': (lambda mark: Calls(os.system, f'touch {mark}'), 'state_dict', zipped),
    'system_in_meta': (lambda mark: Calls(os.system, f'touch {mark}'), 'meta', zipped),
    'popen_in_optimizer': (
        lambda mark: Calls(subprocess.Popen, ['touch', mark]),
        'optimizer',
        zipped,
    ),
    'eval_in_message_hub': (
        lambda mark: Calls(eval, f'open({mark!r}, "w")'),
        'message_hub',
        zipped,
    ),
    'exec_in_meta': (lambda mark: Calls(exec, f'open({mark!r}, "w")'), 'meta', zipped),
    'method_by_getattr': (lambda mark: Calls(Path.touch, Path(mark)), 'meta', zipped),
    'nested': (
        lambda mark: [dict(a=(HistoryBuffer([Calls(os.system, f'touch {mark}')], [1]),))],
        'meta',
        zipped,
    ),
    'array_of_objects': (
        lambda mark: np.array([Calls(os.mkdir, mark)], dtype=object),
        'optimizer',
        zipped,
    ),
    'old_format': (lambda mark: Calls(os.system, f'touch {mark}'), 'state_dict', of_old_torch),
    'tar_format': (lambda mark: Calls(os.system, f'touch {mark}'), 'meta', as_tar),
    'plain_pickle': (lambda mark: Calls(os.mkdir, mark), 'meta', plain_pickle),
}


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp('data') / 'demo'
    make_demo_set(str(out), train=2, val=1, unlabelled=0, size=64)
    return out


@pytest.fixture
def payloads(tmp_path):
    """Files by kind, and the file that each would make."""
    files = {}
    for kind, (make, place, save) in PAYLOADS.items():
        mark = str(tmp_path / f'{kind}.ran')
        save(holding(make(mark), place), tmp_path / f'{kind}.pth')
        files[tmp_path / f'{kind}.pth'] = Path(mark)
    return files


def assert_refuses(read, files: dict) -> None:
    for file, mark in files.items():
        with pytest.raises(InputError) as caught:
            read(str(file))
        assert not mark.exists(), file
        line = str(caught.value)
        assert file.name in line and '\n' not in line and len(line) < 500, line


def test_payloads_are_real(payloads, monkeypatch):
    """Each runs where the file is trusted; a plain pickle is no file of torch at all."""
    monkeypatch.setenv(TRUST, '1')
    for file, mark in payloads.items():
        try:
            load_from_local(str(file))
        except InputError:
            assert file.stem in ('tar_format', 'plain_pickle')
        else:
            for _ in range(100):  # Popen's may take a moment
                if mark.exists():
                    break
                subprocess.run(['sleep', '0.02'])
            assert mark.exists(), file


def test_no_payload_runs_by_load_from_resume_or_test(payloads, data, tmp_path):
    for change in (dict(resume=False), dict(resume=True)):
        runner = runner_of(make_config(data, tmp_path / 'work'), **change)

        def start(file: str) -> None:
            runner._load_from, runner._has_loaded = file, False
            runner.load_or_resume()

        assert_refuses(start, payloads)
    scorer = scorer_of(make_config(data, tmp_path / 'work'), 'none')

    def score(file: str) -> None:
        scorer._load_from, scorer._has_loaded = file, False
        scorer.test()

    assert_refuses(score, payloads)


def test_no_payload_runs_by_inference_or_init_cfg(payloads, data, tmp_path):
    cfg = make_config(data, tmp_path)
    assert_refuses(lambda file: init_detector(cfg, file, device='cpu'), payloads)
    assert_refuses(lambda file: DetInferencer(None, file, device='cpu'), payloads)
    config = tmp_path / 'config.py'
    cfg.dump(str(config))
    assert_refuses(lambda file: DetInferencer(str(config), file, device='cpu'), payloads)

    class Net(BaseModule):
        pass

    for prefix in ({}, dict(prefix='backbone.')):
        assert_refuses(
            lambda file: Net(dict(type='Pretrained', checkpoint=file, **prefix)).init_weights(),
            payloads,
        )


def test_a_refusal_names_file_function_and_switch(payloads):
    words = dict(
        system_in_weights='posix.system',
        eval_in_message_hub='eval',
        method_by_getattr='pathlib.Path',
        popen_in_optimizer='Popen',
        tar_format='is no checkpoint',
    )
    for file in payloads:
        if file.stem in words:
            with pytest.raises(InputError, match=f'{file.stem}.pth.*{words[file.stem]}') as caught:
                load_from_local(str(file))
            assert file.stem == 'tar_format' or f'{TRUST}=1' in str(caught.value)


CODE = [
    'open({mark!r}, "w")',
    'model = dict(type=open({mark!r}, "w"))',
    'import os; os.mkdir({mark!r})',
    'model = dict(type="mmengine.call_command", cmd=["touch", {mark!r}])',
    'model = dict(type="os.mkdir", path={mark!r})',
    'model = [open({mark!r}, "w") for _ in (1, )]',
    'a = "{{{{$A:x}}}}"\nopen({mark!r}, "w")',
    '_base_ = {mark!r}',
    'custom_imports = dict(imports=["antigravity"])',
    'model = dict(**open({mark!r}, "w"))',
    'model = f"{{open({mark!r}, chr(119))}}"',
    'model = ' + '[' * 5000,
]


@pytest.mark.parametrize('place', ['cfg', 'config', 'message_hub'])
def test_no_config_in_a_file_runs(tmp_path, place):
    """mmengine runs it where DetInferencer has no other, and of old checkpoints on a resume."""
    for i, code in enumerate(CODE):
        mark, file = tmp_path / f'{i}.ran', str(tmp_path / f'{i}.pth')
        text = code.format(mark=str(mark))
        content = dict(
            meta=META | ({} if place == 'message_hub' else {place: text}), state_dict=WEIGHTS
        )
        if place == 'message_hub':
            content['message_hub'] = dict(runtime_info=dict(cfg=text))
        torch.save(content, file)
        assert place not in load_from_local(file)['meta']
        with pytest.raises((ValueError, AssertionError)):
            DetInferencer(None, file, device='cpu')
        assert not mark.exists(), code


def test_a_config_of_values_is_read_as_mmengine_reads_it(data, tmp_path):
    cfg = make_config(data, tmp_path)
    assert plain_config(cfg.pretty_text) == cfg.to_dict()
    cfg.model.backbone.type = 'mmdet.ResNet'
    cfg.numbers = {1: -2.5, 'a-b': (True, None)}
    assert plain_config(cfg.pretty_text) == cfg.to_dict()


def test_forged_arrays_of_objects_are_refused(tmp_path):
    """numpy would take the bytes for addresses."""
    torch.save(
        dict(state_dict=WEIGHTS, meta=dict(a=Calls(np.ndarray, (1,), np.dtype('O'), b'12345678'))),
        tmp_path / 'forged.pth',
    )
    with pytest.raises(InputError, match='forged.pth is refused'):
        load_from_local(str(tmp_path / 'forged.pth'))


def test_a_trusted_file_is_read_whole(tmp_path, monkeypatch):
    torch.save(
        dict(state_dict=WEIGHTS, meta=dict(name=Path('a'), cfg='import os')), tmp_path / 'a.pth'
    )
    with pytest.raises(InputError, match=TRUST):
        load_from_local(str(tmp_path / 'a.pth'))
    monkeypatch.setenv(TRUST, '1')
    assert load_from_local(str(tmp_path / 'a.pth'))['meta'] == dict(name=Path('a'), cfg='import os')
    monkeypatch.setenv(TRUST, '0')
    with pytest.raises(InputError, match=TRUST):
        load_from_local(str(tmp_path / 'a.pth'))


@pytest.mark.parametrize('save', [zipped, of_old_torch])
def test_a_file_cut_off_anywhere_is_one_line(tmp_path, save):
    net, whole, cut = torch.nn.Linear(2, 1), tmp_path / 'whole.pth', tmp_path / 'cut.pth'
    save(dict(meta=META, state_dict=net.state_dict()), whole)
    load_checkpoint(net, str(whole))
    content = whole.read_bytes()
    for length in range(0, len(content) - 1, max(1, len(content) // 97)):
        cut.write_bytes(content[:length])
        with pytest.raises(InputError) as caught:
            load_checkpoint(net, str(cut))
        line = str(caught.value)
        assert 'cut.pth' in line and '\n' not in line and len(line) < 500, line


def test_damaged_bytes_end_in_one_line_or_in_weights(tmp_path):
    rng, whole, bad = np.random.default_rng(0), tmp_path / 'whole.pth', tmp_path / 'bad.pth'
    for save in (zipped, of_old_torch):
        save(dict(meta=META, state_dict=WEIGHTS), whole)
        content = np.frombuffer(whole.read_bytes(), np.uint8)
        for _ in range(300):
            damaged = content.copy()
            damaged[rng.integers(0, len(content), 3)] = rng.integers(0, 256, 3)
            bad.write_bytes(damaged.tobytes())
            try:
                load_from_local(str(bad))
            except InputError as error:
                assert '\n' not in str(error) and len(str(error)) < 500


@pytest.mark.parametrize(
    'content',
    [
        torch.ones(2),
        [1],
        'text',
        {1: torch.ones(1)},
        dict(state_dict=None),
        dict(state_dict=dict(a=torch.ones(1)), meta=[1]),
    ],
)
def test_a_file_without_weights_by_name_is_one_line(tmp_path, content):
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(InputError, match='a.pth holds no weights by name'):
        load_from_local(str(tmp_path / 'a.pth'))


def test_a_checkpoint_is_a_whole_file_of_torch(tmp_path):
    for name, save in (('new.pth', zipped), ('old.pth', of_old_torch)):
        save(dict(w=torch.ones(2)), tmp_path / name)
        check_file(str(tmp_path / name))
    check_file('torchvision://resnet50')
    (tmp_path / 'notes.txt').write_text('epoch 12')
    (tmp_path / 'empty.pth').touch()
    (tmp_path / 'cut.pth').write_bytes((tmp_path / 'new.pth').read_bytes()[:-30])
    for path, words in (
        (5, 'is 5: name a .pth'),
        (True, 'is True'),
        ('', "is ''"),
        (['a.pth'], r"is \['a.pth'\]"),
        (str(tmp_path), 'is a folder'),
        (f'{tmp_path}/nowhere.pth', 'nowhere.pth does not exist: its folder has '),
        (f'{tmp_path}/notes.txt', 'notes.txt is no checkpoint'),
        ('file:///a.pth', 'does not exist'),
        (f'{tmp_path}/empty.pth', 'is empty'),
        (f'{tmp_path}/cut.pth', 'is cut off'),
    ):
        with pytest.raises(InputError, match=words):
            check_file(path)
