"""Detect objects with a file that tools/export.py wrote: python run.py model.onnx PICTURES/

It needs numpy, cv2 and onnxruntime alone, so that this one file and the .onnx file are all that a
machine without torch is given. It prints a line of JSON for each picture, boxes xyxy in its pixels.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime


class Detector:
    """An exported detector.

    Args:
        path: The ``.onnx`` file.
        threads: Of onnxruntime; 0 takes all cores.

    Attributes:
        classes (list[str]): Names by label.
        scale (list[int]): Longest and shortest side to which a picture is resized at most.
    """

    def __init__(self, path: str | Path, threads: int = 0) -> None:
        if not Path(path).is_file():
            raise SystemExit(
                f'error: {path} does not exist: name a file that tools/export.py wrote'
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), options)
        about = self.session.get_modelmeta().custom_metadata_map
        self.classes = json.loads(about['classes'])
        self.scale = json.loads(about['scale'])
        self.mask_threshold = json.loads(about['mask_threshold'])

    def __call__(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """What is in a picture (H, W, 3) uint8 BGR, best first.

        Returns:
            boxes (D, 4) xyxy in pixels of the picture, scores (D,), labels (D,); of a detector with
            masks also masks (D, H, W) bool.
        """
        inputs = resized(picture, self.scale)
        names = [output.name for output in self.session.get_outputs()]
        found = dict(zip(names, self.session.run(None, dict(picture=inputs))))
        (height, width), (inner_height, inner_width) = picture.shape[:2], inputs.shape[2:]
        factor = np.array([inner_width / width, inner_height / height], np.float32)
        found['boxes'] = found['boxes'] / np.tile(factor, 2)
        if 'masks' in found:
            masks = np.zeros((len(found['masks']), height, width), bool)
            for whole, mask, box in zip(masks, found['masks'], found['boxes']):
                place, values = pasted(mask, box, height, width)
                whole[place] = values >= self.mask_threshold
            found['masks'] = masks
        return found


def resized(picture: np.ndarray, scale: list[int]) -> np.ndarray:
    """A picture (H, W, 3) as the network takes it, (1, 3, H', W'), its sides within ``scale``."""
    height, width = picture.shape[:2]
    long, short = max(scale), min(scale)
    factor = min(long / max(height, width), short / min(height, width))
    size = max(1, int(width * factor + 0.5)), max(1, int(height * factor + 0.5))
    return cv2.resize(picture, size).transpose(2, 0, 1)[None]


def pasted(
    mask: np.ndarray, box: np.ndarray, height: int, width: int
) -> tuple[tuple[slice, slice], np.ndarray]:
    """The place of a box in a picture, and there probabilities (S, S) over it, read bilinearly."""
    cells = np.arange(len(mask)) + 0.5
    place, shares = [], []
    for side, start, end in ((height, box[1], box[3]), (width, box[0], box[2])):
        pixels = np.arange(max(0, int(start) - 1), min(side, int(end) + 2))
        place.append(slice(pixels[0], pixels[-1] + 1))
        at = (pixels[:, None] + 0.5 - start) / max(end - start, 1e-6) * len(mask)
        shares.append(np.clip(1 - abs(at - cells), 0, None))
    return (place[0], place[1]), shares[0] @ mask @ shares[1].T


def draw(picture: np.ndarray, found: dict[str, np.ndarray], classes: list[str]) -> np.ndarray:
    """A copy of the picture with masks, boxes, names and scores, each class in its colour."""
    picture, boxes = picture.copy(), found['boxes'].round().astype(int)
    hues = np.array([[[i * 67 % 180, 200, 150] for i in range(len(classes))]], np.uint8)
    colours = cv2.cvtColor(hues, cv2.COLOR_HSV2BGR)[0][found['labels']].astype(int)
    for mask, colour in zip(found.get('masks', ()), colours):
        picture[mask] = 0.6 * picture[mask] + 0.4 * colour
    side = np.median((boxes[:, 2:] - boxes[:, :2]).max(1)) if len(boxes) else 0
    width = max(1, round(min(max(picture.shape[:2]) / 600, side / 80)))
    for (left, top, right, bottom), colour in zip(boxes, colours):
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), colour.tolist(), width)
    for i in range(len(boxes))[::-1]:  # the best are last, over the others
        label = found['labels'][i]
        name = classes[label] if classes[label].isascii() else f'#{label}'  # OpenCV has ASCII alone
        text = f'{name} {found["scores"][i]:.2f}'
        write(picture, text, boxes[i], colours[i].tolist(), width)
    return picture


def write(picture: np.ndarray, text: str, box: np.ndarray, colour: list[int], width: int) -> None:
    """The text on its box's colour, above the box or in it, unless it would hide the neighbours."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.4 * width
    (w, h), below = cv2.getTextSize(text, font, scale, width)
    x, y = max(0, min(box[0], picture.shape[1] - w)), box[1] - below
    y = y if y >= h else box[1] + h + below
    if w <= 1.6 * (box[2] - box[0]) + 8:
        cv2.rectangle(picture, (x, y - h - 1), (x + w, y + below - 1), colour, -1)
        cv2.putText(picture, text, (x, y), font, scale, (255, 255, 255), width, cv2.LINE_AA)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('model', help='.onnx file')
    parser.add_argument('pictures', type=Path, help='a picture, or a folder of pictures')
    parser.add_argument('--score', type=float, default=0.3, help='least score that is shown')
    parser.add_argument('--draw', type=Path, help='folder for drawings')
    parser.add_argument('--threads', type=int, default=0, help='0 takes all cores')
    args = parser.parse_args()
    detector = Detector(args.model, args.threads)
    folder = args.pictures.is_dir()
    if args.draw and args.draw.resolve() == args.pictures.resolve():
        raise SystemExit(f'error: --draw is {args.draw}, the folder of the pictures: name another')
    for path in (
        sorted(filter(Path.is_file, args.pictures.iterdir())) if folder else [args.pictures]
    ):
        picture = cv2.imread(str(path))
        if picture is None:
            raise SystemExit(f'error: {path} is no picture that OpenCV reads: take it away')
        found = detector(picture)
        found = {name: values[found['scores'] >= args.score] for name, values in found.items()}
        print(
            json.dumps(
                dict(
                    picture=path.name,
                    boxes=found['boxes'].astype(float).round(1).tolist(),
                    scores=found['scores'].astype(float).round(3).tolist(),
                    classes=[detector.classes[label] for label in found['labels']],
                )
            )
        )
        if args.draw:
            args.draw.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(args.draw / f'{path.name}.png'), draw(picture, found, detector.classes))


if __name__ == '__main__':
    main()
