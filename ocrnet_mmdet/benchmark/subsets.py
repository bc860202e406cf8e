"""Subsets of a COCO JSON: splits drawn by seed, reproducible from the JSON alone."""
import json
import random
from pathlib import Path


def split_images(ann_file: Path, count: int, seed: int) -> tuple[dict, dict]:
    """The JSON with ``count`` pictures drawn by ``seed``, and the JSON with all others."""
    data = json.loads(ann_file.read_text())
    ids = sorted(image['id'] for image in data['images'])
    chosen = set(random.Random(seed).sample(ids, count))
    return _keep(data, chosen), _keep(data, set(ids) - chosen)


def _keep(data: dict, ids: set) -> dict:
    return dict(data, images=[i for i in data['images'] if i['id'] in ids],
                annotations=[a for a in data['annotations'] if a['image_id'] in ids])


def write_json(data: dict, path: Path) -> str:
    """Write and return the absolute path, which a config takes in place of one below ``data_root``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return str(path.resolve())
