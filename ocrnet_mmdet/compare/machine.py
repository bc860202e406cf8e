"""What a run ran on, and with which code."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import torch


def commit(root: Path) -> str:
    """Of the checkout, with a plus where it was changed; empty where there is none."""

    def git(*args: str) -> str:
        command = ['git', '-C', str(root), *args]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    if not shutil.which('git'):
        return ''
    changed = git('status', '--porcelain', '--untracked-files=no')
    return git('rev-parse', '--short', 'HEAD') + ('+' if changed else '')


def device() -> str:
    """The GPU's name, or cpu."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu'
