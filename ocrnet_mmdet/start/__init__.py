"""From own pictures and labels to a folder with checked annotations and two configs
(tools/start.py).
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from ..datasets.coco_file import write_json
from ..datasets.listing import list_pictures, say_left_out
from ..errors import InputError
from ..suggest.first import name_first
from .configs import finetuning_config, pretraining_config
from .labels import Labels, read_labels
from .page import write_check
from .recipe import Recipe, recipe_for, recipe_without_labels

__all__ = ['start']

ENCODER = '_base_/lite0.py'  # below the shipped configs


def start(
    pictures: Path,
    labels: Path | None,
    val: Path | None,
    val_share: float,
    seed: int,
    imagenet: bool,
    out: Path,
    configs: Path,
    first: int | None = None,
) -> str:
    """Write the folder ``out``: annotations, finetune.py, pretrain.py and check.html; without
    labels pretrain.py, and first.txt where that is asked for.

    Args:
        pictures: Folder of the pictures, at any depth.
        labels, val: Label files or folders of them, in any format of labels/; without ``val`` the
            labels' own val part is taken, or a share of them.
        val_share: That share, of pictures and of every class's objects.
        seed: Of the split.
        imagenet: Whether the encoder starts from ImageNet weights.
        out: A folder that is absent or empty.
        first: Of pictures without labels, how many to name that should be labelled first.
        configs: Folder of the shipped configs, from which the written ones inherit.

    Returns:
        What was found, mended and chosen, as text; it is in ``out/report.txt`` too.

    Raises:
        InputError: ``out`` holds something, an option is out of range, or the data cannot be
            trained on.
    """
    pictures, out, configs = pictures.resolve(), out.resolve(), configs.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f'{out} is not empty: name a new folder with --out')
    if not 0 < val_share < 1:
        raise InputError(f'--val-share is {val_share}: give a share between 0 and 1, such as 0.2')
    if val and not labels:
        raise InputError('--val needs --labels, those of the training pictures: name them too')
    if first is not None and labels:
        raise InputError(
            '--first is for pictures without labels; with some, tools/predict.py --suggest names '
            'the next ones'
        )
    if first is not None and not imagenet:
        raise InputError("--first looks with ImageNet's weights: leave out --no-imagenet")
    if labels:
        data = read_labels(pictures, labels, val, val_share, seed)
        lines = _write_with_labels(pictures, data, recipe_for(data, imagenet), out, configs)
    else:
        recipe = recipe_without_labels(pictures, imagenet)
        chosen = name_first(pictures, first, configs / ENCODER, out) if first is not None else []
        out.mkdir(parents=True, exist_ok=True)
        (out / 'pretrain.py').write_text(pretraining_config(configs, pictures, out, recipe))
        lines = [
            *chosen,
            *recipe.lines(),
            '',
            'next:',
            f'  python tools/train.py {out}/pretrain.py',
        ]
    report = '\n'.join(lines)
    (out / 'report.txt').write_text(report + '\n')
    return report


def _write_with_labels(
    pictures: Path, data: Labels, recipe: Recipe, out: Path, configs: Path
) -> list[str]:
    """Write annotations, configs and page; what there is to say, what comes next last."""
    for name, part in data.parts.items():
        write_json(part, str(out / f'annotations/{name}.json'))
    (out / 'finetune.py').write_text(finetuning_config(configs, pictures, out, data, recipe))
    listed, more = _pictures_to_pretrain_on(pictures, data, out / 'annotations')
    data.notes += more
    (out / 'pretrain.py').write_text(
        pretraining_config(configs, pictures, out, recipe, str(listed), data.with_mask)
    )
    page = write_check(out / 'check.html', pictures, data, recipe)
    return [
        *data.notes,
        *recipe.lines(),
        '',
        f'to look at, with drawings of all this: {page}',
        'next:',
        f'  python tools/train.py {out}/finetune.py',
        'before it, without labels, where that pays (docs/pretraining.md says when):',
        f'  python tools/train.py {out}/pretrain.py',
    ]


def _pictures_to_pretrain_on(pictures: Path, data: Labels, folder: Path) -> tuple[Path, list[str]]:
    """A list of all pictures but those to score on; a line on files that are no pictures."""
    left_out: Counter[bytes] = Counter()
    names = [os.fsdecode(name) for name in list_pictures(str(pictures), left_out)]
    listed = folder / 'pretrain.txt'
    listed.write_text(
        ''.join(f'{name}\n' for name in names if name not in data.unseen), errors='surrogateescape'
    )
    return listed, [say_left_out(left_out)] if left_out else []
