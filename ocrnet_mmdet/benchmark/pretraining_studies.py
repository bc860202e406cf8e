"""The studies of the stage without labels, each a list of runs; finished runs are read, not repeated."""
import json
from pathlib import Path

from ..pretraining.slots import TERMS
from .data_sets import DATA_SETS
from .pretraining_runs import PretrainRun
from .report import comparison_table, read_runs
from .runs import Run, execute_all
from .subsets import split_images, write_json

PRETRAIN_CONFIG = 'configs/benchmark/ocrnet_tiny_pretrain.py'
FINE_TUNE_CONFIG = 'configs/benchmark/ocrnet_tiny.py'
PRETRAIN_STEPS, PRETRAIN_BATCH, PRETRAIN_RATE = 1500, 8, 2e-3
ABLATION_STEPS = 500
MAIN = dict(nuclei=(5, 10, 25, 100), robosoccer=(5, 10, 25, 100), bccd=(10, ), aerial_cars=(10, ))
LENGTHS = dict(short=300, long=1000)  # fine-tuning steps
SEEDS = (0, 1, 2)  # of split and fine-tuning
ABLATED_ON, ABLATED_PERCENT = ('nuclei', 'robosoccer'), 10
VECTORS = dict(vector=0.1, variance=0.05, covariance=0.002)


def _terms(**weights: float) -> dict:
    """Options that leave the named loss terms on."""
    return {'model.weights': dict.fromkeys(TERMS, 0.0) | weights}


ABLATION = dict(  # arm: (config options, control)
    vectors=(_terms(**VECTORS), None),
    regions=(_terms(regions=1.0), None),
    regions_boxes=(_terms(regions=1.0, boxes=1.0), None),
    regions_boxes_masks=(_terms(regions=1.0, boxes=1.0, masks=1.0), None),
    all_learned_sigma=(_terms(regions=1.0, boxes=1.0, masks=1.0, **VECTORS), None),
    all_fixed_sigma=(_terms(regions=1.0, boxes=1.0, masks=1.0, **VECTORS)
                     | {'model.region_loss.form': 'mse'}, None),
    own_candidates=({'custom_hooks.0.own_from': 0.5}, None),
    frozen_encoder=({'model.frozen_parts': ['backbone']}, None),
    random_boxes=({}, 'random'),
    shuffled=({}, 'shuffled'))
TUNED_ON = ('nuclei', 'robosoccer')
RATES = (5e-4, 1e-3, 2e-3)
TUNE_SEED, TUNE_PERCENT, HELD_OUT = 99, 10, 40


def main_table(data_root: str, out: Path, jobs: int) -> None:
    """Few labels with and without the stage: random start, pretrained, random with the stage's time.

    One pretraining a data set, on all training pictures; ``SEEDS`` draw the labelled pictures and
    the fine-tuning. Each arm's learning rate is that of the same grid with the best mean box AP on
    held-out training pictures; the val pictures are scored once, by the last checkpoint.
    """
    pretrain(data_root, out, jobs, MAIN)
    rates = tune(data_root, out, jobs)
    runs = []
    for length, steps in LENGTHS.items():
        for name, percents in MAIN.items():
            for percent in percents:
                for seed in SEEDS:
                    train = labelled_part(data_root, name, percent, seed, out)
                    for arm in ('random', 'pretrained'):
                        runs.append(Run(
                            f'{name}_{percent}_{length}_{arm}_seed{seed}', FINE_TUNE_CONFIG, name,
                            data_root, steps, rates[arm], seed, train, val_json(data_root, name),
                            load_from=detector_of(out, name) if arm == 'pretrained' else None))
    execute_all(sorted(runs, key=lambda run: run.seed), out, jobs)
    table = comparison_table(read_runs(out), 'pretrained', 'random')
    (out / 'table.md').write_text(table + '\n')
    print(table)


