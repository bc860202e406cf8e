"""One generated picture: textured objects of five shapes among distractors.

H W is the picture's side in pixels. Points are continuous xy coordinates in pixels of the picture
(pixel j covers [j, j + 1)), colours BGR in 0..255. A cover is the share, 0..1, of every pixel (H W)
that a shape hides.

Only the outline names the class. Colour is a hint that errs: objects are more colourful than ground
and distractors, and each class has a hue of its own from which single objects stray far.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import cv2
import numpy as np

CLASSES = ('star', 'ring', 'cross', 'leaf', 'crescent')
MIN_VISIBLE = 0.35  # share of the whole outline, what lies outside the picture included
MIN_AREA = 25  # visible pixels; below, five shapes cannot be told apart by eye
HUE_SPREAD = 0.12  # s.d. in turns, where neighbouring classes are 0.2 apart
SUBPIXELS = 4  # covers are exact to 1 / 4 pixel

Contours = list[np.ndarray]


@dataclass
class SceneObject:
    """A labelled object: ``label`` indexes CLASSES, ``mask`` is what is seen of it, (H, W) bool."""

    label: int
    mask: np.ndarray


def _circle(radius: float = 1.0, start: float = 0.0, stop: float = 2 * np.pi) -> np.ndarray:
    angles = np.linspace(start, stop, 48, endpoint=stop - start < 6.28)
    return radius * np.stack([np.cos(angles), np.sin(angles)], 1)


def _star(rng: np.random.Generator) -> Contours:
    points = int(rng.integers(5, 7))
    radii = np.where(np.arange(2 * points) % 2, rng.uniform(0.38, 0.5), 1.0)
    angles = np.arange(2 * points) * np.pi / points
    return [radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)]


def _ring(rng: np.random.Generator) -> Contours:
    return [_circle(), _circle(rng.uniform(0.45, 0.65))]


def _cross(rng: np.random.Generator) -> Contours:
    a = rng.uniform(0.2, 0.34)
    quarter = np.array([(1, -a), (1, a), (a, a)])
    turn = np.array([(0, 1), (-1, 0)])  # row vectors, 90 degrees
    return [np.concatenate([quarter @ np.linalg.matrix_power(turn, k) for k in range(4)])]


def _leaf(rng: np.random.Generator) -> Contours:
    x = np.linspace(-1, 1, 24)
    y = rng.uniform(0.4, 0.6) * (1 - x**2)
    stem = np.array([(1.35, 0.06), (1.35, -0.06)])
    upper, lower = np.stack([x, y], 1), np.stack([x, -y], 1)
    return [np.concatenate([upper[:-1], stem, lower[-2:0:-1]])]


def _crescent(rng: np.random.Generator) -> Contours:
    """The unit disc less a disc of ``radius`` whose centre lies ``shift`` to the right."""
    radius, shift = rng.uniform(0.75, 0.88), rng.uniform(0.4, 0.52)
    tip = np.arccos((1 - radius**2 + shift**2) / (2 * shift))
    inner_tip = np.arctan2(np.sin(tip), np.cos(tip) - shift)
    outer = _circle(1.0, tip, 2 * np.pi - tip)
    inner = _circle(radius, inner_tip, 2 * np.pi - inner_tip) + (shift, 0)
    return [np.concatenate([outer, inner[::-1][1:-1]])]


def _distractor(rng: np.random.Generator) -> Contours:
    """What is no object: a disc, box, bar, triangle, half disc or blob."""
    kind = int(rng.integers(6))
    if kind == 0:
        return [_circle()]
    if kind in (1, 2):
        h = rng.uniform(0.5, 1) if kind == 1 else rng.uniform(0.08, 0.25)
        return [np.array([(-1, -h), (1, -h), (1, h), (-1, h)])]
    if kind == 3:
        return [np.array([(1, 0), (-0.7, 0.8), (-0.7, rng.uniform(-1, 0))])]
    if kind == 4:
        return [_circle(1.0, 0, np.pi)]
    circle = _circle()
    angles = np.arctan2(circle[:, 1], circle[:, 0])
    waves = sum(
        rng.uniform(0, 0.5 / k) * np.cos(k * angles + rng.uniform(0, 6.28)) for k in (2, 3, 4)
    )
    return [circle * (1 + waves)[:, None]]


OUTLINES = (_star, _ring, _cross, _leaf, _crescent)


def _place(contours: Contours, side: float, size: int, rng: np.random.Generator) -> Contours:
    """Turn, squeeze and shear an outline; its longer box side becomes ``side``, its centre random.

    Returns:
        Contours in pixels. The centre lies anywhere in the picture, so the rim may cut the shape.
    """
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    squeeze = np.array([(1, rng.uniform(-0.25, 0.25)), (0, rng.uniform(0.75, 1))])
    contours = [c @ squeeze @ turn for c in contours]
    low, high = contours[0].min(0), contours[0].max(0)
    centre = rng.uniform(0.02, 0.98, 2) * size
    return [(c - (low + high) / 2) * side / (high - low).max() + centre for c in contours]


def _cover(contours: Contours, size: int) -> np.ndarray:
    """Share of every pixel inside an outline, even-odd rule; (size, size) float32."""
    fine = np.zeros((size * SUBPIXELS,) * 2, np.uint8)
    # fillPoly's integers are centres of the fine pixels; 4 further bits keep the outline smooth
    points = [np.round((c * SUBPIXELS - 0.5) * 16).astype(np.int32) for c in contours]
    cv2.fillPoly(fine, points, 255, shift=4)
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _area(contours: Contours) -> float:
    outer, *holes = (cv2.contourArea(c.astype(np.float32)) for c in contours)
    return outer - sum(holes)


def _noise(shape: tuple[int, int], cell: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise in 0..1 whose spots are about ``cell`` pixels wide, (H, W)."""
    grid = rng.random([max(2, round(n / cell)) + 1 for n in shape], dtype=np.float32)
    return np.clip(cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)


