"""Each arm's learning rate, chosen on training pictures of a split that is not reported."""
import json
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError
from .data_sets import training_json
from .runs import Run, execute_all
from .subsets import split_images, write_json

RATES = (5e-4, 1e-3, 2e-3, 4e-3)
HELD_OUT = 40  # training pictures that are scored
RATES_FILE = 'rates.json'
TUNE_SEED = 99  # of the split and the training; no reported run has it


def best_rates(arms: dict[str, Callable[[str], dict]], steps: dict[str, int], percent: int,
               data_root: str, out: Path, jobs: int) -> dict[str, dict[str, float]]:
    """For each data set and arm, the rate of ``RATES`` with the best box AP on held-out pictures.

    Args:
        arms: Name, and a function that gives an arm's own fields of :class:`.runs.Run` for a data
            set's name.
        steps: By data set, those that rates are chosen for.
        percent: Of the training pictures that are not held out.
    """
    runs = [Run(f'{name}_{arm}_lr{rate:g}', steps=steps[name], lr=rate,
                **held_out(name, percent, TUNE_SEED, data_root, out), **fields(name))
            for name in steps for rate in RATES for arm, fields in arms.items()]
    execute_all(runs, out, jobs)

    def held_out_ap(name: str, arm: str, rate: float) -> float:
        record = json.loads((out / f'{name}_{arm}_lr{rate:g}.json').read_text())
        return record['scores']['bbox_mAP']

    chosen = {name: {arm: max(RATES, key=lambda rate: held_out_ap(name, arm, rate)) for arm in arms}
              for name in steps}
    print(f'learning rates: {chosen}', flush=True)
    (out / RATES_FILE).write_text(json.dumps(chosen))
    return chosen


def held_out(name: str, percent: int, seed: int, data_root: str, out: Path) -> dict:
    """Fields of a :class:`.runs.Run` that is scored on training pictures which no such run is trained on.

    Args:
        percent: Of the other training pictures, drawn by ``seed``, that it is trained on.
    """
    held, rest = split_images(training_json(data_root, name), HELD_OUT, TUNE_SEED)
    part = split_images(rest, round(len(rest['images']) * percent / 100), seed)[0]
    return dict(data=name, data_root=data_root, seed=seed,
                train_ann=write_json(part, out / 'splits' / f'{name}_train_seed{seed}.json'),
                val_ann=write_json(held, out / 'splits' / f'{name}_held_out.json'))


def chosen_rates(out: Path) -> dict[str, dict[str, float]]:
    """What :func:`best_rates` chose in ``out``.

    Raises:
        InputError: It was not run there.
    """
    if not (out / RATES_FILE).exists():
        raise InputError(f'{out / RATES_FILE} is absent: run the study {out.parent.name} first, into '
                         f'{out.parent}')
    return json.loads((out / RATES_FILE).read_text())
