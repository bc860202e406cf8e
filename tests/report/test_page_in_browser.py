"""The page as a browser shows it: whole without a network, no wider than a telephone."""

import html
import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from ocrnet_mmdet.report.page import write_report, write_side_by_side

from .folders import write_data, write_finetuning, write_pretraining

BROWSER = next(
    filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), ''
)
FLAGS = (
    '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync '
    '--disable-background-networking --disable-component-update --enable-logging=stderr '
    '--virtual-time-budget=5000 --dump-dom'
)
TELEPHONE = 390  # pixels
# The page in a frame of that width, what it fetched and how wide it came out.
FRAME = """<!DOCTYPE html><body><iframe id="page" style="border: 0; width: %dpx; height: 800px"
srcdoc="%s"></iframe><script>
onload = () => {
  const view = document.getElementById('page').contentWindow;
  document.body.textContent = JSON.stringify({
    shown: view.innerWidth, wide: view.document.documentElement.scrollWidth,
    fetched: view.performance.getEntriesByType('resource').map(e => e.name),
    images: [...view.document.images].map(i => i.naturalWidth),
  });
};</script></body>"""


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


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize('kind', KINDS)
def test_the_page_names_no_other_file(pages, kind):
    text = pages[kind].read_text()
    tags = Tags(text).tags
    assert not [tag for tag, _ in tags if tag in ('script', 'link', 'iframe', 'object')]
    places = [a[k] for _, a in tags for k in ('src', 'href', 'xlink:href') if a.get(k)]
    assert places and all(place.startswith(('#', 'data:image/jpeg;base64,')) for place in places)
    assert not re.search(r'@import|url\((?!#)', text)
    assert len(text) < 5e6


@pytest.mark.skipif(not BROWSER, reason='no chromium or chrome on this machine')
@pytest.mark.parametrize('kind', KINDS)
def test_the_page_fits_a_telephone_and_fetches_nothing(pages, kind, tmp_path):
    frame = tmp_path / 'frame.html'
    frame.write_text(FRAME % (TELEPHONE, html.escape(pages[kind].read_text())))
    done = subprocess.run(
        [BROWSER, *FLAGS.split(), f'--user-data-dir={tmp_path}/profile', frame.as_uri()],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | dict(HOME=str(tmp_path)),
    )
    said = json.loads(re.search(r'<body>(\{.*\})</body>', done.stdout)[1])
    assert 'CONSOLE' not in done.stderr
    assert said['shown'] == TELEPHONE >= said['wide']
    assert not [place for place in said['fetched'] if not place.startswith('data:')]
    assert said['images'] or kind == 'two_pretrainings'
    assert all(said['images'])
