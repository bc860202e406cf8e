"""docs/tutorial.ipynb runs from its first cell to its last, in few steps, and says what it did."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from .detectors import ROOT

NOTEBOOK = ROOT / 'docs/tutorial.ipynb'


@pytest.fixture(scope='module')
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def run(notebook, tmp_path, monkeypatch, **replaced):
    """A copy of it, executed with other texts; its `python` is this one."""
    monkeypatch.setenv(
        'PATH', os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']])
    )
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        for old, new in replaced.items():
            cell.source = cell.source.replace(old, new)
    NotebookClient(copy, timeout=300, resources=dict(metadata=dict(path=ROOT))).execute()
    return copy


def text_of(cell) -> str:
    parts = (
        part.get('text', '') or part.get('data', {}).get('text/plain', '') for part in cell.outputs
    )
    return ''.join(parts)


def pictures_of(notebook) -> int:
    outputs = (part for cell in notebook.cells for part in cell.get('outputs', ()))
    return sum('image/jpeg' in part.get('data', {}) for part in outputs)


def test_it_runs_from_its_first_cell_to_its_last(notebook, tmp_path, monkeypatch):
    short = {
        'work_dirs/tutorial': str(tmp_path),
        'STEPS = 300': 'STEPS = 20',
        'train=60': 'train=10',
    }
    done = run(notebook, tmp_path, monkeypatch, **short)
    said = '\n'.join(text_of(cell) for cell in done.cells if cell.cell_type == 'code')
    assert 'error:' not in said
    assert f'report: {tmp_path}/mine/finetune/report.html' in said
    assert 'coco/bbox_mAP' in said and 'mine.onnx' in said
    assert (tmp_path / 'mine/found/found.csv').read_text().startswith('picture,class,score')
    assert pictures_of(done) == 2


def test_it_is_kept_with_what_it_says(notebook):
    """And with its pictures, no larger than a page that one opens."""
    cells = [cell for cell in notebook.cells if cell.cell_type == 'code']
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert pictures_of(notebook) == 2
    assert NOTEBOOK.stat().st_size < 1_000_000
    assert str(ROOT) not in NOTEBOOK.read_text()
