"""OCRNet from three starts on few labels: random weights, a pretraining without labels, ImageNet
weights.

    python tools/demo.py

generates the demo set and runs these, two at a time, a thread each; any of them can be run alone.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mmdet.apis import init_detector  # noqa: E402
from mmdet.registry import DATASETS  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402

import ocrnet_mmdet  # noqa: E402, F401 (before mmdet, whose notes on import it keeps off the terminal)
from demo.data_set import make_demo_set  # noqa: E402
from demo.drawing import draw_detections, plot_trainings  # noqa: E402
from ocrnet_mmdet.cli import one_line_errors  # noqa: E402
from ocrnet_mmdet.errors import InputError  # noqa: E402
from ocrnet_mmdet.pretraining.export import EXPORT_NAME  # noqa: E402

DATA, WORK, CONFIGS = Path('data/demo'), Path('work_dirs/demo'), ROOT / 'configs/demo'
COLUMNS = {'box AP': 'bbox_mAP', 'box AP50': 'bbox_mAP_50', 'mask AP': 'segm_mAP'}
STEP = re.compile(r'Iter\(train\) \[\s*(\d+)/(\d+)\]')
EVERY = 30  # seconds between two lines on how far the trainings are


@dataclass
class Run:
    """A training of the demo: ``tools/train.py CONFIG``, in a folder of its own.

    Attributes:
        load_from: The weights that it starts from; a run before it in its lane leaves them.
    """

    name: str
    config: Path
    load_from: Path | None = None

    @property
    def folder(self) -> Path:
        return WORK / self.name.replace(' ', '_')

    @property
    def log(self) -> Path:
        return WORK / f'{self.folder.name}.txt'

    def start(self, threads: int) -> subprocess.Popen:
        """Begin it with its output in ``log``, and say with which command."""
        command = [
            'tools/train.py',
            os.path.relpath(self.config, ROOT),
            '--work-dir',
            str(self.folder),
        ]
        if self.load_from:
            command += ['--cfg-options', f'load_from={self.load_from}']
        print(f'{self.name}: python {" ".join(command)}', flush=True)
        with open(self.log, 'w') as log:
            return subprocess.Popen(
                [sys.executable, ROOT / command[0], self.config, *command[2:]],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(os.environ, OMP_NUM_THREADS=str(threads)),
            )

    def progress(self) -> str:
        done = STEP.findall(self.log.read_text())
        return f'{self.name} at step {" of ".join(done[-1])}' if done else f'{self.name} begins'

    def scalars(self) -> Path:
        """The numbers that it logged, a JSON object a line."""
        return max(self.folder.glob('*/vis_data/scalars.json'))

    def checkpoint(self) -> Path:
        return Path((self.folder / 'last_checkpoint').read_text())

    def scores(self) -> dict[str, float]:
        """Those of the last step, COCO's, 0 to 1."""
        lines = map(json.loads, self.scalars().read_text().splitlines())
        last = [line for line in lines if 'coco/bbox_mAP' in line][-1]
        return {
            key.removeprefix('coco/'): round(value, 4)
            for key, value in last.items()
            if key.startswith('coco/')
        }


PRETRAINING = Run('pretraining', CONFIGS / 'ocrnet_demo_pretrain.py')
STARTS = (
    Run('random start', CONFIGS / 'ocrnet_demo.py'),
    Run('pretrained start', CONFIGS / 'ocrnet_demo.py', PRETRAINING.folder / EXPORT_NAME),
    Run('ImageNet start', CONFIGS / 'ocrnet_demo_imagenet.py'),
)


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    begun = time.time()
    print(f'the pictures are generated in {DATA}/: a minute', flush=True)
    make_demo_set(str(DATA))
    result = compare(PRETRAINING, STARTS)
    print(summary(result, time.time() - begun))


