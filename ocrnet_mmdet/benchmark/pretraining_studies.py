"""The studies of the stage without labels, each a list of runs; finished runs are read, not repeated."""
import json
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..pretraining.slots import TERMS
from .data_sets import OBJECTS, link_objects, training_json
from .pretraining_runs import PretrainRun
from .report import arms_table, comparison_table, read_runs, report
from .runs import Run, execute_all
from .subsets import split_images, write_json
from .tuning import TUNE_SEED, best_rates, chosen_rates, held_out

PRETRAIN_CONFIG = 'configs/benchmark/ocrnet_tiny_pretrain.py'
FINE_TUNE_CONFIG = 'configs/benchmark/ocrnet_tiny.py'
STOCK_PRETRAIN_CONFIG = 'configs/benchmark/stock_tiny_pretrain.py'
STOCK_FINE_TUNE_CONFIG = 'configs/benchmark/stock_tiny.py'
PRETRAIN_STEPS, PRETRAIN_RATE = 1500, 2e-3
ABLATION_STEPS = 500
MAIN = dict(nuclei=(5, 10, 25, 100), robosoccer=(5, 10, 25, 100), bccd=(10, ), aerial_cars=(10, ))
AT_WEIGHT_ONE = ('nuclei', 'robosoccer', 'bccd')  # of MAIN: run before D and E had their default weight
LENGTHS = dict(short=300, long=1000)  # fine-tuning steps
SEEDS = (0, 1, 2)  # of split and fine-tuning
MORE_SEEDS = {('nuclei', 5): (3, 4)}  # where three pairs left a wide interval
EQUAL_TIME_PERCENT = 10  # at most, of the labels: where a random start is given the pretraining's time
ABLATED_ON, ABLATED_PERCENT = ('nuclei', 'robosoccer'), 10
ABLATED_THRICE = {('robosoccer', 'regions'), ('robosoccer', 'regions_boxes_masks')}  # where one seed surprised
VECTORS_ON = dict(bccd=10)  # percent of the labels; of the sets that main_table had there, one with classes to tell
STOCK_ON, STOCK_PERCENT = ('nuclei', 'robosoccer'), 10
NATURAL_FOLDERS = ('unlabelled_natural', )
TUNE_PERCENT = 10
VECTORS = dict(vector=0.1, variance=0.05, covariance=0.002)
STRONG_VECTORS = {term: 10 * weight for term, weight in VECTORS.items()}


def _terms(**weights: float) -> dict:
    """Options that leave the named loss terms on."""
    return {'model.weights': dict.fromkeys(TERMS, 0.0) | weights}


PSEUDO_LABELS = _terms(regions=1.0, boxes=1.0, masks=1.0)
NATURAL_SIZE = 160  # longest side at fine-tuning, pixels: objects are then as large as in the pretraining's views
# Fewer regions for D and E than the default, for time.
NATURAL_OPTIONS = _terms(regions=1.0, boxes=0.1, masks=0.1) | {
    'model.regions_per_view': 4, 'train_dataloader.dataset.pipeline.2.segments': 1}
ALL_TERMS = _terms(regions=1.0, boxes=1.0, masks=1.0, **VECTORS)


@dataclass(frozen=True)
class Arm:
    """An arm of the ablation.

    Args:
        pretraining: Config options of its pretraining; None has none.
        control: See :class:`.pretraining_runs.PretrainRun`.
        fine_tuning: Config options of its fine-tuning.
        weights_of: An arm whose pretraining it shares.
    """

    pretraining: dict | None = None
    control: str | None = None
    fine_tuning: dict | None = None
    weights_of: str | None = None


ABLATION = dict(
    none=Arm(),
    vectors=Arm(_terms(**VECTORS)),
    regions=Arm(_terms(regions=1.0)),
    regions_boxes=Arm(_terms(regions=1.0, boxes=1.0)),
    regions_boxes_masks=Arm(PSEUDO_LABELS),
    all_learned_sigma=Arm(ALL_TERMS),
    all_fixed_sigma=Arm(ALL_TERMS | {'model.region_loss.form': 'mse'}),
    own_regions=Arm(PSEUDO_LABELS | {'custom_hooks.0.own_from': 0.5}),
    frozen_encoder=Arm(PSEUDO_LABELS | {'model.frozen_parts': ['backbone']}),
    scope_aggregator=Arm(fine_tuning={'model.scope': 'aggregator'}, weights_of='regions_boxes_masks'),
    random_boxes=Arm(PSEUDO_LABELS, 'random'),
    shuffled=Arm(PSEUDO_LABELS, 'shuffled'))


