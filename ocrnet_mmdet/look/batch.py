"""The first batch of a training, as the network sees it.

Shape shorthand: B pictures of a batch, two views of each in a pretraining.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import get_box_tensor
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from mmengine.structures import InstanceData
from torch import Tensor

from ..canvas import PALETTE, Colour, draw_box, enlarged, legible, tag_all
from ..config_tree import datasets_of
from ..datasets.check_config import check_config
from ..errors import InputError
from .sheet import SIDE, captioned, contact_sheet

IGNORED: Colour = (190, 190, 190)
SHARED = 6  # regions of a picture's two views that are drawn: as many as there are colours
SEGMENT, SHADE = "segment that the masks' term reads", (200, 200, 200)


def draw_batch(config: Path, most: int) -> tuple[np.ndarray, list[str]]:
    """A sheet of the first batch's pictures with their boxes and masks, and a line on its values.

    Args:
        most: Pictures that are drawn.

    Raises:
        InputError: The config has no training data, or its data is absent or damaged.
    """
    cfg = read_config(config)
    inputs, samples, views = first_batch(cfg)
    colours = cfg.model.get('detector', cfg.model).data_preprocessor  # of a pretraining too
    data = MODELS.build(colours)(dict(inputs=inputs, data_samples=samples), True)
    samples = data['data_samples']
    classes = (next(datasets_of(cfg.train_dataloader)).get('metainfo') or {}).get('classes', ())
    pictures = shown_pictures(data['inputs'], colours)
    half = len(samples) // 2
    if views == 2:  # both views of a picture side by side
        pictures = [one for pair in zip(pictures[:half], pictures[half:]) for one in pair]
        samples = [one for pair in zip(samples[:half], samples[half:]) for one in pair]
        panels = [
            draw_view(picture, sample, shared_ids(samples[i - i % 2], samples[i - i % 2 + 1]))
            for i, (picture, sample) in enumerate(zip(pictures[:most], samples))
        ]
    else:
        panels = [draw_sample(*pair, classes) for pair in zip(pictures[:most], samples)]
    values = said_values(data['inputs'])
    title = (
        f'First training batch of {config}: {len(inputs) // views} pictures, as the network gets '
        f'them. {values}'
    )
    if views == 2:
        title += (
            f'. Two views of each picture: the best {SHARED} regions that both show, the same '
            'region in the same colour'
        )
        return contact_sheet(panels, title, {SEGMENT: SHADE}, 4), [values]
    return contact_sheet(panels, title, _legend(samples, classes)), [values]


def _legend(samples: Sequence[DetDataSample], classes: Sequence[str]) -> dict[str, Colour]:
    labels = sorted({int(i) for sample in samples for i in sample.gt_instances.labels})
    legend = {_name(i, classes): PALETTE[i % len(PALETTE)] for i in labels}
    if any(len(sample.get('ignored_instances', ())) for sample in samples):
        legend['ignored'] = IGNORED
    return legend


def read_config(path: Path) -> Config:
    """A training's config, its training data checked as a training checks it.

    Raises:
        InputError: It is absent, has no training data, or the data is absent or damaged.
    """
    if not path.is_file():
        raise InputError(f'config {path} does not exist: name a file of configs/, or your own')
    cfg = Config.fromfile(path)
    if not cfg.get('train_dataloader'):
        raise InputError(f'{path} has no train_dataloader: name the config of a training')
    init_default_scope(cfg.get('default_scope') or 'mmdet')
    # what a batch is not made of need not be there
    for name in ('val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator'):
        cfg[name] = None
    check_config(cfg)
    return cfg


def first_batch(cfg: Config) -> tuple[list[Tensor], list[DetDataSample], int]:
    """Pictures (3, H, W) and samples of the first batch, and how many views a picture has.

    With OCRNet's samplers and ``OCRNetSeedDraw`` it is the one that a training with the config's
    seed begins with; else one like it. Of two views all first ones stand before all second ones.
    """
    loader = copy.deepcopy(cfg.train_dataloader)
    loader.update(num_workers=0, persistent_workers=False)
    loader.pop('prefetch_factor', None)
    seed = (cfg.get('randomness') or {}).get('seed') or 0
    set_random_seed(seed)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells of its progress
        data = next(iter(Runner.build_dataloader(loader, seed=seed)))
    inputs, samples = data['inputs'], data['data_samples']
    if isinstance(inputs[0], Tensor):
        return list(inputs), list(samples), 1
    return [one for view in inputs for one in view], [s for view in samples for s in view], 2


def shown_pictures(inputs: Tensor, colours: ConfigDict) -> list[np.ndarray]:
    """What the network gets (B, 3, H, W) back as 0 to 255 and BGR, padding included.

    Args:
        colours: The data preprocessor's config, whose normalisation is undone.
    """
    pictures = inputs.float().cpu()
    if colours.get('mean') is not None:
        std, mean = (pictures.new_tensor(colours[key]).view(-1, 1, 1) for key in ('std', 'mean'))
        pictures = pictures * std + mean
    pixels = pictures.round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    if colours.get('bgr_to_rgb') or colours.get('rgb_to_bgr'):
        pixels = pixels[..., ::-1]
    return [np.ascontiguousarray(picture) for picture in pixels]


def said_values(inputs: Tensor) -> str:
    """One line on the values that the network gets."""
    means, spreads = (
        ', '.join(f'{value:.2f}' for value in values.tolist())
        for values in (inputs.mean((0, 2, 3)), inputs.std((0, 2, 3)))
    )
    return (
        f'Values of the channels: mean {means}, deviation {spreads} (photographs give about 0 and '
        '1), padding included'
    )


def draw_sample(image: np.ndarray, sample: DetDataSample, classes: Sequence[str]) -> np.ndarray:
    """A panel of a fine-tuning: the picture with masks, boxes and classes under a caption."""
    canvas, factor = enlarged(image, SIDE)
    truth = sample.gt_instances
    colours = [PALETTE[int(label) % len(PALETTE)] for label in truth.labels]
    for mask, colour in zip(_masks(truth, *image.shape[:2]), colours):
        _tint(canvas, mask, colour)
    if 'ignored_instances' in sample:
        for box in get_box_tensor(sample.ignored_instances.bboxes).cpu().numpy():
            draw_box(canvas, box * factor, IGNORED, 2, dashed=True)
    boxes = get_box_tensor(truth.bboxes).cpu().numpy() * factor
    for box, colour in zip(boxes, colours):
        draw_box(canvas, box, colour)
    if len(classes) != 1:  # one class is in the legend
        tag_all(canvas, boxes, [_name(int(label), classes) for label in truth.labels], colours)
    return captioned(canvas, said_sample(sample, image.shape[:2]))


def shared_ids(first: DetDataSample, second: DetDataSample) -> list[int]:
    """The best ``SHARED`` regions that two views of a picture both show."""
    ids = [set(sample.gt_instances.ids.tolist()) for sample in (first, second)]
    return sorted(ids[0] & ids[1])[:SHARED]


def draw_view(image: np.ndarray, sample: DetDataSample, ids: list[int]) -> np.ndarray:
    """A panel of a pretraining: a view with its segments, and its regions of ``ids``."""
    canvas, factor = enlarged(image, SIDE)
    for mask in _masks(sample.segments, *image.shape[:2]):
        _tint(canvas, mask, SHADE)
    regions = sample.gt_instances
    for box, i in zip(regions.bboxes.cpu().numpy() * factor, regions.ids.tolist()):
        if i in ids:
            draw_box(canvas, box, PALETTE[ids.index(i)], 3)
    return captioned(canvas, said_sample(sample, image.shape[:2]))


def said_sample(sample: DetDataSample, size: tuple[int, int]) -> str:
    """File, size, scale, flip and objects of a sample in a padded picture of ``size``."""
    meta, count = sample.metainfo, len(sample.gt_instances)
    height, width = meta['img_shape'][:2]
    parts = [Path(str(meta.get('img_path', ''))).name, f'{width} x {height} px']
    if tuple(size) != (height, width):
        parts.append(f'padded to {size[1]} x {size[0]}')
    view = meta.get('view')
    scale = meta.get('scale_factor') if view is None else np.abs(view.scale)
    if scale is not None:
        parts.append(f'scale {float(np.mean(scale)):.2f}')
    if meta.get('flip') or view is not None and (np.asarray(view.scale) < 0).any():
        parts.append('flipped')
    sides = get_box_tensor(sample.gt_instances.bboxes).float()
    sides = (sides[:, 2:] - sides[:, :2]).clamp(min=0).prod(1).sqrt()
    kind = 'objects' if view is None else 'regions'
    parts.append(
        f'{count} {kind} of {sides.min():.0f} to {sides.max():.0f} px' if count else f'no {kind}'
    )
    return ', '.join(parts)


def _name(label: int, classes: Sequence[str]) -> str:
    return legible(classes[label], label) if classes else f'class {label}'


def _masks(instances: InstanceData, height: int, width: int) -> np.ndarray:
    """(N, H, W) uint8 at the padded picture's size; none where there are no masks."""
    masks = instances.get('masks')
    if masks is None or not len(masks):
        return np.zeros((0, height, width), np.uint8)
    array = masks.to_ndarray() if hasattr(masks, 'to_ndarray') else np.asarray(masks)
    room = ((0, 0), (0, height - array.shape[1]), (0, width - array.shape[2]))
    return np.pad(array.astype(np.uint8), room)


def _tint(canvas: np.ndarray, mask: np.ndarray, colour: Colour) -> None:
    """Mix a colour into the pixels of a mask of any size, in place."""
    covered = cv2.resize(mask, canvas.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    canvas[covered] = (0.55 * canvas[covered] + 0.45 * np.array(colour)).astype(np.uint8)
