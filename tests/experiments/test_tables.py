import pytest

from experiments.records import RECORDS, Run, append, read, row_of
from experiments.tables import all_tables, filled

from ..detectors import ROOT


def test_failed_runs_are_in_no_table(tmp_path):
    run = Run('overfit', 'fine-tuning', 'bccd', 'ocrnet', 10, 300, 1e-3, 0)
    append(tmp_path / 'r.csv', row_of(run, bbox_mAP=0.25, error='killed'))
    assert not any(table for _, table in all_tables(read(tmp_path / 'r.csv')))


def test_every_table_of_the_kept_records_is_markdown():
    for title, table in all_tables(read(RECORDS)):
        if title != 'Boxes and masks with weight 1':  # not run yet
            lines = table.splitlines()
            assert len(lines) > 2 and len({line.count('|') for line in lines}) == 1, title


@pytest.mark.parametrize('name, least', [('results', 10), ('labelling', 2)])
def test_a_page_has_the_tables_of_the_kept_records(name, least):
    page = (ROOT / f'docs/{name}.md').read_text()
    assert page.count('<!-- table: ') == page.count('<!-- end of table -->') >= least
    assert filled(page, read(RECORDS)) == page


def test_a_changed_figure_is_put_right():
    page = (ROOT / 'docs/results.md').read_text()
    assert filled(page.replace('29.0 ± 3.3', '92.0 ± 3.3'), read(RECORDS)) == page
