"""Where a run's files lie below the folder of a study's results."""

import json
import os
import statistics
from pathlib import Path

from mmengine.runner import Runner

from .records import Run


def work_dir(run: Run, out: Path) -> Path:
    """The run's own folder: its weights, log and splits."""
    return out / run.study / run.kind / run.name


def file_to_start_from(run: Run, out: Path) -> str | None:
    """The weights that ``run.start`` names: a pretraining's detector, or the net to score."""
    if not run.start:
        return None
    study, name = run.start.split('/')
    if run.kind == 'scoring':
        return str(out / study / 'fine-tuning' / name / f'iter_{run.steps}.pth')
    return str(out / study / 'pretraining' / name / 'pretrained_detector.pth')


def scalars(runner: Runner) -> list[dict]:
    """What mmengine logged of a training, a dict a line, which is 50 steps."""
    path = Path(runner.log_dir) / 'vis_data' / 'scalars.json'
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def step_seconds(runner: Runner) -> float | None:
    """The median over the lines of a training's log; None of one that is shorter than a line."""
    times = [line['time'] for line in scalars(runner) if 'loss' in line]
    return round(statistics.median(times), 4) if times else None


def write_json(data: dict, path: Path) -> str:
    """Write whole, also beside others that write the same, and return the absolute path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f'.{os.getpid()}')
    part.write_text(json.dumps(data))
    part.rename(path)
    return str(path.resolve())