WEIGHED_ON = ('nuclei', 'robosoccer', 'bccd')
# Terms D and E beside C.
WEIGHED = dict(regions=ABLATION['regions']) | {
    f'weight{weight:g}': Arm(_terms(regions=1.0, boxes=weight, masks=weight)) for weight in (0.1, 0.3, 1.0)}
WEIGHED_SEEDS = (TUNE_SEED, TUNE_SEED + 1)


VECTOR_ARMS = dict(all=Arm(ALL_TERMS),
                   strong=Arm(_terms(regions=1.0, boxes=1.0, masks=1.0, **STRONG_VECTORS)))


def main_table(data_root: str, out: Path, jobs: int) -> None:
    """Few labels with and without the stage: random start, pretrained, random with the stage's time.

    One pretraining a data set, on all training pictures, with the config's terms, or those of
    ``PSEUDO_LABELS`` for ``AT_WEIGHT_ONE``; ``SEEDS`` and ``MORE_SEEDS`` draw the labelled
    pictures and the fine-tuning. Each arm's learning rate on a data set is that of the same grid with the
    best box AP on its held-out training pictures; the val pictures are scored once, by the last checkpoint.
    """
    execute_all([_pretraining(name, name, data_root, PRETRAIN_STEPS,
                              ABLATION['regions_boxes_masks'] if name in AT_WEIGHT_ONE else Arm())
                 for name in MAIN], out / 'pretraining', jobs)
    starts = dict(random=lambda name: None, pretrained=lambda name: detector_of(out, name))
    rates = best_rates({arm: lambda name, start=start: dict(config=FINE_TUNE_CONFIG,
                                                            load_from=start(name))
                        for arm, start in starts.items()},
                       dict.fromkeys(MAIN, LENGTHS['short']), TUNE_PERCENT, data_root, out / 'tuning',
                       jobs)
    cells = [(name, percent, seed) for name, percents in MAIN.items() for percent in percents
             for seed in _seeds(name, percent)]
    execute_all([few_labels(name, percent, length, arm, seed, data_root, out, lr=rates[name][arm],
                            steps=steps, load_from=start(name))
                 for name, percent, seed in cells for length, steps in LENGTHS.items()
                 for arm, start in starts.items()], out, jobs)
    report(comparison_table(read_runs(out), 'pretrained', 'random'), out)
    equal = out / 'equal_time'
    execute_all([few_labels(name, percent, 'equal', 'random', seed, data_root, equal,
                            lr=rates[name]['random'], steps=equal_time_steps(out, name, percent, seed))
                 for name, percent, seed in cells if percent <= EQUAL_TIME_PERCENT], equal, jobs)
    report(comparison_table(_against_equal_time(out), 'pretrained', 'random'), equal)


def _seeds(name: str, percent: int) -> tuple[int, ...]:
    return *SEEDS, *MORE_SEEDS.get((name, percent), ())


def equal_time_steps(out: Path, name: str, percent: int, seed: int) -> int:
    """Steps of a random start that take as long as the pretraining and the long fine-tuning together.

    A step's time is the random start's: the long run less the short one, so that starting and
    scoring do not count.
    """
    def wall(path: str) -> float:
        return json.loads((out / f'{path}.json').read_text())['wall_seconds']

    short, long = [wall(f'{name}_{percent}_{length}_random_seed{seed}') for length in LENGTHS]
    step = (long - short) / (LENGTHS['long'] - LENGTHS['short'])
    return LENGTHS['long'] + round(wall(f'pretraining/{name}') / step)


def _against_equal_time(out: Path) -> list[dict]:
    """The long pretrained runs beside the random starts that had as much time in all."""
    random = read_runs(out / 'equal_time')
    pretrained = _of_main_table(
        out, [record['run']['name'].replace('_equal_random_', '_long_pretrained_') for record in random])
    for record in pretrained:
        record['run']['name'] = record['run']['name'].replace('_long_', '_equal_')
    return random + pretrained


