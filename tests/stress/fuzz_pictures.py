"""Damaged pictures of every kind: each decodes or is refused in one line, in time and memory.

python tests/stress/fuzz_pictures.py --count 4000 --seed 0 --keep FOLDER
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import resource
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ocrnet_mmdet.datasets.picture import PictureError, decode_picture  # noqa: E402
from ocrnet_mmdet.datasets.picture_formats import FORMATS  # noqa: E402

SECONDS = 10.0
MEMORY = 2 * 2**30  # bytes beyond what the process has before it decodes
MODES = ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'I;16', 'I', 'F')
NUMBERS = (0, 1, 2, 255, 4095, 16384, 32000, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
SIDE = (40, 51)  # height, width; OpenJPEG wants 32


def scene(channels: int, kind: type = np.uint8) -> np.ndarray:
    """(H, W) or (H, W, C): a smooth picture with noise."""
    y, x, c = np.mgrid[: SIDE[0], : SIDE[1], :channels]
    noise = np.random.default_rng(0).integers(0, 30, (*SIDE, channels))
    values = (x * 3 + y * 4 + c * 40 + noise) % 256
    return (values * (1 if kind == np.uint8 else 129)).astype(kind).squeeze()


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(picture: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, picture, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def interlaced_png() -> bytes:
    """An RGB PNG in Adam7's seven passes, which Pillow does not write."""
    picture, rows = scene(3), b''
    for top, left, down, right in (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ):
        rows += b''.join(b'\0' + row.tobytes() for row in picture[top::down, left::right])
    head = struct.pack('>IIBBBBB', SIDE[1], SIDE[0], 8, 2, 0, 0, 1)
    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', head)
        + chunk(b'IDAT', zlib.compress(rows))
        + chunk(b'IEND', b'')
    )


def originals() -> dict[str, bytes]:
    """Whole pictures by name: every format and mode that Pillow writes, and what others write."""
    files, rgb, exif = {}, Image.fromarray(scene(3)), Image.Exif()
    exif[0x0112] = 6
    for kind in FORMATS:
        for mode in MODES:
            image = Image.fromarray(scene(1, np.uint16)) if mode == 'I;16' else rgb.convert(mode)
            # There may be no such mode in this format, or Pillow may only read it.
            with suppress(OSError, ValueError, KeyError, TypeError):
                files[f'{kind} {mode}'] = encode(image, kind)
    frames = dict(save_all=True, append_images=[rgb.rotate(90), rgb.rotate(180)])
    for kind in ('PNG', 'GIF', 'WEBP', 'TIFF', 'AVIF', 'MPO'):
        files[f'{kind} animated'] = encode(rgb, kind, **frames)
    files['PNG interlaced'] = interlaced_png()
    files['WEBP lossless'] = encode(rgb, 'WEBP', lossless=True)
    for name, options in dict(progressive=dict(progressive=True), exif=dict(exif=exif)).items():
        files[f'JPEG {name}'] = encode(rgb, 'JPEG', **options)
    for name in ('tiff_lzw', 'jpeg', 'tiff_deflate', 'packbits'):
        files[f'TIFF {name}'] = encode(rgb, 'TIFF', compression=name)
    files['TIFF group4'] = encode(rgb.convert('1'), 'TIFF', compression='group4')
    for bands in (1, 2, 3, 4, 5):
        for kind in (np.uint8, np.uint16, np.float32):
            picture = scene(bands, kind)
            colour = dict(photometric='rgb' if bands > 2 else 'minisblack')
            files[f'TIFF {bands} {kind.__name__}'] = tiff(picture, planarconfig='contig', **colour)
            if bands > 1:
                planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
                files[f'TIFF {bands} {kind.__name__} planes'] = tiff(
                    planes, planarconfig='separate', **colour
                )
    files['TIFF tiled'] = tiff(scene(3, np.uint16), photometric='rgb', tile=(16, 16))
    files['TIFF big'] = tiff(scene(3), photometric='rgb', bigtiff=True)
    for suffix, counts in {
        '.png': (1, 3, 4),
        '.tiff': (1, 3, 4),
        '.jp2': (1, 3, 4),
        '.ppm': (3,),
        '.pgm': (1,),
    }.items():
        for bands in counts:
            deep = cv2.imencode(suffix, scene(bands, np.uint16))[1]
            files[f'{suffix} 16 {bands}'] = deep.tobytes()
    for suffix in ('.hdr', '.pfm'):
        files[suffix] = cv2.imencode(suffix, scene(3, np.float32) / 255)[1].tobytes()
    return files


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """One to three random damages."""
    for _ in range(rng.integers(1, 4)):
        if content.startswith(b'\x89PNG') and rng.random() < 0.5:
            content = damage_chunks(content, rng)
        else:
            content = damage_bytes(content, rng)
    return content


