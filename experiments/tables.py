"""The tables that README.md and docs/ quote, as Markdown: python experiments/tables.py [OUT]

With --into PAGE (docs/results.md, docs/labelling.md) they are written between that page's marks.
From the records beside this file, or those that studies left in OUT. Scores are AP, times 100:
mean ± s.d. of n runs; a difference is the mean of the pairs with the same seed and the half width
of its 95 % interval (Student's t).
"""

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from experiments.arm_tables import (  # noqa: E402
    arms,
    chosen_pictures,
    comparison,
    detectors,
    equal_time,
    more_labels,
)
from experiments.records import RECORDS, read  # noqa: E402
from experiments.run_tables import (  # noqa: E402
    candidates,
    rates,
    ratios,
    recall,
    single_runs,
    step_times,
)
from ocrnet_mmdet.compare import records as compare_records  # noqa: E402
from ocrnet_mmdet.compare.table import read_rows  # noqa: E402

# plan.yaml and records.csv of tools/compare.py, a folder a set
COMPARED = Path(__file__).with_name('comparisons')

MARKS = re.compile(r'(?<=<!-- table: )(.+?)( -->\n).*?(?=<!-- end of table -->)', re.DOTALL)
# Title; the arm of the first column; those that it is compared with, ``STUDY/ARM`` each.
COMPARISONS = (
    ('Against stock detectors', 'against_stock/ocrnet', ('against_stock/stock',)),
    ('Few labels', 'main_table/pretrained', ('main_table/random',)),
    (
        'Boxes and masks with their default weight',
        'default_terms/default',
        ('main_table/pretrained', 'main_table/random'),
    ),
    (
        'Boxes and masks with weight 1',
        'weight_one/weight1',
        ('main_table/pretrained', 'main_table/random'),
    ),
    ("The vectors' terms", 'vector_terms/all', ('main_table/pretrained', 'main_table/random')),
    (
        "The vectors' terms, ten times as strong",
        'vector_terms/strong',
        ('main_table/pretrained', 'main_table/random'),
    ),
    ('Stock detectors, pretrained', 'any_detector/pretrained', ('any_detector/random',)),
    ('Natural pictures', 'natural/pretrained', ('natural/random',)),
    (
        'From ImageNet weights',
        'imagenet/imagenet',
        ('main_table/pretrained', 'main_table/random'),
    ),
)


def all_tables(rows: list[dict]) -> Iterable[tuple[str, str]]:
    """Title and Markdown of each table."""
    rows = [row for row in rows if not row['error']]
    for title, ours, theirs in COMPARISONS:
        yield title, comparison(rows, ours, theirs)
    yield from {
        'Equal total time': equal_time(rows),
        'More labels instead': more_labels(rows),
        'What carries the gain': arms(rows, 'ablation', 'none'),
        'Weights of boxes and masks, held-out': arms(rows, 'term_weights', 'regions'),
        'Learning rates, held-out box AP': rates(rows),
        'Number of candidates': candidates(rows),
        "README's picture": single_runs(
            [
                row
                for row in rows
                if row['study'] == 'front_picture' and row['kind'] == 'fine-tuning'
            ]
        ),
        'Overfitting': single_runs([row for row in rows if row['study'] == 'overfit']),
        'Trials': single_runs(
            [
                row
                for row in rows
                if '/' in row['study'] and row['kind'] in ('fine-tuning', 'scoring')
            ]
        ),
        'Pictures to label first, held-out box AP': chosen_pictures(rows, 'first', 'first'),
        'Pictures to label next, held-out box AP': chosen_pictures(rows, 'suggest', 'suggested'),
        'Regions': recall(rows),
        'Cost of a pretraining step': ratios(rows, 'cost', 'supervised'),
        'Speed and memory': ratios(rows, 'speed', 'stock'),
        'Seconds of a training step': step_times(rows),
    }.items()


def compared() -> dict[str, str]:
    """Title and Markdown of the comparisons that are kept."""
    return {
        f'Detectors on {file.parent.name}': detectors(
            read_rows(file, compare_records.COLUMNS, compare_records.TEXT)
        )
        for file in sorted(COMPARED.glob('*/records.csv'))
    }


def filled(page: str, rows: list[dict]) -> str:
    """A page with every table between its marks: ``<!-- table: TITLE -->`` and ``<!-- end of table
    -->``.

    Raises:
        KeyError: There is no table of a title.
    """
    tables = dict(all_tables(rows)) | compared()
    return MARKS.sub(lambda mark: f'{mark[1]}{mark[2]}\n{tables[mark[1]]}\n\n', page)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('records', type=Path, nargs='?', default=RECORDS.parent, metavar='OUT')
    parser.add_argument('--into', type=Path, metavar='PAGE', help='write them into its marks')
    args = parser.parse_args()
    rows = read(args.records / RECORDS.name)
    if args.into:
        args.into.write_text(filled(args.into.read_text(), rows))
    else:
        for title, table in [*all_tables(rows), *compared().items()]:
            if table:
                print(f'## {title}\n\n{table}\n')
