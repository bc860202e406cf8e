"""The studies of the README, each a list of runs; finished runs are read, not repeated."""
from pathlib import Path

from . import pretraining_studies
from .data_sets import DATA_SETS, training_json
from .report import comparison_table, read_runs, report
from .runs import Run, execute_all
from .subsets import small_pictures, split_images, write_json
from .tuning import best_rates

ARMS = dict(ocrnet='configs/benchmark/ocrnet_tiny.py', stock='configs/benchmark/stock_tiny.py')
COMPARED = ('nuclei', 'bccd', 'robosoccer', 'aerial_cars')
SEEDS = (0, 1, 2)
# Longest side in this file where it is not the data set's, which is the few-label studies'.
SIZES = dict(nuclei=256)
CANDIDATES = (100, 300, 1000)
OVERFIT_PICTURES, OVERFIT_STEPS = 16, 1500
# Longest side as trained and scored, and of the pictures that are drawn from: nuclei at their own size.
OVERFIT_SIZES = dict(nuclei=(256, 256), coco_mini=(384, 640))


def against_stock(data_root: str, out: Path, jobs: int) -> None:
    """OCRNet and stock Mask/Faster R-CNN with the same encoder, full labels, three seeds.

    Each arm's learning rate on a data set is the one of the same grid with the best box AP on its
    held-out training pictures; the val pictures are scored once, by the last checkpoint.
    """
    arms = {arm: lambda name, config=config: dict(config=config, size=SIZES.get(name))
            for arm, config in ARMS.items()}
    two_thirds = {name: DATA_SETS[name].steps * 2 // 3 for name in COMPARED}
    rates = best_rates(arms, two_thirds, 100, data_root, out / 'tuning', jobs)
    execute_all([Run(f'{name}_{arm}_seed{seed}', config, name, data_root, DATA_SETS[name].steps,
                     rates[name][arm], seed, size=SIZES.get(name))
                 for seed in SEEDS for name in COMPARED for arm, config in ARMS.items()], out, jobs)
    report(comparison_table(read_runs(out)), out)


def overfit(data_root: str, out: Path, jobs: int) -> None:
    """16 pictures, trained and scored on the same ones, without augmentation.

    They are drawn among those with at most 100 objects, which is all that a detector returns.
    """
    runs = []
    for name, (size, longest_side) in OVERFIT_SIZES.items():
        pictures = small_pictures(training_json(data_root, name), longest_side, objects=100)
        few = write_json(split_images(pictures, OVERFIT_PICTURES, 0)[0],
                         out / 'splits' / f'{name}_{OVERFIT_PICTURES}.json')
        runs.append(Run(f'overfit_{name}', ARMS['ocrnet'], name, data_root, OVERFIT_STEPS, 1e-3, 0,
                        train_ann=few, val_ann=few, augment=False, size=size,
                        options={'train_dataloader.batch_size': 2,
                                 'model.train_cfg.rcnn.sampler.num': 128}))
    execute_all(runs, out, jobs)


def candidates(data_root: str, out: Path, jobs: int) -> None:
    """AP with 100, 300 and 1,000 candidates, of the networks that ``against_stock`` left beside ``out``."""
    runs = []
    for name in COMPARED:
        trained = out.parent / 'against_stock' / f'{name}_ocrnet_seed0'
        for count in CANDIDATES:
            steps = DATA_SETS[name].steps
            runs.append(Run(
                f'{name}_{count}', ARMS['ocrnet'], name, data_root, steps, 0.0, 0,
                options={'model.test_cfg.rpn.max_per_img': count},
                size=SIZES.get(name), checkpoint=str(trained / f'iter_{steps}.pth')))
    execute_all(runs, out, jobs)


STUDIES = dict(against_stock=against_stock, candidates=candidates, overfit=overfit,
               **pretraining_studies.STUDIES)