def damage_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    data, n = bytearray(content), len(content)
    if n < 4:
        return content
    # every second damage hits the header
    at = int(rng.integers(min(n, 128) if rng.random() < 0.5 else n))
    size, way = int(rng.integers(1, 64)), rng.integers(6)
    if way == 0:
        for place in rng.integers(0, n, rng.integers(1, 17)):
            data[place] ^= 1 << int(rng.integers(8))
    elif way == 1:
        del data[at:]
    elif way == 2:
        data[at:at] = rng.bytes(size)
    elif way == 3:
        del data[at : at + size]
    elif way == 4:
        data[at:at] = data[max(0, at - size) : at]
    else:
        number = NUMBERS[rng.integers(len(NUMBERS))]
        width = int(rng.choice((2, 4)))
        order = 'big' if rng.random() < 0.5 else 'little'
        data[at : at + width] = (number % 256**width).to_bytes(width, order)
    return bytes(data)


def damage_chunks(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage of a PNG file's chunks whose checksums stay right."""
    chunks, place = [], 8
    while place + 12 <= len(content):
        length = struct.unpack_from('>I', content, place)[0]
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    if not chunks:
        return content
    i, way = int(rng.integers(len(chunks))), rng.integers(4)
    kind, data = chunks[i]
    if way == 0:
        del chunks[i]
    elif way == 1:
        chunks.insert(int(rng.integers(len(chunks) + 1)), chunks[i])
    elif way == 2:
        j = int(rng.integers(len(chunks)))
        chunks[i], chunks[j] = chunks[j], chunks[i]
    else:
        chunks[i] = kind, damage_bytes(data, rng)
    return content[:8] + b''.join(chunk(*parts) for parts in chunks)


def decode_all(pipe: multiprocessing.connection.Connection) -> None:
    """A child's loop: a picture in; outcome, seconds and bytes of memory out."""
    cv2.setNumThreads(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what the decoders say of damaged files
    used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2 * MEMORY,) * 2)
    while True:
        content = pipe.recv()
        before, start = resident(), time.perf_counter()
        outcome = decode(content)
        pipe.send((outcome, time.perf_counter() - start, resident('VmHWM') - before))


def decode(content: bytes) -> str:
    try:
        picture = decode_picture(content)
    except PictureError as error:
        line = str(error)
        return 'refused' if 0 < len(line) < 300 and line.isprintable() else f'no line: {line!r}'
    except BaseException as error:
        return f'{type(error).__name__}: {error}'[:200]
    right = picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8
    return 'decoded' if right and picture.size else f'no picture: {picture.shape}'


def resident(key: str = 'VmRSS') -> int:
    """Bytes of this process; of ``VmHWM`` the most since the last ``VmRSS``."""
    if key == 'VmRSS':
        Path('/proc/self/clear_refs').write_text('5')
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


class Decoder:
    """A process that decodes pictures, and is started anew when one has ended it."""

    def __init__(self) -> None:
        self._process = None

    def __call__(self, content: bytes) -> tuple[str, float, int]:
        """Outcome (``'decoded'``, ``'refused'``, or what went wrong), seconds, bytes of memory."""
        if self._process is None:
            self._pipe, theirs = multiprocessing.Pipe()
            context = multiprocessing.get_context('fork')
            self._process = context.Process(target=decode_all, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
        self._pipe.send(content)
        try:
            if self._pipe.poll(SECONDS):
                outcome, seconds, memory = self._pipe.recv()
                too_much = outcome in ('decoded', 'refused') and memory > MEMORY
                return f'{outcome} in {memory >> 20} MiB' if too_much else outcome, seconds, memory
            outcome = f'hangs for {SECONDS:g} s'
        except EOFError:
            self._process.join()
            outcome = f'died of signal {-self._process.exitcode}'
        self.close()
        return outcome, SECONDS, 0

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


def damaged(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents: each original whole, then ``count`` damaged ones."""
    files = originals()
    yield from files.items()
    names = list(files)
    for i in range(count):
        rng = np.random.default_rng((seed, i))
        name = names[i % len(names)]
        yield name, damage(files[name], rng)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--count', type=int, default=4000)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--keep', type=Path, help='folder for the pictures that went wrong')
    args = parser.parse_args()
    outcomes, wrong, slowest, largest, decoder = {}, [], (0.0, ''), (0, ''), Decoder()
    for i, (name, content) in enumerate(damaged(args.count, args.seed)):
        outcome, seconds, memory = decoder(content)
        slowest = max(slowest, (seconds, f'{i} {name}'))
        largest = max(largest, (memory, f'{i} {name}'))
        good = outcome in ('decoded', 'refused')
        outcomes.setdefault(name.split()[0], Counter())[outcome if good else 'wrong'] += 1
        if not good:
            wrong.append(f'{i} {name}: {outcome}')
            print(wrong[-1], flush=True)
            if args.keep:
                args.keep.mkdir(parents=True, exist_ok=True)
                (args.keep / f'{i}_{name.replace(" ", "_")}').write_bytes(content)
    decoder.close()
    total = sum(outcomes.values(), Counter())
    for kind, counts in sorted(outcomes.items()):
        print(kind, json.dumps(counts))
    print(
        json.dumps(
            dict(
                seed=args.seed,
                pictures=total.total(),
                **total,
                slowest=slowest,
                largest_mib=(largest[0] >> 20, largest[1]),
            )
        )
    )
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
