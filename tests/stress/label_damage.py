"""Ways to damage one place of a label set: a value, a token, bytes, an encoding, a file, a bomb."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image

from tests.stress.bombs import BOMBS
from tests.stress.json_damage import damage
from tests.stress.label_sets import Labels

TOKENS = (
    b'', b'nan', b'NaN', b'inf', b'-inf', b'1e308', b'-1e308', b'1e400', b'-1', b'0', b'1', b'0.5',
    b'0.0', b'9' * 5000, b'9' * 25, b'1e9', b'1,5', b'0x10', b'1_0', '\u0661'.encode(), b'cell',
    b'p1.png', b'../p1.png', b'../../../../etc/passwd', b'/etc/passwd', b'..', b'.', b'a\0b',
    b'\xff\xfe', b'\xe9', b'"', b"'", b'<', b'&', b'&x;', b'\n', b'\r', b';', b',', b'{', b'}',
    b'[1, 2]', b'*', b'x' * 300, b'x' * 200_000, b'\x1b[31m', b'\xe2\x80\xa8', b'null', b'true',
    b'2001-99-99', b'~', b': ',
)  # fmt: skip


def damage_value(rng: np.random.Generator, labels: Labels) -> None:
    """One place of a tree of JSON or XML; of other files a token."""
    file = any_of(rng, labels.files)
    text = labels.files[file]
    if file.endswith('.json'):
        labels.files[file] = _damage_json(rng, json.loads(text), labels, file)
    elif file.endswith('.xml'):
        labels.files[file] = _damage_xml(rng, ET.fromstring(text), labels, file)
    elif file.endswith('.png'):
        labels.touched |= labels.owners(file)
        labels.files[file] = _odd_mask(rng, text)
    else:
        damage_token(rng, labels)


def _damage_json(rng: np.random.Generator, data: dict, labels: Labels, file: str) -> bytes:
    names = sorted(labels.owners(file))
    name = any_of(rng, names)
    if rng.random() < 0.2:  # anywhere
        labels.touched |= {*names}
        damage(rng, data)
    elif labels.kind.startswith('COCO'):
        labels.touched.add(name)
        key = next(i['id'] for i in data['images'] if i['file_name'] == name)
        ours = [a for a in data['annotations'] if a['image_id'] == key]
        others = [a for a in data['annotations'] if a['image_id'] != key]
        damage(rng, ours)
        data['annotations'] = others + ours
    elif labels.kind.startswith('VIA'):
        labels.touched.add(name)
        damage(rng, data['_via_img_metadata'][f'{name}123'])
    else:
        labels.touched.add(name)
        damage(rng, data)
    return json.dumps(data).encode()


def _damage_xml(rng: np.random.Generator, root: ET.Element, labels: Labels, file: str) -> bytes:
    names, top = labels.owners(file), root
    if labels.kind.startswith('CVAT') and rng.random() < 0.8:
        top = any_of(rng, root.findall('image'))
        names = {top.get('name')}
    labels.touched |= names
    nodes = list(top.iter())
    node, other = any_of(rng, nodes), any_of(rng, nodes)
    odd = any_of(rng, TOKENS).decode('latin-1').translate({i: 63 for i in (*range(9), 11, 12, 27)})
    kind = rng.integers(0, 7)
    if kind == 0:
        node.text = odd
    elif kind == 1:
        node.tag = any_of(rng, ['object', 'image', 'mask', 'annotations', 'annotation', 'skeleton'])
    elif kind == 2:
        node[:] = list(node)[: rng.integers(0, len(node) + 1)]
    elif kind == 3 and node is not other and other not in node.iter() and node not in other.iter():
        node.append(other)
    elif kind == 4:
        node.text, other.text = other.text, node.text
    elif node.attrib:
        key = any_of(rng, node.attrib)
        node.attrib[key] = odd
        if kind == 6:
            del node.attrib[key]
    return ET.tostring(root)


def _odd_mask(rng: np.random.Generator, content: bytes) -> bytes:
    picture, buffer = Image.open(io.BytesIO(content)), io.BytesIO()
    values = np.asarray(picture)
    noise = rng.integers(0, 256, (*values.shape, 3), np.uint8)
    odd, suffix = [
        (np.where(values > 0, np.nan, 0).astype(np.float32), 'TIFF'),
        (np.where(values > 0, 0.5, 0).astype(np.float32), 'TIFF'),
        (np.where(values > 0, 1e30, 0).astype(np.float32), 'TIFF'),
        (values.astype(np.int32) * -70000, 'TIFF'),
        (noise, 'PNG'),
        (noise, 'JPEG'),
        (values[:-1], 'PNG'),
        (values.T, 'PNG'),
        (values[:1, :1], 'PNG'),
        (np.dstack([noise, noise[..., :1]]), 'PNG'),
        (noise[..., :2], 'PNG'),
        (values > 0, 'PNG'),
        (values * 0, 'PNG'),
    ][rng.integers(0, 13)]
    Image.fromarray(odd).save(buffer, suffix)
    return buffer.getvalue()


def damage_token(rng: np.random.Generator, labels: Labels) -> None:
    """Replace, swap, repeat or delete words and numbers of a text, or its lines."""
    file = any_of(rng, labels.files)
    text = labels.files[file]
    labels.touched |= labels.owners(file)
    tokens = [m.span() for m in re.finditer(rb'[-+.\w]+', text)]
    if file.endswith('.csv'):
        tokens = _tokens_of_a_row(rng, text, labels)
    if not tokens:
        return
    (start, end), (other, last) = sorted((any_of(rng, tokens), any_of(rng, tokens)))
    kind, lines = rng.integers(0, 10), text.splitlines(keepends=True)
    if kind < 6:
        text = text[:start] + any_of(rng, TOKENS) + text[end:]
    elif kind == 6 and end <= other:
        text = text[:start] + text[other:last] + text[end:other] + text[start:end] + text[last:]
    elif kind == 7:
        text = text[:end] + b' ' + text[start:end] + text[end:]
    elif len(lines) > 1 and not file.endswith('.csv'):
        i = rng.integers(0, len(lines))
        lines[i : i + 1] = [lines[i]] * (2 * (kind == 8))
        text = b''.join(lines)
    labels.files[file] = text


def _tokens_of_a_row(rng: np.random.Generator, text: bytes, labels: Labels) -> list:
    """Those of one row: only its picture is touched."""
    rows = list(re.finditer(rb'(p\d\.png).*', text))
    row = any_of(rng, rows)
    labels.touched = {row[1].decode()}
    return [(row.start() + a, row.start() + b) for a, b in
            (m.span() for m in re.finditer(rb'[-+.\w]+', row[0]))]  # fmt: skip


def damage_bytes(rng: np.random.Generator, labels: Labels) -> None:
    """Cut off, cut out, overwrite, repeat."""
    file = any_of(rng, labels.files)
    text = labels.files[file]
    labels.touched |= labels.owners(file)
    place, other = sorted(rng.integers(0, len(text) + 1, 2).tolist())
    labels.files[file] = [
        text[:place],
        text[:place] + text[other:],
        text[:place] + bytes([rng.integers(0, 256)]) + text[place + 1 :],
        text[:place] + bytes(rng.integers(0, 256, 4).tolist()) + text[place + 4 :],
        text[:other] + text[place:],
        text[place:],
        text + text,
        text + b'\0' * 100,
        b'',
        b' \n',
        bytes(rng.integers(0, 256, 300).tolist()),
    ][rng.integers(0, 11)]


def damage_encoding(rng: np.random.Generator, labels: Labels) -> None:
    """Other line ends and encodings, of one file or of all."""
    files = [f for f in labels.files if not f.endswith('.png')]
    if not files:
        return damage_bytes(rng, labels)
    chosen = files if rng.random() < 0.3 else [any_of(rng, files)]
    kind = rng.integers(0, 11)
    for file in chosen:
        text = labels.files[file]
        labels.files[file] = [
            text.replace(b'\n', b'\r\n'),
            text + b'\n\n',
            text.replace(b'\n', b'\r'),
            b'\xef\xbb\xbf' + text,
            text.decode().encode('utf-16'),
            text.decode().encode('utf-16-le'),
            text.decode().encode('utf-32'),
            text.replace(b'cell', b'c\xe9ll').replace(b'0.', b'\xe90.', 1),
            text.replace(b'cell', 'c\u00e9ll'.encode()),
            b'<?xml version="1.0" encoding="gb2312"?>' + text,
            b'<?xml version="1.0" encoding="none"?>' + text,
        ][kind]
        if kind > 2:
            labels.touched |= labels.owners(file)
    labels.same = kind < 3


def damage_place(rng: np.random.Generator, labels: Labels) -> None:
    """Folders, links and pipes where files are awaited, and files twice."""
    file = any_of(rng, labels.files)
    stays = labels.files[file]
    kind = rng.integers(0, 10)

    def put(folder: Path) -> None:
        path = folder / file
        if kind == 0:
            path.unlink()
            path.mkdir()
        elif kind == 1:
            path.unlink()
            path.symlink_to('nowhere')
        elif kind == 2:
            path.unlink()
            path.symlink_to(path.name)
        elif kind == 3:
            path.unlink()
            os.mkfifo(path)
        elif kind < 6:  # loops: two of them are 2 ** 40 ways down
            (path.parent / 'loop').symlink_to('.')
            (path.parent / 'other').symlink_to('.')
        elif kind == 6:
            (folder / 'again').mkdir()
            (folder / 'again' / path.name).write_bytes(stays)
        elif kind == 7:
            (folder / f'a{path.suffix}').mkdir()
        elif kind == 8:
            (folder / f'a{path.suffix}').symlink_to('nowhere')
        else:
            os.mkfifo(folder / f'a{path.suffix}')

    labels.place = put
    if kind < 4 or kind == 6:
        labels.touched |= labels.owners(file)


def bomb(rng: np.random.Generator, labels: Labels) -> None:
    """A small file that grows."""
    file = any_of(rng, labels.files)
    made = [make for suffix, make in BOMBS if file.endswith(suffix)]
    if not made:
        return damage_token(rng, labels)
    labels.touched |= labels.owners(file)
    labels.files[file] = any_of(rng, made)(labels.files[file])


def any_of(rng: np.random.Generator, choices):
    choices = list(choices)
    return choices[rng.integers(0, len(choices))]


WAYS = (  # as often as they are drawn
    *[damage_value] * 5,
    *[damage_token] * 3,
    *[damage_bytes] * 2,
    *[damage_encoding] * 2,
    damage_place,
    bomb,
)
