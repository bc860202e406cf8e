"""Write the generated demo set: python tools/make_demo_set.py data/demo"""

import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))

from demo.data_set import make_demo_set  # noqa: E402
from ocrnet_mmdet.errors import InputError  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', help='folder to write; a finished set of the same settings is kept')
    parser.add_argument('--train', type=int, default=400, help='pictures with labels to train on')
    parser.add_argument('--val', type=int, default=100, help='pictures with labels to score on')
    parser.add_argument('--unlabelled', type=int, default=600, help='pictures without labels')
    parser.add_argument('--size', type=int, default=160, help='side of a picture in pixels')
    parser.add_argument('--seed', type=int, default=0)
    settings = vars(parser.parse_args())
    try:
        make_demo_set(**settings)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    print(f'demo set: {os.path.abspath(settings["out"])}')


if __name__ == '__main__':
    main()
