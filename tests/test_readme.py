"""README's commands run as they stand, on a few generated pictures; both languages say the same."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.data_set import make_demo_set

from .detectors import ROOT

READMES = {name: (ROOT / name).read_text() for name in ('README.md', 'README.zh-CN.md')}
ENGLISH, CHINESE = READMES.values()
BLOCK = re.compile(r'^```(bash|python)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
NOT_RUN = {
    'make demo': 'installs an environment; tests/demo trains the three starts in small',
    'make test': 'runs this suite',
    '. .venv/bin/activate': 'enters the environment that make installs',
}
SHORT = ['train_cfg.max_iters=2', 'train_cfg.val_interval=2', 'train_dataloader.batch_size=2']


def commands(text: str) -> list[list[str]]:
    """Those to run, as arguments."""
    found = []
    for language, block in BLOCK.findall(text):
        if language == 'python':
            found.append(['python', '-c', block])
        else:
            found += [shlex.split(line) for line in block.splitlines() if line not in NOT_RUN]
    return found


def shortened(command: list[str]) -> list[str]:
    """The same command for two steps, with this Python."""
    command = [*command]
    if command[0] == 'python':
        command[0] = sys.executable
    if command[1] == 'tools/train.py':
        command += [*([] if '--cfg-options' in command else ['--cfg-options']), *SHORT]
    return command


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Holds what the README takes for granted: the clone's tools, pictures and labels."""
    folder = tmp_path_factory.mktemp('reader')
    (folder / 'tools').symlink_to(ROOT / 'tools')
    make_demo_set(str(folder / 'PICTURES'), train=12, val=1, unlabelled=2, size=96)
    shutil.copy(folder / 'PICTURES/annotations/train.json', folder / 'labels.json')
    shutil.copy(folder / 'PICTURES/train/000000.jpg', folder / 'picture.jpg')
    return folder


def test_every_command_of_the_readme_runs(folder):
    for command in commands(ENGLISH):
        done = subprocess.run(
            shortened(command),
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, (command, done.stdout[-3000:])
    left = {path.relative_to(folder).as_posix() for path in folder.rglob('*')}
    assert left >= {
        'mine/check.html',
        'mine/report.txt',
        'mine/finetune/iter_2.pth',
        'mine/finetune/report.html',
        'narrow/pretrain/pretrained_detector.pth',
        'found/coco.json',
        'found/drawn/train/000000.jpg',
        'found/found.csv',
        'errors.png',
        'mine.onnx',
    }


def test_the_commands_are_those_of_the_recipe():
    lines = [line for _, block in BLOCK.findall(ENGLISH) for line in block.splitlines()]
    assert set(NOT_RUN) <= set(lines)
    assert len([line for line in lines if line.startswith('python ')]) == 8


def test_both_languages_have_the_same_commands():
    assert BLOCK.findall(ENGLISH) == BLOCK.findall(CHINESE)


def test_both_languages_have_the_same_figures_in_tables():
    english, chinese = (
        [re.findall(r'[+-]?\d[\d.,]*', line) for line in text.splitlines() if line.startswith('|')]
        for text in (ENGLISH, CHINESE)
    )
    assert english == chinese and len(english) > 4


def test_both_languages_have_the_same_links():
    english, chinese = (
        [target for target in re.findall(r'\]\(([^)]+)\)', text) if target not in READMES]
        for text in (ENGLISH, CHINESE)
    )
    assert sorted(english) == sorted(chinese)


@pytest.mark.parametrize(
    'document', [*READMES, *(f'docs/{path.name}' for path in (ROOT / 'docs').glob('*.md'))]
)
def test_links_within_the_project_lead_somewhere(document):
    path = ROOT / document
    for target in re.findall(r'\]\(([^)]+)\)', path.read_text()):
        if '://' in target:
            continue
        file, _, section = target.partition('#')
        linked = (path.parent / file) if file else path
        assert linked.exists(), target
        if section:
            titles = re.findall(r'^#+ (.+)$', linked.read_text(), re.MULTILINE)
            anchors = {re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') for title in titles}
            assert section in anchors, target


def test_the_faq_explains_messages_that_are_given():
    page = (ROOT / 'docs/faq.md').read_text()
    ours = re.findall(
        r'^\| `(.+?)` \|',
        page[page.index('## What a message') : page.index('## Messages of')],
        re.MULTILINE,
    )
    source = ' '.join(path.read_text() for path in (ROOT / 'ocrnet_mmdet').rglob('*.py'))
    source = re.sub(r"'\s+f?'", '', source)  # a literal over two lines
    assert ours and not [
        text for text in ours if not all(part in source for part in text.split('...'))
    ]


def test_the_readme_is_read_at_one_sitting():
    assert all(len(text.splitlines()) <= 120 for text in READMES.values())
