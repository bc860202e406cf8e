"""The embedded demo: pretrain the tiny OCRNet without labels, fine-tune it on a few labelled
pictures with and without that, and compare.

    python tools/demo.py    # below the current folder: data/demo/ and, made anew, work_dirs/demo/

Its trainings are those of

    python tools/train.py configs/demo/ocrnet_demo_pretrain.py
    python tools/train.py configs/demo/ocrnet_demo.py
    python tools/train.py configs/demo/ocrnet_demo.py --work-dir work_dirs/demo/pretrained \\
        --cfg-options load_from=work_dirs/demo/pretrain/pretrained_detector.pth
"""
import argparse
import copy
import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mmengine.config import Config  # noqa: E402
from mmengine.runner import Runner  # noqa: E402

from ocrnet_mmdet.cli import one_line_errors, run_training  # noqa: E402
from ocrnet_mmdet.datasets.demo_set import make_demo_set  # noqa: E402
from ocrnet_mmdet.datasets.own_data import apply_knobs  # noqa: E402
from ocrnet_mmdet.pretraining.export import EXPORT_NAME  # noqa: E402
from ocrnet_mmdet.visualization import draw_detections, plot_trainings  # noqa: E402

DATA, WORK = Path('data/demo'), Path('work_dirs/demo')
COLUMNS = {'box AP': 'bbox_mAP', 'box AP50': 'bbox_mAP_50', 'mask AP': 'segm_mAP'}


def main() -> None:
    argparse.ArgumentParser(description=__doc__,
                            formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    seconds = {}
    with phase('data set', f'generate the pictures in {DATA}/, a minute', seconds):
        make_demo_set(str(DATA))
    print(summary(compare(*[Config.fromfile(ROOT / 'configs/demo' / name) for name in
                            ('ocrnet_demo_pretrain.py', 'ocrnet_demo.py')], seconds)))


def compare(pretraining: Config, finetuning: Config, seconds: dict) -> dict:
    """Train three times; leave scores, curves and pictures in ``WORK``, which is made anew.

    Args:
        pretraining, finetuning: The configs; fine-tuning runs from random weights and from the
            pretrained ones.
        seconds: Of the phases before; those of the others are added.

    Returns:
        What ``scores.json`` holds.
    """
    if WORK.exists():
        shutil.rmtree(WORK)  # whatever an earlier demo left, finished or not
    for cfg in (pretraining, finetuning):
        apply_knobs(cfg)
    steps = dict(pretraining=pretraining.train_cfg.max_iters,
                 finetuning=finetuning.train_cfg.max_iters)
    with phase('pretraining', 'without labels, 6 minutes', seconds):
        pretrained = train(pretraining, WORK / 'pretrain')
    runners = {}
    with phase('random start', 'fine-tune on few labels, 4 minutes', seconds):
        runners['random start'] = train(finetuning, WORK / 'random_start')
    with phase('pretrained', 'the same from the pretrained weights, 4 minutes', seconds):
        runners['pretrained'] = train(finetuning, WORK / 'pretrained',
                                      WORK / 'pretrain' / EXPORT_NAME)
    with phase('pictures', 'curves and detections, half a minute', seconds):
        plot_trainings(log_of(pretrained), {name: log_of(r) for name, r in runners.items()},
                       WORK / 'training.png')
        draw_detections(runners, WORK / 'detections', count=8)
    pictures = {name: len(r.dataset) for name, r in dict(
        unlabelled=pretrained.train_dataloader, labelled=runners['pretrained'].train_dataloader,
        scored=runners['pretrained'].val_dataloader).items()}
    result = dict(pictures=pictures, steps=steps, seconds=seconds,
                  scores={name: scores_of(runner) for name, runner in runners.items()})
    (WORK / 'scores.json').write_text(json.dumps(result, indent=1))
    return result


@contextmanager
def phase(name: str, what: str, seconds: dict) -> Iterator[None]:
    """Say what is being done and how long it takes two cores; note how long it took."""
    print(f'\n=== demo {len(seconds) + 1}/5, {name}: {what} ===\n', flush=True)
    wall, cpu = time.time(), time.process_time()
    yield
    seconds[name] = dict(wall=round(time.time() - wall, 1), cpu=round(time.process_time() - cpu, 1))


def train(config: Config, work_dir: Path, load_from: Path | None = None) -> Runner:
    cfg = copy.deepcopy(config)
    cfg.work_dir = str(work_dir)
    cfg.load_from = str(load_from) if load_from else None
    cfg.visualizer.name = work_dir.name  # runs of one name write their numbers into one file
    return run_training(cfg)


def log_of(runner: Runner) -> Path:
    """The numbers that a run logged, a JSON object a line."""
    return Path(runner.log_dir) / 'vis_data/scalars.json'


def scores_of(runner: Runner) -> dict[str, float]:
    """Those of the last step, COCO's, 0 to 1."""
    return {key.removeprefix('val/coco/'): round(float(value.current()), 4)
            for key, value in runner.message_hub.log_scalars.items() if key.startswith('val/coco/')}


def summary(result: dict) -> str:
    pictures, steps, seconds = result['pictures'], result['steps'], result['seconds']
    rows = [f'{"":14}' + ''.join(f'{title:>10}' for title in COLUMNS)]
    for name, scores in result['scores'].items():
        cells = [f'{100 * scores[key]:10.1f}' for key in COLUMNS.values()]
        rows.append(f'{name:14}' + ''.join(cells))
    minutes = {name: phase['wall'] / 60 for name, phase in seconds.items()}
    return '\n'.join([
        '', f'=== demo: done in {sum(minutes.values()):.1f} minutes ===', '', *rows, '',
        f'Both: {steps["finetuning"]} steps on {pictures["labelled"]} labelled pictures, scored on '
        f'{pictures["scored"]} others.',
        f'pretrained: before that, {steps["pretraining"]} steps on {pictures["unlabelled"]} '
        f'pictures without labels, which took {minutes["pretraining"]:.1f} minutes more.',
        '', f'scores    {WORK}/scores.json', f'curves    {WORK}/training.png',
        f'pictures  {WORK}/detections/'])


if __name__ == '__main__':
    with one_line_errors():
        main()
