"""The page of the data check: what was found and chosen, with drawings; it needs no other file."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..datasets.note import examples_of
from ..datasets.object_sizes import drawn_sides
from ..errors import LINE, InputError, shown
from ..html_page import MOST_BYTES, write_page
from ..report.page import TEMPLATE
from ..report.sections import Figure, Picture, Section, Table
from . import figures
from .labels import Labels
from .pictures import RULE, colours_of, example_drawings, labelled, objects_by_picture, spread
from .recipe import Recipe


class _Room:
    """What is left of MOST_BYTES."""

    def __init__(self) -> None:
        self.left = MOST_BYTES

    def takes(self, picture: Picture) -> bool:
        """Whether a picture still fits; it is then counted."""
        size = sum(len(drawing.uri) for drawing, _ in picture.drawings)
        if size > self.left:
            return False
        self.left -= size
        return True


def write_check(file: Path, pictures: Path, data: Labels, recipe: Recipe) -> Path:
    """Write the page.

    Args:
        pictures: Folder of the pictures.

    Raises:
        OSError: It cannot be written.
    """
    room = _Room()
    found = complaints_section(pictures, [*data.notes, *recipe.found], room)
    sections = [
        counts_section(data),
        found,
        objects_section(data, recipe),
        pictures_section(pictures, data, room),
        chosen_section(recipe),
    ]
    return write_page(
        file,
        TEMPLATE,
        title=f'Data check: {pictures}',
        notes=[],
        sections=sections,
        written=time.strftime('%Y-%m-%d %H:%M'),
    )


def counts_section(data: Labels) -> Section:
    """Pictures and objects of each part, and what is in none."""
    lines: list[list[object]] = []
    for name, part in data.parts.items():
        objects = data.objects(name)
        images = len(part['images'])
        filled = len(np.unique(objects.picture[~objects.crowd]))
        crowds = int(objects.crowd.sum())
        lines.append([name, images, images - filled, len(objects.boxes) - crowds, crowds])
    lines.append(['left out by the check', data.left_out[0], '', data.left_out[1], ''])
    lines.append(['another part of the split', data.unused, '', '', ''])
    lines.append(['not in the labels', data.bare, '', '', ''])
    header = ['', 'pictures', 'without an object', 'objects', 'crowds']
    classes = '1 class' if len(data.classes) == 1 else f'{len(data.classes)} classes'
    note = f'{classes}, masks: {"yes" if data.with_mask else "no"}.'
    return Section('What there is', tables=[Table(header, lines)], note=note)


def complaints_section(pictures: Path, notes: Iterable[str], room: _Room) -> Section:
    """Every line of the report on the data; those that tell of a picture with it."""
    lines, drawings = [], []
    for note in notes:
        picture = _complaint(pictures, note)
        if picture.drawings and room.takes(picture):
            drawings.append(picture)
        else:
            lines.append(picture.caption)
    return Section('What the check says', answer=lines, complaints=drawings)


def _complaint(folder: Path, note: str) -> Picture:
    """A line with its drawings; what cannot be read is named in it."""
    drawings, text = [], shown(str(note), LINE)  # report.txt has it whole
    for example in examples_of(note):
        try:
            drawings += [(d, example.picture) for d in example_drawings(folder, example)]
        except InputError:
            text += f' (no drawing: {shown(example.picture)} cannot be read)'
    return Picture(drawings, text)


def objects_section(data: Labels, recipe: Recipe) -> Section:
    """Objects by class; histograms of their sizes at the chosen scale, and of their shapes."""
    counts = {part: data.class_counts(part) for part in data.parts}
    caption = 'Objects by class, whose names have the colours of the drawings below.'
    if len(data.classes) > figures.MOST_CLASSES:
        caption += f' The {figures.MOST_CLASSES} rarest of {len(data.classes)} classes.'
    drawn = [Figure(svg, caption) for svg in figures.balance(counts, colours_of(data.classes))]
    scale, crop = recipe.pixels('image_scale'), recipe.pixels('crop_size')
    sides, ratios = {}, {}
    for part in data.parts:
        objects = data.objects(part)
        ours = objects.trained
        seen = drawn_sides(objects.boxes[ours], objects.sizes[ours], scale)
        sides[part] = np.sqrt(seen.prod(1))
        ratios[part] = seen[:, 0] / seen[:, 1]
    drawn += [
        Figure(
            figures.sizes(sides, dict(crop_size=crop, image_scale=scale)),
            f'Sizes at image_scale = {scale}, without the zoom of the training.',
        ),
        Figure(figures.ratios(ratios), 'Shapes.'),
    ]
    return Section('Objects', figures=drawn)


def pictures_section(folder: Path, data: Labels, room: _Room) -> Section:
    """Labelled pictures of both parts, spread over classes and counts."""
    images = [(part, image) for part in data.parts for image in data.parts[part]['images']]
    by_id = {part: objects_by_picture(content) for part, content in data.parts.items()}
    names = {part: _names(content, data.classes) for part, content in data.parts.items()}
    column = {name: k for k, name in enumerate(data.classes)}
    counts, chosen = np.zeros((len(images), len(column)), int), []
    for i, (part, image) in enumerate(images):
        for annotation in by_id[part][image['id']]:
            if annotation['category_id'] in names[part]:
                counts[i, column[names[part][annotation['category_id']]]] += 1
    for i in spread(counts):
        part, image = images[i]
        picture = labelled(folder, image, by_id[part][image['id']], names[part])
        picture = Picture(picture.drawings, f'{part}, {picture.caption}')
        if room.takes(picture):
            chosen.append(picture)
    note = f'{len(chosen)} of {len(images)} pictures. {RULE}'
    return Section('Pictures with their labels', pictures=chosen, note=note)


def _names(data: dict, classes: Sequence[str]) -> dict[object, str]:
    """Of the trained classes by category id."""
    return {c['id']: c['name'] for c in data['categories'] if c['name'] in classes}


def chosen_section(recipe: Recipe) -> Section:
    """Every setting with its reason."""
    lines = [(name, str(v), recipe.reasons.get(name, '')) for name, v in recipe.values.items()]
    return Section('What was chosen', tables=[Table(['', 'value', 'why'], lines, text=[2])])
