"""Pages that stand alone: what they name, and what a browser without a screen says of them."""

import html
import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

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

needs_browser = pytest.mark.skipif(not BROWSER, reason='no chromium or chrome on this machine')


class _Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def files_of(text):
    """The pictures and places of itself that a page names; fails where it names anything else."""
    tags = _Tags(text).tags
    assert not [tag for tag, _ in tags if tag in ('script', 'link', 'iframe', 'object')]
    assert not re.search(r'@import|url\((?!#)', text)
    places = [a[k] for _, a in tags for k in ('src', 'href', 'xlink:href') if a.get(k)]
    assert all(place.startswith(('#', 'data:image/jpeg;base64,')) for place in places)
    return places


def images_on_a_telephone(text, folder):
    """Widths of a page's images, of 0 where one is damaged; fails where the page is wider than the
    screen, fetches a file or has an error.
    """
    frame = folder / 'frame.html'
    frame.write_text(FRAME % (TELEPHONE, html.escape(text)))
    done = subprocess.run(
        [BROWSER, *FLAGS.split(), f'--user-data-dir={folder}/profile', frame.as_uri()],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | dict(HOME=str(folder)),
    )
    said = json.loads(re.search(r'<body>(\{.*\})</body>', done.stdout)[1])
    assert 'CONSOLE' not in done.stderr
    assert said['shown'] == TELEPHONE >= said['wide']
    assert not [place for place in said['fetched'] if not place.startswith('data:')]
    return said['images']