def _of_main_table(folder: Path, names: list[str]) -> list[dict]:
    """The records of ``main_table``'s runs of these names.

    Raises:
        InputError: One is absent.
    """
    for name in names:
        if not (folder / f'{name}.json').exists():
            raise InputError(f'{folder / name}.json is absent: run the study main_table first, into {folder}')
    return [json.loads((folder / f'{name}.json').read_text()) for name in names]


def ablation(data_root: str, out: Path, jobs: int) -> None:
    """What carries the gain: one pretraining an arm, one short fine-tuning each (three of ``ABLATED_THRICE``) at
    10 % of the labels.

    Every arm has the rate of ``main_table``'s pretrained arm, the random start its own.
    """
    rates = chosen_rates(out.parent / 'main_table' / 'tuning')
    pretrainings, runs = [], []
    for name in ABLATED_ON:
        for key, arm in ABLATION.items():
            if arm.pretraining:
                pretrainings.append(_pretraining(f'{name}_{key}', name, data_root, ABLATION_STEPS, arm))
            weights_of = key if arm.pretraining else arm.weights_of
            start = weights_of and detector_of(out, f'{name}_{weights_of}')
            runs += [few_labels(name, ABLATED_PERCENT, 'short', key.replace('_', '-'), seed, data_root, out,
                                lr=rates[name]['pretrained' if start else 'random'],
                                steps=LENGTHS['short'], load_from=start, options=arm.fine_tuning)
                     for seed in (SEEDS if (name, key) in ABLATED_THRICE else SEEDS[:1])]
    execute_all(pretrainings, out / 'pretraining', jobs)
    execute_all(runs, out, jobs)
    report(arms_table(read_runs(out), 'none'), out)


def term_weights(data_root: str, out: Path, jobs: int) -> None:
    """Weights of D and E, by box AP on held-out training pictures after a short fine-tuning.

    Every arm has the rate of ``main_table``'s pretrained arm.
    """
    rates = chosen_rates(out.parent / 'main_table' / 'tuning')
    execute_all([_pretraining(f'{name}_{key}', name, data_root, ABLATION_STEPS, arm)
                 for name in WEIGHED_ON for key, arm in WEIGHED.items()], out / 'pretraining', jobs)
    execute_all([Run(f'{name}_{key}_seed{seed}', FINE_TUNE_CONFIG, steps=LENGTHS['short'],
                     lr=rates[name]['pretrained'], load_from=detector_of(out, f'{name}_{key}'),
                     **held_out(name, TUNE_PERCENT, seed, data_root, out))
                 for name in WEIGHED_ON for key in WEIGHED for seed in WEIGHED_SEEDS], out, jobs)
    report(arms_table(read_runs(out), 'regions'), out)


def vector_terms(data_root: str, out: Path, jobs: int) -> None:
    """Terms A and B beside C, D and E, in two strengths."""
    _other_terms(VECTORS_ON, VECTOR_ARMS, data_root, out, jobs)


def default_terms(data_root: str, out: Path, jobs: int) -> None:
    """The config's terms on the data sets whose pretraining in ``main_table`` had ``PSEUDO_LABELS``."""
    _other_terms({name: MAIN[name][0] for name in AT_WEIGHT_ONE}, dict(default=Arm()), data_root, out, jobs)


def _other_terms(percents: dict[str, int], arms: dict[str, Arm], data_root: str, out: Path, jobs: int) -> None:
    """Fine-tunings after pretrainings of as many steps as ``main_table``'s with other terms.

    The arms that they are compared with are those that ``main_table`` left beside ``out``; all else is as there.

    Args:
        percents: Data set -> percent of the labels.
    """
    main = out.parent / 'main_table'
    rates = chosen_rates(main / 'tuning')
    execute_all([_pretraining(f'{name}_{key}', name, data_root, PRETRAIN_STEPS, arm)
                 for name in percents for key, arm in arms.items()], out / 'pretraining', jobs)
    cells = [(name, percent, length, seed) for name, percent in percents.items() for length in LENGTHS
             for seed in _seeds(name, percent)]
    execute_all([few_labels(name, percent, length, key, seed, data_root, out, lr=rates[name]['pretrained'],
                            steps=LENGTHS[length], load_from=detector_of(out, f'{name}_{key}'))
                 for name, percent, length, seed in cells for key in arms], out, jobs)
    theirs = _of_main_table(main, [f'{name}_{percent}_{length}_{arm}_seed{seed}'
                                   for name, percent, length, seed in cells for arm in ('pretrained', 'random')])
    report(arms_table(read_runs(out) + theirs, 'pretrained'), out)