def _pattern(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A grey pattern in 0..1: cloud, nearly plain, stripes, checks or dots; (H, W)."""
    kind = int(rng.integers(5))
    cloud = 0.6 * _noise(shape, rng.uniform(6, 30), rng) + 0.4 * _noise(shape, 3, rng)
    if kind < 2:
        return cloud if kind else 0.3 * cloud
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 16)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32) * np.float32(2 * np.pi / period)
    bend = rng.uniform(0, 2) * _noise(shape, 25, rng)
    u = np.sin(np.cos(angle) * x + np.sin(angle) * y + bend)
    v = np.sin(np.cos(angle) * y - np.sin(angle) * x + bend)
    wave = (u, np.sign(u * v), 2 * (u + v > 0.9) - 1.0)[kind - 2]
    return (0.5 + 0.5 * wave) * 0.75 + 0.25 * cloud


def _colour(rng: np.random.Generator, label: int = -1) -> np.ndarray:
    """A BGR colour: of an object of the class, or greyish of any brightness (-1)."""
    if label < 0:
        return rng.uniform(20, 235) + rng.uniform(0.1, 0.5) * rng.uniform(-110, 110, 3)
    hue = (label / len(CLASSES) + rng.normal(0, HUE_SPREAD)) % 1
    rgb = colorsys.hsv_to_rgb(hue, rng.uniform(0.4, 0.9), rng.uniform(0.35, 1))
    return 255 * np.array(rgb[::-1])


def _texture(
    shape: tuple[int, int],
    rng: np.random.Generator,
    contrast: tuple[float, float],
    away_from: np.ndarray | None = None,
    label: int = -1,
) -> np.ndarray:
    """A pattern between two random colours, (H, W, 3) float32.

    Args:
        shape: H and W in pixels.
        contrast: Range of the distance between the two colours in BGR.
        away_from: A BGR colour that the texture's keeps 90 away from, where 8 draws find one
            that does: nearer ones could not be told from their ground by eye.
        label: The object's class, -1 for anything else.
    """
    for _ in range(8):
        colour = _colour(rng, label)
        if away_from is None or np.linalg.norm(colour - away_from) > 90:
            break
    step = rng.normal(size=3)
    step *= rng.uniform(*contrast) / np.linalg.norm(step)
    pattern = _pattern(shape, rng) - 0.5
    return (colour + pattern[..., None] * step).astype(np.float32)


def _ground(size: int, rng: np.random.Generator) -> np.ndarray:
    """Two to five textured fields with ragged borders, crossed by lines; (H, W, 3) float32."""
    shape = (size, size)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    x = x + 30 * (_noise(shape, 20, rng) - 0.5)
    y = y + 30 * (_noise(shape, 20, rng) - 0.5)
    seeds = rng.uniform(0, size, (int(rng.integers(2, 6)), 2))
    nearest = np.argmin([(x - sx) ** 2 + (y - sy) ** 2 for sx, sy in seeds], 0)
    ground = np.zeros((size, size, 3), np.float32)
    for field in range(len(seeds)):
        ground[nearest == field] = _texture(shape, rng, (15, 60))[nearest == field]
    for _ in range(int(rng.integers(0, 4))):
        start, bends = rng.uniform(0, size, 2), rng.normal(0, size / 8, (8, 2))
        points = np.round((start + bends.cumsum(0)) * 16).astype(np.int32)
        cv2.polylines(
            ground, [points], False, _colour(rng).tolist(), int(rng.integers(1, 4)), cv2.LINE_AA, 4
        )
    return ground


def _window(cover: np.ndarray, margin: int = 8) -> tuple[slice, slice]:
    """The rows and columns that a shape and its shadow touch."""
    spans = (np.flatnonzero(cover.any(axis)) for axis in (1, 0))
    return tuple(slice(max(0, span[0] - margin), span[-1] + 1 + margin) for span in spans)


def _paint(canvas: np.ndarray, cover: np.ndarray, label: int, rng: np.random.Generator) -> None:
    """Lay one textured, shaded shape with a drop shadow on the canvas (H, W, 3), in place."""
    window = _window(cover)
    canvas, cover = canvas[window], cover[window]
    shape = cover.shape
    shadow = cv2.GaussianBlur(cover, (0, 0), rng.uniform(1, 3))
    shift = np.float32([(1, 0, rng.uniform(-3, 3)), (0, 1, rng.uniform(-3, 3))])
    shadow = cv2.warpAffine(shadow, shift, shape[::-1])
    canvas *= 1 - rng.uniform(0, 0.45) * shadow[..., None]
    covered = (canvas * cover[..., None]).sum((0, 1)) / cover.sum()
    texture = _texture(shape, rng, (20, 90), away_from=covered, label=label)
    rim = 1 - cv2.GaussianBlur(cover, (0, 0), rng.uniform(0.8, 2))
    y, x = (np.mgrid[: shape[0], : shape[1]] / max(shape) - 0.5).astype(np.float32)
    light = 1 + rng.uniform(-0.5, 0.5) * x + rng.uniform(-0.5, 0.5) * y
    light = light * (1 - rng.uniform(-0.4, 0.9) * rim)
    canvas += (texture * light[..., None] - canvas) * cover[..., None]


def _camera(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Uneven light, defocus, sensor noise; (H, W, 3) uint8."""
    shape = canvas.shape[:2]
    canvas = canvas * (0.65 + 0.6 * _noise(shape, shape[0] / 2, rng))[..., None]
    canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 1.0))
    canvas = canvas + rng.normal(0, rng.uniform(1, 6), canvas.shape)
    return np.clip(np.round(canvas), 0, 255).astype(np.uint8)


