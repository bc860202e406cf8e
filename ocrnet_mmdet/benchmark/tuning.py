"""Each arm's learning rate, chosen on training pictures of a split that is not reported."""
import json
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError
from .data_sets import training_json
from .runs import Run, execute_all
from .subsets import split_images, write_json

RATES = (5e-4, 1e-3, 2e-3, 4e-3)
TUNED_ON = ('nuclei', 'robosoccer')
HELD_OUT = 40  # training pictures that are scored
RATES_FILE = 'rates.json'
TUNE_SEED = 99  # of the split and the training; no reported run has it


def best_rates(arms: dict[str, Callable[[str], dict]], steps: int, percent: int, data_root: str,
               out: Path, jobs: int) -> dict[str, float]:
    """The rate of ``RATES`` with the best mean box AP over ``TUNED_ON``, for each arm.

    Args:
        arms: Name, and a function that gives an arm's own fields of :class:`.runs.Run` for a data
            set's name.
        percent: Of the training pictures that are not held out.
    """
    runs = []
    for name in TUNED_ON:
        held, rest = split_images(training_json(data_root, name), HELD_OUT, TUNE_SEED)
        part = split_images(rest, round(len(rest['images']) * percent / 100), TUNE_SEED)[0]
        train = write_json(part, out / 'splits' / f'{name}_train.json')
        val = write_json(held, out / 'splits' / f'{name}_held_out.json')
        runs += [Run(f'{name}_{arm}_lr{rate:g}', data=name, data_root=data_root, steps=steps, lr=rate,
                     seed=TUNE_SEED, train_ann=train, val_ann=val, **fields(name))
                 for rate in RATES for arm, fields in arms.items()]
    execute_all(runs, out, jobs)

    def mean_ap(arm: str, rate: float) -> float:
        files = [out / f'{name}_{arm}_lr{rate:g}.json' for name in TUNED_ON]
        return sum(json.loads(f.read_text())['scores']['bbox_mAP'] for f in files) / len(files)

    chosen = {arm: max(RATES, key=lambda rate: mean_ap(arm, rate)) for arm in arms}
    print(f'learning rates: {chosen}', flush=True)
    (out / RATES_FILE).write_text(json.dumps(chosen))
    return chosen


def chosen_rates(out: Path) -> dict[str, float]:
    """What :func:`best_rates` chose in ``out``.

    Raises:
        InputError: It was not run there.
    """
    if not (out / RATES_FILE).exists():
        raise InputError(f'{out / RATES_FILE} is absent: the rates are those of main_table, run that '
                         'study first, beside this one')
    return json.loads((out / RATES_FILE).read_text())
