"""The rows of a table, by what they share, and how its cells are written."""

METRICS = dict(
    bbox_mAP='box AP', bbox_mAP_50='box AP50', bbox_mAP_75='box AP75', segm_mAP='mask AP'
)


def markdown(header: list[str], lines: list[list]) -> str:
    """A table; without lines nothing."""
    if not lines:
        return ''
    return '\n'.join(
        f'| {" | ".join(map(str, cells))} |' for cells in (header, ['---'] * len(header), *lines)
    )


def finetunings(rows: list[dict], arm: str) -> dict[tuple, list[dict]]:
    """(data set, percent, steps) -> the fine-tunings of ``STUDY/ARM``."""
    cells = {}
    for row in rows:
        if row['kind'] == 'fine-tuning' and f'{row["study"]}/{row["arm"]}' == arm:
            cells.setdefault((row['data'], row['labels'], row['steps']), []).append(row)
    return cells


def in_order(cell: tuple) -> tuple:
    """No percent, all labels, comes last."""
    data, labels, steps = cell
    return data, labels or 101, steps


def by_seed(rows: list[dict], metric: str) -> dict[int, float]:
    """Seed -> score times 100, of the rows that have it."""
    return {row['seed']: 100 * row[metric] for row in rows if row[metric] is not None}


def percent(labels: int | None) -> str:
    """Of the labels; None is all."""
    return 'all' if labels is None else f'{labels} %'


def each(values: dict[int, float]) -> str:
    """Values in the order of their seeds."""
    return ', '.join(f'{values[seed]:.1f}' for seed in sorted(values))