def draw_scene(size: int, rng: np.random.Generator) -> tuple[np.ndarray, list[SceneObject]]:
    """Draw one picture.

    Shapes are placed from the front to the back, two to nine objects and up to four
    distractors in random order. An object of which less than MIN_VISIBLE or MIN_AREA would be
    seen is not drawn at all, so that every object in the picture has its label. Sizes follow a
    power law p(s) ~ 1 / s (each octave equally often) from size / 16 to size / 1.6 pixels.

    Args:
        size: Side of the square picture in pixels.
        rng: Source of all its randomness.

    Returns:
        The picture, (size, size, 3) uint8 BGR, and its objects, the front one first.
    """
    labels = list(rng.integers(0, len(CLASSES), rng.integers(2, 10)))
    labels += [-1] * int(rng.integers(0, 5))
    rng.shuffle(labels)
    hidden = np.zeros((size, size), np.float32)
    covers, objects = [], []  # covers with their labels
    for label in labels:
        side = size / 16 * 10 ** rng.random()
        outline = OUTLINES[label](rng) if label >= 0 else _distractor(rng)
        outline = _place(outline, side, size, rng)
        cover = _cover(outline, size)
        found = SceneObject(int(label), cover * (1 - hidden) > 0.5)
        if label >= 0:
            if found.mask.sum() < max(MIN_AREA, MIN_VISIBLE * _area(outline)):
                continue
            objects.append(found)
        if cover.any():
            covers.append((cover, int(label)))
        hidden = np.maximum(hidden, cover)
    canvas = _ground(size, rng)
    for cover, label in reversed(covers):
        _paint(canvas, cover, label, rng)
    return _camera(canvas, rng), objects