def ablation(data_root: str, out: Path, jobs: int) -> None:
    """What carries the gain: one pretraining an arm, one short fine-tuning each at 10 % of the labels.

    Run it after ``main_table`` in the same ``out``'s parent: the learning rate is that of its arms.
    """
    rate = tune(data_root, out.parent / 'main_table', jobs)['pretrained']
    pretrainings, runs = [], []
    for name in ABLATED_ON:
        train = labelled_part(data_root, name, ABLATED_PERCENT, 0, out)
        for arm, (options, control) in ABLATION.items():
            pretrainings.append(PretrainRun(
                f'{name}_{arm}', PRETRAIN_CONFIG, name, data_root, ABLATION_STEPS, PRETRAIN_RATE, 0,
                PRETRAIN_BATCH, control, options))
            runs.append(Run(
                f'{name}_{ABLATED_PERCENT}_short_{arm}_seed0', FINE_TUNE_CONFIG, name, data_root,
                LENGTHS['short'], rate, 0, train, val_json(data_root, name),
                load_from=detector_of(out, f'{name}_{arm}')))
    execute_all(pretrainings, out / 'pretraining', jobs)
    execute_all(runs, out, jobs)


def pretrain(data_root: str, out: Path, jobs: int, names) -> None:
    """One pretraining on the training pictures of each data set, into ``out/pretraining``."""
    options, control = ABLATION['regions_boxes_masks']
    execute_all([PretrainRun(name, PRETRAIN_CONFIG, name, data_root, PRETRAIN_STEPS, PRETRAIN_RATE, 0,
                             PRETRAIN_BATCH, control, options) for name in names],
                out / 'pretraining', jobs)


def detector_of(out: Path, name: str) -> str:
    """The file that a pretraining left."""
    return str((out / 'pretraining' / name / 'pretrained_detector.pth').resolve())


def tune(data_root: str, out: Path, jobs: int) -> dict[str, float]:
    """Each arm's learning rate, chosen on training pictures of a split that is not reported."""
    arms = dict(random=lambda name: None, pretrained=lambda name: detector_of(out, name))
    runs = {arm: [] for arm in arms}
    for name in TUNED_ON:
        held, rest = split_images(training_json(data_root, name), HELD_OUT, TUNE_SEED)
        count = round(len(rest['images']) * TUNE_PERCENT / 100)
        few = write_json(split_images(rest, count, TUNE_SEED)[0], out / 'splits' / f'{name}_tune.json')
        val = write_json(held, out / 'splits' / f'{name}_held_out.json')
        for rate in RATES:
            for arm, start in arms.items():
                runs[arm].append(Run(f'{name}_{arm}_lr{rate:g}', FINE_TUNE_CONFIG, name, data_root,
                                     LENGTHS['short'], rate, TUNE_SEED, few, val,
                                     load_from=start(name)))
    execute_all(sum(runs.values(), []), out / 'tuning', jobs)

    def mean_ap(arm: str, rate: float) -> float:
        scores = [json.loads((out / 'tuning' / f'{run.name}.json').read_text())['scores']['bbox_mAP']
                  for run in runs[arm] if run.lr == rate]
        return sum(scores) / len(scores)

    rates = {arm: max(RATES, key=lambda rate: mean_ap(arm, rate)) for arm in arms}
    print(f'learning rates: {rates}', flush=True)
    return rates


def labelled_part(data_root: str, name: str, percent: int, seed: int, out: Path) -> str:
    """The JSON with ``percent`` of the training pictures, drawn by ``seed``."""
    data = training_json(data_root, name)
    part = split_images(data, round(len(data['images']) * percent / 100), 1000 + seed)[0]
    return write_json(part, out / 'splits' / f'{name}_{percent}_seed{seed}.json')


def training_json(data_root: str, name: str) -> dict:
    """All labels of a data set's training pictures."""
    return json.loads((Path(data_root) / name / DATA_SETS[name].layout[0]).read_text())


def val_json(data_root: str, name: str) -> str:
    return str((Path(data_root) / name / DATA_SETS[name].layout[1]).resolve())


STUDIES = dict(main_table=main_table, ablation=ablation)
