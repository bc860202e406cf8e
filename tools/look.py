"""See what the model sees: each command draws one contact sheet, a PNG. docs/look.md shows them.

    python tools/look.py regions PICTURES...                 what is discovered without labels
    python tools/look.py batch CONFIG                        what a training sees
    python tools/look.py candidates CHECKPOINT PICTURES...   the region head's, level by level
    python tools/look.py attention CHECKPOINT PICTURE        where a detection's region looked
    python tools/look.py neighbours CHECKPOINT PICTURE DIR   what it takes a detection to be like
    python tools/look.py errors CHECKPOINT [LABELS.json]     its mistakes, the worst pictures first

CHECKPOINT is a file that tools/train.py wrote, or a work folder, whose last one is taken.
"""

import argparse
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ocrnet_mmdet  # noqa: E402, F401
from ocrnet_mmdet.cli import count, one_line_errors  # noqa: E402
from ocrnet_mmdet.evaluation.matching import SCORE  # noqa: E402
from ocrnet_mmdet.look.attention_sheet import draw_attention  # noqa: E402
from ocrnet_mmdet.look.batch import draw_batch  # noqa: E402
from ocrnet_mmdet.look.candidates import draw_candidates  # noqa: E402
from ocrnet_mmdet.look.error_sheet import draw_errors  # noqa: E402
from ocrnet_mmdet.look.neighbours import draw_neighbours  # noqa: E402
from ocrnet_mmdet.look.regions import draw_regions  # noqa: E402
from ocrnet_mmdet.look.sheet import check_png, save  # noqa: E402


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest='command', required=True)

    def command(name: str, draw, most: int | None = None, of: str = '') -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=draw.__doc__.splitlines()[0])
        one.set_defaults(draw=draw)
        one.add_argument('--out', type=Path, default=f'{name}.png', help=f'default: {name}.png')
        if most:
            one.add_argument('--most', type=count, default=most, help=f'{of}, default: {most}')
        return one

    of_folders = 'pictures of a folder, spread over it evenly'
    one = command('regions', draw_regions, 12, of_folders)
    one.add_argument('named', nargs='+', metavar='PICTURES', help='pictures, folders of them')
    one.add_argument('--config', type=Path, help='of a pretraining, whose settings are taken')
    one.add_argument('--count', type=count, default=30, help='regions of a picture, default: 30')

    one = command('batch', draw_batch, 16, 'pictures that are drawn')
    one.add_argument('config', type=Path, metavar='CONFIG', help='of a training, or a pretraining')

    one = command('candidates', draw_candidates, 4, of_folders)
    one.add_argument('checkpoint', metavar='CHECKPOINT')
    one.add_argument('named', nargs='+', metavar='PICTURES', help='pictures, folders of them')
    one.add_argument('--score', type=float, default=0.1, help='least of a candidate, default: 0.1')

    one = command('attention', draw_attention)
    one.add_argument('checkpoint', metavar='CHECKPOINT')
    one.add_argument('picture', metavar='PICTURE')
    one.add_argument('--detection', type=int, default=0, help='its number, default: 0, the best')

    one = command('neighbours', draw_neighbours, 100, of_folders)
    one.add_argument('checkpoint', metavar='CHECKPOINT')
    one.add_argument('picture', metavar='PICTURE')
    one.add_argument('folder', metavar='DIR', help='pictures among which neighbours are sought')
    one.add_argument('--detection', type=int, help='one by its number; default: the best six')

    one = command('errors', draw_errors, 12, 'pictures that are drawn')
    one.add_argument('checkpoint', metavar='CHECKPOINT')
    one.add_argument(
        'labels', nargs='?', metavar='LABELS.json', help="COCO JSON; default: the config's val data"
    )
    one.add_argument('--pictures', help='folder of the labelled pictures')
    text = f'least of a detection that counts, default: {SCORE}'
    one.add_argument('--score', type=float, default=SCORE, help=text)
    return parser.parse_args()


def main() -> None:
    args = vars(parse_args())
    command, draw, out = (args.pop(key) for key in ('command', 'draw', 'out'))
    check_png(Path(out))
    image, lines = draw(**args)
    save(image, Path(out))
    print(*lines, f'{command}: {out}', sep='\n')


if __name__ == '__main__':
    warnings.filterwarnings('ignore', message='torch.meshgrid')  # nobody can act on it
    with one_line_errors():
        main()
