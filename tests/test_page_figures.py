"""Figures take names as they are."""

import re

import pytest

from ocrnet_mmdet.page_figures import as_svg, labelled_axes
from ocrnet_mmdet.report.curves import lines


@pytest.mark.parametrize('name', ['US$ 5 \\x$', '_hidden', '$a$ $b$'])
def test_a_name_of_any_letters_has_its_line_in_the_legend(name):
    with_legend, without = (
        lines({label: [(0, 1), (1, 2)], 'other': [(0, 2), (1, 1)]}, 'y') for label in (name, 'x')
    )
    entries = [len(re.findall('id="text_', svg)) for svg in (with_legend, without)]
    assert entries[0] == entries[1]


def test_what_has_no_name_has_no_legend():
    figure, axes = labelled_axes('x', 'y')
    axes.plot([0, 1], [0, 1])
    as_svg(figure)
    assert axes.get_legend() is None
