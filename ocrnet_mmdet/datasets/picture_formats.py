"""Which files are pictures: what Pillow as it is installed reads, and what OpenCV adds to it."""

from __future__ import annotations

from PIL import Image

try:
    import pillow_heif
except ImportError:
    pass  # OPENERS says what is missing
else:
    pillow_heif.register_heif_opener()

# Of what Pillow registers: what it only recognises (stubs, MPEG), only writes (PALM, PDF), opens
# through another program (EPS runs Ghostscript) or as a part of something else (IPTC).
NO_PICTURES = ('BUFR', 'EPS', 'GRIB', 'HDF5', 'IPTC', 'MPEG', 'PALM', 'PDF', 'WMF')

Image.init()
# MPO is opened as JPEG
_KINDS = {
    suffix: kind
    for suffix, kind in Image.registered_extensions().items()
    if kind in (*Image.OPEN, 'MPO') and kind not in NO_PICTURES
}
FORMATS = tuple(sorted({*_KINDS.values()} & {*Image.OPEN}))  # no other content is opened
# OpenCV's Radiance is the one that Pillow lacks. It has OpenEXR switched off, for its defects.
SUFFIXES = tuple(sorted({*_KINDS, '.hdr'}))  # letter case does not count

# Packages that add a format to Pillow, and packages that convert one.
OPENERS = dict.fromkeys(('.heic', '.heif', '.hif'), 'pillow-heif')
CONVERTERS = {
    **dict.fromkeys(('.dcm', '.dicom'), 'pydicom'),
    **dict.fromkeys(('.arw', '.cr2', '.cr3', '.dng', '.nef', '.orf', '.raf', '.rw2'), 'rawpy'),
    **dict.fromkeys(('.mrxs', '.ndpi', '.scn', '.svs'), 'openslide-python'),
    '.exr': 'OpenEXR',
    '.jxl': 'imagecodecs',
    '.svg': 'cairosvg',
}
