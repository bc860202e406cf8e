"""Find objects in pictures: python tools/predict.py CHECKPOINT PICTURES... --out FOLDER
[--format coco csv labelme yolo] [--suggest 20 [--labelled labels.json]]

With --suggest: which pictures to label next, and what was found in them as labels to correct.
The same command goes on where a call was stopped. Exit status: 0, 1 where a picture could not be
read, 2 where nothing was done.
"""

import argparse
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ocrnet_mmdet.cli import one_line_errors  # noqa: E402
from ocrnet_mmdet.errors import InputError  # noqa: E402
from ocrnet_mmdet.predict import Predictor  # noqa: E402
from ocrnet_mmdet.predict.formats import FORMATS  # noqa: E402
from ocrnet_mmdet.predict.run import predict  # noqa: E402


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('checkpoint', help='.pth file of a training, or its work folder')
    parser.add_argument(
        'inputs',
        nargs='+',
        metavar='INPUT',
        help='pictures, folders, .txt lists of paths, globs in quotes, videos',
    )
    parser.add_argument('--out', required=True, type=Path, help='folder for all results')
    parser.add_argument(
        '--format', nargs='+', choices=sorted(FORMATS), default=[], help='files beside drawings'
    )
    parser.add_argument('--no-drawings', dest='drawings', action='store_false')
    parser.add_argument('--score', type=float, default=0.3, help='least score of an object')
    parser.add_argument('--top', type=int, help='objects of a picture at most, the best')
    parser.add_argument('--device', help='cpu, cuda:1 ...; a GPU where there is one')
    parser.add_argument('--batch', type=int, default=1, help='pictures that go through at once')
    parser.add_argument(
        '--tile',
        type=int,
        help='side in pixels of the tiles that larger pictures are cut into; 0 cuts none; without '
        'it the longest side of those that the checkpoint was trained on',
    )
    parser.add_argument(
        '--overlap', type=float, default=0.25, help="of neighbouring tiles, share of a tile's side"
    )
    parser.add_argument(
        '--suggest',
        type=int,
        metavar='COUNT',
        help='name the pictures whose labels would help most, with drafts (LabelMe and COCO where '
        'no --format is given); nothing is drawn',
    )
    parser.add_argument(
        '--labelled',
        type=Path,
        help='labels of pictures that --suggest leaves out, in any format, or their folder',
    )
    parser.add_argument('--config', help='for a checkpoint that carries none')
    return parser.parse_args()


def run(
    suggest: int | None,
    labelled: Path | None,
    inputs: list[str],
    out: Path,
    format: list[str],
    drawings: bool,
    **args,
) -> int:
    """Predict, or suggest; how many pictures could not be read."""
    if suggest is None:
        if labelled is not None:
            raise InputError('--labelled is for --suggest COUNT: give both')
        return predict(Predictor(**args), inputs, out, format, drawings)
    from ocrnet_mmdet.suggest.run import DRAFTS
    from ocrnet_mmdet.suggest.run import suggest as name_pictures
    from ocrnet_mmdet.suggest.unsure import LEAST

    score = args['score']
    predictor = Predictor(**args | dict(score=min(score, LEAST)))
    return name_pictures(predictor, inputs, out, suggest, score, labelled, format or DRAFTS)


if __name__ == '__main__':
    warnings.filterwarnings('ignore', message='torch.meshgrid')  # nobody can act on it
    with one_line_errors():
        failed = run(**vars(parse_args()))
    sys.exit(bool(failed))
