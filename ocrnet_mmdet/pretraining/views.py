"""Views of an image and the exact maps between them.

Shape shorthand: H W image, S side of a view, R regions. Boxes are xyxy and continuous: pixel i is
[i, i + 1]. All maps keep the axes, so boxes stay boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

GREY = (0.114, 0.587, 0.299)  # of B, G, R: ITU-R BT.601
MIN_SIDE = 4.0  # of what counts in a view, pixels
ASPECT = 4 / 3  # widest crop; GoogLeNet's training crops, as in torchvision's RandomResizedCrop


@dataclass(frozen=True)
class ViewMap:
    """Point of the image -> point of the view: ``view = image * scale + shift``, each (2,), x
    first.

    A negative scale is a flip.
    """

    scale: np.ndarray
    shift: np.ndarray

    @classmethod
    def of_crop(cls, crop: np.ndarray, side: int, flip: bool) -> ViewMap:
        """The map that shows ``crop`` (4,) xyxy in a view of ``side`` x ``side`` pixels."""
        scale = side / (crop[2:] - crop[:2])
        shift = -crop[:2] * scale
        if flip:
            scale, shift = scale * (-1, 1), np.array((side - shift[0], shift[1]))
        return cls(scale, shift)

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """(R, 4) of the image -> (R, 4) of the view, not clipped."""
        corners = boxes.reshape(-1, 2, 2) * self.scale + self.shift
        return np.concatenate([corners.min(1), corners.max(1)], axis=1)

    def inverse(self) -> ViewMap:
        """View -> image."""
        return ViewMap(1 / self.scale, -self.shift / self.scale)

    def after(self, first: ViewMap) -> ViewMap:
        """The map that does ``first`` and then this one."""
        return ViewMap(self.scale * first.scale, first.shift * self.scale + self.shift)

    def warp(self, image: np.ndarray, side: int, border: int = cv2.BORDER_CONSTANT) -> np.ndarray:
        """Show (H, W) or (H, W, 3) in a view (side, side[, 3]); what lies outside is 0, or as cv2's
        ``border`` says.

        cv2 counts from pixel centres, hence the halves.
        """
        shift = self.shift + 0.5 * self.scale - 0.5
        matrix = np.array([[self.scale[0], 0, shift[0]], [0, self.scale[1], shift[1]]])
        return cv2.warpAffine(
            image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border
        )


def draw_crop(
    rng: np.random.Generator, shape: tuple[int, int], area: tuple[float, float]
) -> np.ndarray:
    """A crop (4,) xyxy inside an image of ``shape`` (H, W) that covers a share in ``area`` of it.

    Its sides' ratio is drawn too, as far as the image's own allows.
    """
    height, width = shape
    pixels = rng.uniform(*area) * height * width
    ratio = np.exp(rng.uniform(-1, 1) * np.log(ASPECT))
    ratio = np.clip(ratio, pixels / height**2, width**2 / pixels)  # both sides fit
    side = np.array((np.sqrt(pixels * ratio), np.sqrt(pixels / ratio))).clip(1e-3, (width, height))
    corner = rng.uniform(0, 1, 2) * (np.array((width, height)) - side)
    return np.concatenate([corner, corner + side])


def inside_share(boxes: np.ndarray, side: float) -> np.ndarray:
    """(R,) the share of each box (R, 4) that lies in a view of ``side`` pixels."""
    clipped = boxes.clip(0, side)
    areas = [(b[:, 2:] - b[:, :2]).prod(1) for b in (clipped, boxes)]
    return areas[0] / np.maximum(areas[1], 1e-9)


def reduce_to(image: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Average pixels of ``image`` so that showing it at ``scale`` (2,) of its size, x first, skips
    none.
    """
    size = np.array(image.shape[1::-1])
    small = np.where(scale < 0.5, np.maximum(1, np.round(2 * scale * size)), size).astype(int)
    return (
        image
        if (small == size).all()
        else cv2.resize(image, small.tolist(), interpolation=cv2.INTER_AREA)
    )


def show(image: np.ndarray, view: ViewMap, side: int) -> np.ndarray:
    """The view (side, side, 3) of an image (H, W, 3) without aliasing; its edge goes on outside of
    it.
    """
    small = reduce_to(image, np.abs(view.scale))
    shrink = np.array(small.shape[1::-1]) / image.shape[1::-1]
    return view.after(ViewMap(1 / shrink, np.zeros(2))).warp(
        small, side, border=cv2.BORDER_REPLICATE
    )


def vary_colours(rng: np.random.Generator, image: np.ndarray, solarise: float) -> np.ndarray:
    """Brightness, contrast, saturation, hue, grey, blur and, with that probability, solarise.

    Brightness and contrast are varied as in BYOL (Grill et al. 2020, appendix B), saturation twice
    as much; the hue less, for its 0.1 turns would make a red and a green thing alike, and the blur,
    which a small view hardly survives.

    Args:
        image: (S, S, 3) uint8 BGR.
    """
    out = image.astype(np.float32)
    grey = np.tile(GREY, (3, 1))  # (3, 3): each channel becomes the pixel's grey value
    # All of them are linear: channels @ colour + offset, in one pass over the pixels.
    colour: np.ndarray = np.eye(3)
    offset: np.ndarray = np.zeros(3)
    if rng.random() < 0.8:
        brightness, contrast, saturation = rng.uniform(0.6, 1.4, 3)
        hue = rng.uniform(0.9, 1.1, 3)
        colour = (
            hue[:, None] * (saturation * colour + (1 - saturation) * grey) * contrast * brightness
        )
        offset = hue * (1 - contrast) * brightness * out.mean()
    if rng.random() < 0.2:
        colour, offset = grey @ colour, grey @ offset
    out = cv2.transform(out, np.column_stack([colour, offset]))
    if rng.random() < 0.2:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.1, 0.01 * len(image) + 0.2))
    out = out.clip(0, 255)
    if rng.random() < solarise:
        out = np.where(out < 128, out, 255 - out)
    return out.astype(np.uint8)
