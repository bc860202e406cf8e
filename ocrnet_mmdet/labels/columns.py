"""Columns of a CSV of boxes or outlines, known by their names.

Letter case, blanks and underscores do not count: ``x_min``, ``xMin`` and ``XMin`` are one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from .shapes import LEAST

PICTURE = (
    'picture',
    'filename',
    'file',
    'image',
    'imageid',
    'imagename',
    'imagepath',
    'path',
    'filepath',
    'img',
)
CLASS = ('class', 'label', 'labelname', 'classname', 'category', 'name', 'species')
CORNERS = (
    ('xmin', 'x1', 'left', 'xtl'),
    ('ymin', 'y1', 'top', 'ytl'),
    ('xmax', 'x2', 'right', 'xbr'),
    ('ymax', 'y2', 'bottom', 'ybr'),
)
FROM_ZERO = (('x0',), ('y0',), ('x1',), ('y1',))  # whose x1 is no CORNERS' x1
MIDDLE = (('xcenter', 'cx', 'centerx'), ('ycenter', 'cy', 'centery'))
START = (('x', 'xmin', 'left', 'bboxx'), ('y', 'ymin', 'top', 'bboxy'))
SIDES = (('w', 'width', 'bboxwidth', 'bboxw'), ('h', 'height', 'bboxheight', 'bboxh'))
WHOLE = ('bbox', 'box')  # "[x, y, w, h]" in one column
SIZE = (('width', 'imagewidth', 'imgwidth'), ('height', 'imageheight', 'imgheight'))


def delimiter_of(header: str) -> str:
    """Comma, semicolon or tab: the one that the header has most of."""
    return max(',;\t', key=header.count)


def columns_of(header: Sequence[str]) -> dict[str, list[int]] | None:
    """The places of ``picture``, ``class`` and of the box; None where a picture or box is missing.

    The box is one of ``outline`` (x1, y1, x2, y2, x3, y3 and more), ``corners`` (left, top, right,
    bottom), ``middle`` (cx, cy, w, h), ``start`` (x, y, w, h) and ``whole``. ``size`` is the
    picture's, where the columns of the box leave such.
    """
    names = [''.join(c for c in name.lower() if c.isalnum()) for name in header]

    def places(*groups: Sequence[str]) -> list[int]:
        found = [next((names.index(n) for n in group if n in names), -1) for group in groups]
        return found if -1 not in found else []

    boxes = dict(
        outline=_outline(names),
        corners=places(*FROM_ZERO) or places(*CORNERS),
        middle=places(*MIDDLE, *SIDES),
        start=places(*START, *SIDES),
        whole=places(WHOLE),
    )
    kind = next((kind for kind, found in boxes.items() if found), None)
    picture = places(PICTURE)
    if kind is None or not picture:
        return None
    size = places(*SIZE)
    free = not set(size) & set(boxes[kind])
    return {
        'picture': picture,
        kind: boxes[kind],
        'class': places(CLASS),
        'size': size if free else [],
    }


def _outline(names: Sequence[str]) -> list[int]:
    """Places of numbered points, x and y by turns, from 0 or 1 on; none of fewer than three."""
    first = 0 if {'x0', 'y0'} <= {*names} else 1
    numbers = itertools.takewhile(lambda i: {f'x{i}', f'y{i}'} <= {*names}, itertools.count(first))
    found = [names.index(f'{axis}{i}') for i in numbers for axis in 'xy']
    return found if len(found) >= LEAST else []
