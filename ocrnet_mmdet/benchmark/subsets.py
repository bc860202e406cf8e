"""Subsets of a COCO JSON: splits drawn by seed, reproducible from the JSON alone."""
import json
import random
from collections import Counter
from pathlib import Path


def split_images(data: dict, count: int, seed: int) -> tuple[dict, dict]:
    """A JSON's content with ``count`` pictures drawn by ``seed``, and with all others."""
    ids = sorted(image['id'] for image in data['images'])
    chosen = set(random.Random(seed).sample(ids, count))
    return _keep(data, chosen), _keep(data, set(ids) - chosen)


def _keep(data: dict, ids: set) -> dict:
    return dict(data, images=[i for i in data['images'] if i['id'] in ids],
                annotations=[a for a in data['annotations'] if a['image_id'] in ids])


def small_pictures(data: dict, longest_side: int, objects: int) -> dict:
    """The part of a JSON with pictures of at most that size (pixels) and that many objects."""
    counts = Counter(a['image_id'] for a in data['annotations'])
    return _keep(data, {image['id'] for image in data['images']
                        if max(image['width'], image['height']) <= longest_side
                        and 0 < counts[image['id']] <= objects})


def write_json(data: dict, path: Path) -> str:
    """Write and return the absolute path, which a config takes in place of one below ``data_root``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return str(path.resolve())
