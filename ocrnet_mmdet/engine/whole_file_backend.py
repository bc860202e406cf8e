"""mmengine's backend of local files, made to write whole files or none."""

from __future__ import annotations

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from ..whole_file import whole_file


@register_backend('ocrnet_whole_file')
class WholeFileBackend(LocalBackend):
    """Local files that are whole or absent."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a whole file or none.

        Raises:
            OSError: It cannot be written; a file that was there stays.
        """
        with whole_file(filepath) as part:
            part.write_bytes(obj)
