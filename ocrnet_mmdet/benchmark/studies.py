"""The studies of the README, each a list of runs; finished runs are read, not repeated."""
import json
from pathlib import Path

from .data_sets import DATA_SETS
from .runs import Run, execute_all
from .subsets import split_images, write_json

ARMS = dict(ocrnet='configs/benchmark/ocrnet_tiny.py', stock='configs/benchmark/stock_tiny.py')
LEARNING_RATES = (5e-4, 1e-3, 2e-3)
SEEDS = (0, 1, 2)
TUNE_STEPS, STEPS = 200, 500
HELD_OUT = 40  # training pictures that the learning rates are chosen on
TUNE_SEED = 99  # of the split and the training of the choice; no reported run has it
OVERFIT_PICTURES, OVERFIT_STEPS = 16, 600


def against_stock(data_root: str, out: Path, jobs: int) -> None:
    """OCRNet and stock Mask/Faster R-CNN with the same encoder, full labels, three seeds.

    Both arms choose their learning rate from the same grid on held-out training pictures.
    """
    execute_all(tuning_runs(data_root, out / 'tuning'), out / 'tuning', jobs)
    best = {(name, arm): _best_rate(out / 'tuning', name, arm) for name in DATA_SETS if name != 'coco_mini' for arm in ARMS}
    runs = [Run(f'{name}_{arm}_seed{seed}', ARMS[arm], name, data_root, STEPS, rate, seed)
            for seed in SEEDS for (name, arm), rate in best.items()]
    execute_all(runs, out, jobs)


def tuning_runs(data_root: str, out: Path) -> list[Run]:
    """Every arm, data set and learning rate, trained on all but ``HELD_OUT`` training pictures."""
    runs = []
    for name, data in DATA_SETS.items():
        if name == 'coco_mini':
            continue
        held, rest = split_images(Path(data_root) / name / data.layout[0], HELD_OUT, TUNE_SEED)
        train = write_json(rest, out / 'splits' / f'{name}_train.json')
        val = write_json(held, out / 'splits' / f'{name}_held_out.json')
        runs += [Run(f'{name}_{arm}_lr{rate:g}', config, name, data_root, TUNE_STEPS, rate,
                     TUNE_SEED, train, val)
                 for arm, config in ARMS.items() for rate in LEARNING_RATES]
    return runs


def _best_rate(folder: Path, name: str, arm: str) -> float:
    def score(rate: float) -> float:
        record = json.loads((folder / f'{name}_{arm}_lr{rate:g}.json').read_text())
        return record['scores']['bbox_mAP']

    return max(LEARNING_RATES, key=score)


def overfit(data_root: str, out: Path, jobs: int) -> None:
    """16 pictures, trained and scored on the same ones, without augmentation."""
    runs = []
    for name in ('nuclei', 'coco_mini'):
        ann_file = Path(data_root) / name / DATA_SETS[name].layout[0]
        few = write_json(split_images(ann_file, OVERFIT_PICTURES, 0)[0], out / f'{name}_16.json')
        runs.append(Run(f'overfit_{name}', ARMS['ocrnet'], name, data_root, OVERFIT_STEPS, 1e-3, 0,
                        few, few, augment=False,
                        options={'train_dataloader.batch_size': 2}))
    execute_all(runs, out, jobs)


STUDIES = dict(against_stock=against_stock, overfit=overfit)
