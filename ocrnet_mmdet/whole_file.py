"""Files that are whole or absent: written beside their place and moved there.

A kill leaves at most a part that nothing reads, named ``NAME.32 hex digits.part``, which
:func:`remove_parts` takes away.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

from .errors import printable

PART = re.compile(r'.+\.[0-9a-f]{32}\.part')


@contextlib.contextmanager
def whole_file(path: str | Path, beside: str | Path | None = None) -> Iterator[Path]:
    """Give a path to write to, which becomes ``path`` if the block ends without an error.

    Args:
        path: The file; its folder is made if absent. One that is there stays until then.
        beside: Folder of the part, on the same disk; None takes the file's own.

    Raises:
        OSError: It cannot be written; ``filename`` is ``path``, also where Python names none (a
            full disk).
    """
    path = Path(path)
    part = Path(beside or path.parent) / f'{path.name}.{uuid4().hex}.part'
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        with contextlib.suppress(OSError):  # a read-only disk, where there is none
            part.unlink(missing_ok=True)


def remove_parts(folder: str | Path, age: float = 0.0) -> None:
    """Remove what killed processes left half-written in ``folder``, not below it.

    Args:
        age: Seconds for which nothing was written to them, where other processes may be writing.
    """
    for part in Path(folder).glob('*.part'):
        with contextlib.suppress(OSError):  # another process was faster, or the disk is read-only
            if PART.fullmatch(part.name) and part.stat().st_mtime <= time.time() - age:
                part.unlink()


def write_rows(path: Path, rows: Sequence[tuple[str, ...]]) -> None:
    """A row a line, tabs between; what is in a row breaks no line and holds no tab."""
    with whole_file(path) as part:
        text = ''.join('\t'.join(map(printable, row)) + '\n' for row in rows)
        part.write_text(text, encoding='utf-8')
