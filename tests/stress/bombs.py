"""Small files that grow when they are read: by the suffix of what they stand for."""

from __future__ import annotations

import base64
import functools
import io
import json
import re
import struct
import zlib

import numpy as np
from PIL import Image

LEVELS = 20


def entities(text: bytes) -> bytes:
    """The billion laughs, in a text of the file."""
    lines = [b'<!ENTITY a0 "ha">']
    lines += [b'<!ENTITY a%d "%s">' % (i + 1, b'&a%d;' % i * 10) for i in range(LEVELS)]
    inner = text.replace(b'cell', b'&a%d;' % LEVELS, 1)
    return b'<!DOCTYPE x [' + b''.join(lines) + b']>' + inner


def long_entity(text: bytes) -> bytes:
    """One entity of 100 kB, 10,000 times."""
    inner = text.replace(b'cell', b'&a;' * 10_000, 1)
    return b'<!DOCTYPE x [<!ENTITY a "' + b'x' * 100_000 + b'">]>' + inner


def outer_entity(text: bytes) -> bytes:
    inner = text.replace(b'cell', b'&a;', 1)
    return b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + inner


def deep_xml(text: bytes) -> bytes:
    return re.sub(rb'(</annotations?>)$', b'<a>' * 50_000 + b'</a>' * 50_000 + rb'\1', text)


def aliases(text: bytes) -> bytes:
    """The billion laughs of YAML, as a class's name."""
    lines = ['a0: &a0 [ha, ha]']
    lines += [f'a{i + 1}: &a{i + 1} [{", ".join([f"*a{i}"] * 10)}]' for i in range(LEVELS)]
    return '\n'.join(lines).encode() + b'\n' + text.replace(b'big cell', b'*a%d' % LEVELS)


def deep_yaml(text: bytes) -> bytes:
    return text + b'\nx: ' + b'[' * 3000 + b']' * 3000


def deep_json(text: bytes) -> bytes:
    return text[:-1] + b', "x": ' + b'[' * 100_000 + b']' * 100_000 + b'}'


def large_mask(text: bytes) -> bytes:
    """A PNG of 20,000 x 20,000 pixels in LabelMe's base64; 60 kB."""
    data = json.loads(text)
    for shape in data.get('shapes', ()):
        shape.update(shape_type='mask', mask=base64.b64encode(large_png()).decode())
    return json.dumps(data).encode()


def stated_size(text: bytes) -> bytes:
    """A picture that is said to have 10 ** 12 pixels."""
    return re.sub(rb'(?<=[>" ])(96|64)(?=[<",}])', b'1000000', text)


@functools.cache
def large_png(_: bytes = b'') -> bytes:
    """20,000 x 20,000 pixels, two values, one after another."""
    rows = zlib.compress(b'\0' * (20_000 * 2501), 9)
    head = struct.pack('>IIBBBBB', 20_000, 20_000, 1, 0, 0, 0, 0)
    chunks = [(b'IHDR', head), (b'IDAT', rows), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(d)) + n + d + struct.pack('>I', zlib.crc32(n + d)) for n, d in chunks
    )


def checkered_png(content: bytes) -> bytes:
    """As many values as pixels."""
    height, width = np.asarray(Image.open(io.BytesIO(content))).shape[:2]
    buffer = io.BytesIO()
    values = np.arange(height * width, dtype=np.uint16).reshape(height, width)
    Image.fromarray(values).save(buffer, 'PNG')
    return buffer.getvalue()


BOMBS = [
    *(('.xml', make) for make in (entities, long_entity, outer_entity, deep_xml, stated_size)),
    *(('.json', make) for make in (deep_json, large_mask, stated_size)),
    *(('.yaml', make) for make in (aliases, deep_yaml)),
    *(('.png', make) for make in (large_png, checkered_png)),
]