def any_detector(data_root: str, out: Path, jobs: int) -> None:
    """Stock Mask and Faster R-CNN with and without the stage, at 10 % of the labels.

    Both have the rate of ``against_stock``'s baseline.
    """
    execute_all([_pretraining(name, name, data_root, ABLATION_STEPS, ABLATION['regions_boxes_masks'],
                              STOCK_PRETRAIN_CONFIG)
                 for name in STOCK_ON], out / 'pretraining', jobs)
    rates = chosen_rates(out.parent / 'against_stock' / 'tuning')
    execute_all([few_labels(name, STOCK_PERCENT, 'short', arm, seed, data_root, out,
                            lr=rates[name]['stock'], steps=LENGTHS['short'],
                            config=STOCK_FINE_TUNE_CONFIG,
                            load_from=detector_of(out, name) if arm == 'pretrained' else None)
                 for seed in SEEDS for name in STOCK_ON for arm in ('pretrained', 'random')], out, jobs)
    report(comparison_table(read_runs(out), 'pretrained', 'random'), out)


def natural(data_root: str, out: Path, jobs: int) -> None:
    """Pretrained on natural pictures and coco_mini's own, fine-tuned on all labels of coco_mini, its objects taken
    as one class.
    """
    execute_all([PretrainRun('coco_mini', PRETRAIN_CONFIG, 'coco_mini', data_root, PRETRAIN_STEPS, PRETRAIN_RATE, 0,
                             NATURAL_OPTIONS, folders=NATURAL_FOLDERS)], out / 'pretraining', jobs)
    objects = link_objects(data_root, out / 'data')
    starts = dict(random=None, pretrained=detector_of(out, 'coco_mini'))
    rates = best_rates({arm: lambda name, start=start: dict(config=FINE_TUNE_CONFIG, size=NATURAL_SIZE,
                                                            load_from=start)
                        for arm, start in starts.items()},
                       {OBJECTS: LENGTHS['short']}, 100, objects, out / 'tuning', jobs)
    execute_all([few_labels(OBJECTS, 100, 'long', arm, seed, objects, out, size=NATURAL_SIZE,
                            lr=rates[OBJECTS][arm], steps=LENGTHS['long'], load_from=start)
                 for seed in SEEDS for arm, start in starts.items()], out, jobs)
    report(comparison_table(read_runs(out), 'pretrained', 'random'), out)


def _pretraining(run: str, data: str, data_root: str, steps: int, arm: Arm,
                 config: str = PRETRAIN_CONFIG) -> PretrainRun:
    return PretrainRun(run, config, data, data_root, steps, PRETRAIN_RATE, 0, arm.pretraining,
                       control=arm.control)


def few_labels(name: str, percent: int, length: str, arm: str, seed: int, data_root: str, out: Path,
               config: str = FINE_TUNE_CONFIG, **fields) -> Run:
    """A fine-tuning on ``percent`` of the training pictures, drawn by ``seed``; scored on the val ones.

    Args:
        fields: Further ones of :class:`.runs.Run`.
    """
    data = training_json(data_root, name)
    part = split_images(data, round(len(data['images']) * percent / 100), 1000 + seed)[0]
    train = write_json(part, out / 'splits' / f'{name}_{percent}_seed{seed}.json')
    return Run(f'{name}_{percent}_{length}_{arm}_seed{seed}', config, name, data_root, seed=seed,
               train_ann=train, **fields)


def detector_of(out: Path, name: str) -> str:
    """The file that a pretraining left."""
    return str((out / 'pretraining' / name / 'pretrained_detector.pth').resolve())


STUDIES = dict(main_table=main_table, ablation=ablation, term_weights=term_weights, vector_terms=vector_terms,
               default_terms=default_terms, any_detector=any_detector, natural=natural)
