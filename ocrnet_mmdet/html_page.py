"""Pages that need no other file and no network: a template, with what all pages share."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from .whole_file import whole_file

MOST_BYTES = 4_000_000  # of a page's pictures as text: with figures and tables it is below 5 MB
PARTS = Path(__file__).parent  # where page_parts.html lies: the frame, charts and tables


def write_page(file: Path, template: Path, **content: object) -> Path:
    """Fill a template, which may import ``page_parts.html``, and write it whole.

    Raises:
        OSError: It cannot be written; one that was there stays.
    """
    places = FileSystemLoader([template.parent, PARTS])
    environment = Environment(loader=places, autoescape=True, trim_blocks=True)
    text = environment.get_template(template.name).render(**content)
    with whole_file(file) as part:
        part.write_text(text, encoding='utf-8')
    return file
