"""A copy of an annotation file with its categories as the config has them: names are what counts.

mmdet's CocoDataset and CocoMetric number classes in the file's order, whatever the config's, take a
name that is a number for another than its text, and head the table of per-class AP in the file's
order while pycocotools fills it in the order of the ids.
"""

from __future__ import annotations

from collections.abc import Sequence


def in_order(categories: Sequence[dict], classes: Sequence[str], keep_ids: bool = False) -> bool:
    """Whether mmdet numbers the file's categories as ``classes`` are, in all places."""
    wanted = [c for c in categories if str(c['name']) in classes]
    ids = [c['id'] for c in wanted]
    return [c['name'] for c in wanted] == list(classes) and (keep_ids or ids == sorted(ids))


def reordered(data: dict, classes: Sequence[str], keep_ids: bool = False) -> dict:
    """A COCO file's content with the categories of ``classes`` first, in that order.

    The entries of ``data`` stay as they are.

    Args:
        data: The content; every one of ``classes`` is the name, as text, of one of its categories.
        classes: Names.
        keep_ids: Whether the ids stay, as results that are sent to a server need it; otherwise
            categories are numbered from 1 on.
    """
    place = {name: i for i, name in enumerate(classes)}
    categories = sorted(data['categories'], key=lambda c: place.get(str(c['name']), len(place)))
    ids = {c['id']: c['id'] if keep_ids else i for i, c in enumerate(categories, 1)}
    return dict(
        data,
        categories=[dict(c, id=ids[c['id']], name=str(c['name'])) for c in categories],
        annotations=[dict(a, category_id=ids[a['category_id']]) for a in data['annotations']],
    )
