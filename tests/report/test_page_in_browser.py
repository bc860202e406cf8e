"""The page as a browser shows it: whole without a network, no wider than a telephone."""

import pytest

from ocrnet_mmdet.report.page import write_report, write_side_by_side

from ..browser import files_of, images_on_a_telephone, needs_browser
from .folders import write_data, write_finetuning, write_pretraining


@pytest.fixture(scope='module')
def pages(tmp_path_factory):
    """Name to page, one of each kind."""
    folder = tmp_path_factory.mktemp('reports')
    data = write_data(folder / 'data', val=4)
    ann_file = data / 'annotations/val.json'
    for name, ap in (('one', 0.1), ('a_run_whose_name_is_rather_long_as_some_are', 0.4)):
        write_finetuning(folder / name, ann_file, ap=ap)
    pictures = [str(path) for path in sorted((data / 'unlabelled').iterdir())]
    for name, ratio in (('young', 0.99), ('old', 0.7)):
        write_pretraining(folder / name, 300, ratio, pictures)
    runs = [folder / 'one', folder / 'a_run_whose_name_is_rather_long_as_some_are']
    return dict(
        finetuning=write_report(runs[0]),
        pretraining=write_report(folder / 'young'),
        two=write_side_by_side(runs),
        two_pretrainings=write_side_by_side([folder / 'young', folder / 'old']),
    )


KINDS = ('finetuning', 'pretraining', 'two', 'two_pretrainings')


@pytest.mark.parametrize('kind', KINDS)
def test_the_page_names_no_other_file(pages, kind):
    text = pages[kind].read_text()
    assert files_of(text) and len(text) < 5e6


@needs_browser
@pytest.mark.parametrize('kind', KINDS)
def test_the_page_fits_a_telephone_and_fetches_nothing(pages, kind, tmp_path):
    images = images_on_a_telephone(pages[kind].read_text(), tmp_path)
    assert images or kind == 'two_pretrainings'
    assert all(images)