def compare(pretraining: Run, starts: Sequence[Run]) -> dict:
    """Train from each start; leave scores, curves and pictures in ``WORK``, which is made anew.

    Returns:
        What ``scores.json`` holds.

    Raises:
        InputError: A training failed; its last line says why.
    """
    if WORK.exists():
        shutil.rmtree(WORK)  # whatever an earlier demo left, finished or not
    WORK.mkdir(parents=True)
    random, pretrained, imagenet = starts
    seconds = run_lanes([[pretraining, pretrained], [imagenet, random]])
    init_default_scope('mmdet')  # the configs name mmdet's parts without it
    plot_trainings(
        pretraining.scalars(), {run.name: run.scalars() for run in starts}, WORK / 'training.png'
    )
    with quiet():
        scored = DATASETS.build(config_of(random).val_dataloader.dataset)
        detectors = {
            run.name: init_detector(config_of(run), str(run.checkpoint()), device='cpu')
            for run in starts
        }
        draw_detections(detectors, scored, WORK / 'detections', count=8)
    finetuning, unlabelled = config_of(random), config_of(pretraining)
    result = dict(
        pictures=dict(
            unlabelled=len(DATASETS.build(unlabelled.train_dataloader.dataset)),
            labelled=finetuning.train_dataloader.dataset.indices,
            scored=len(scored),
        ),
        steps=dict(
            pretraining=unlabelled.train_cfg.max_iters, finetuning=finetuning.train_cfg.max_iters
        ),
        seconds=seconds,
        scores={run.name: run.scores() for run in starts},
    )
    (WORK / 'scores.json').write_text(json.dumps(result, indent=1))
    return result


@contextmanager
def quiet() -> Iterator[None]:
    """Without what pycocotools and mmengine print of reading labels and weights and of drawing."""
    with open(os.devnull, 'w') as nowhere, redirect_stdout(nowhere), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield


def config_of(run: Run) -> Config:
    """The config that it left in its folder."""
    return Config.fromfile(next(run.folder.glob('*.py')))


def run_lanes(lanes: list[list[Run]]) -> dict[str, float]:
    """Run the lanes side by side, in each one run after the other; seconds of each run.

    Two trainings with a thread each are faster than one after the other with two.
    """
    threads = max(1, (os.cpu_count() or 1) // len(lanes))
    waiting, running, seconds = [list(lane) for lane in lanes], {}, {}
    said = time.time()
    try:
        while any(waiting) or running:
            for i, lane in enumerate(waiting):
                if lane and i not in running:
                    run = lane.pop(0)
                    running[i] = (run, run.start(threads), time.time())
            time.sleep(0.2)
            for i, (run, process, begun) in list(running.items()):
                if process.poll() is not None:
                    _check(run, process.returncode)
                    seconds[run.name] = round(time.time() - begun, 1)
                    print(f'{run.name}: done in {seconds[run.name] / 60:.1f} minutes', flush=True)
                    del running[i]
            if time.time() - said > EVERY:
                said = time.time()
                print('  ' + '; '.join(run.progress() for run, *_ in running.values()), flush=True)
    finally:
        for _, process, _ in running.values():
            process.terminate()
    return seconds


def _check(run: Run, status: int) -> None:
    if status:
        last = run.log.read_text().strip().splitlines()[-1:] or ['it said nothing']
        raise InputError(f'{run.name} ended with status {status}: {last[0]} (all of it: {run.log})')


def rows(scores: dict[str, dict[str, float]]) -> Iterator[str]:
    """The table of scores, 0 to 100."""
    yield f'{"":18}' + ''.join(f'{title:>10}' for title in COLUMNS)
    for name, row in scores.items():
        yield f'{name:18}' + ''.join(f'{100 * row[key]:10.1f}' for key in COLUMNS.values())


def summary(result: dict, seconds: float) -> str:
    pictures, steps = result['pictures'], result['steps']
    return '\n'.join(
        [
            '',
            f'demo: done in {seconds / 60:.1f} minutes',
            '',
            *rows(result['scores']),
            '',
            f'each start: {steps["finetuning"]} steps on {pictures["labelled"]} labelled '
            f'pictures, scored on {pictures["scored"]} others',
            f'pretrained start: before that, {steps["pretraining"]} steps '
            f'on {pictures["unlabelled"]} pictures without labels, '
            f'{result["seconds"]["pretraining"] / 60:.1f} minutes',
            '',
            f'pictures  {WORK}/detections/',
            f'curves    {WORK}/training.png',
            f'scores    {WORK}/scores.json',
        ]
    )


if __name__ == '__main__':
    with one_line_errors():
        main()
