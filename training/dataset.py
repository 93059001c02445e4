"""Training crops from rendered photos, traced pieces and jewelry-free pictures, augmented as real photos vary.

A crop is an image [S, S, 3] uint8 sRGB with its answer [S, S, 3] uint8: alpha, metal, stone coverage.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training import assets, shade
from training.grounds import DRAWN, drawn_texture

U8 = NDArray[Any]  # uint8 by contract; OpenCV's stubs promise less
DEVELOPED, USES = 60, 10
"""Photos of traced pieces kept at a time, and crops cut from each: lighting one costs as much as several crops."""
NEGATIVE, TRACED = 0.08, 0.57
"""Shares of crops without any jewelry, and of traced pieces; the rest are path traced: all that lies beside a piece,
out of focus where it is far, is true in those only."""
COLLAGE = 0.12
"""Share of what lies behind a piece that is two grounds beside each other."""
CLOSE = 0.45
"""Share of crops as close as the server sees a small photo that it enlarges; the rest show up to a whole piece."""

ENLARGED = 0.7
"""Share of the crops beyond a photo's own size that are taken at that size and then enlarged."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of a piece [H, W, 3] uint8, with its answer [H, W, 3] uint8; `studio`: on pure white."""

    photo: U8
    answer: U8
    studio: bool = False


@dataclass
class Store:
    """Everything there is to learn from, found in `folder` so far: path traced pictures and traced pieces."""

    folder: Path
    samples: list[Sample] = field(default_factory=list)
    traced: list[shade.Traced] = field(default_factory=list)
    known: set[Path] = field(default_factory=set)
    developed: list[Sample] = field(default_factory=list)

    def look(self) -> Store:
        """Add what was finished since the last call."""
        for note in sorted(set(self.folder.glob("*.json")) - self.known):
            name = note.with_suffix("")
            self.samples.append(Sample(_picture(f"{name}.photo.jpg"), _picture(f"{name}.answer.png")))
            if Path(f"{name}.white.png").exists():
                white = Sample(_picture(f"{name}.white.png"), _picture(f"{name}.white.answer.png"), studio=True)
                self.samples.append(white)
            self.known.add(note)
        for note in sorted(set((self.folder / "paths").glob("*.json")) - self.known):
            self.traced.append(shade.read(note.with_suffix("")))
            self.known.add(note)
        return self

    def lit(self, rng: np.random.Generator) -> Sample:
        """Return a photo of a traced piece in light of its own; each is handed out a few times, then replaced.

        Pieces are drawn by their area in pixels: a larger picture has more to show, and sharper.
        """
        if len(self.developed) < DEVELOPED or rng.random() < 1 / USES:
            area = np.array([piece.size**2 for piece in self.traced], float)
            piece = self.traced[int(rng.choice(len(area), p=area / area.sum()))]
            ground = cluttered(rng, scenery(rng, piece.size), 0.25)
            drawn = shade.redrawn_all(rng, piece)
            photo, answer = shade.photograph(rng, piece, ground, drawn, int(rng.integers(1 << 31)))
            self.developed.append(Sample(photo, answer))
            self.developed = self.developed[-DEVELOPED:]
        return self.developed[int(rng.integers(len(self.developed)))]


def _picture(path: str) -> U8:
    return np.asarray(Image.open(path).convert("RGB"))


def foreground(image: U8, alpha: U8) -> U8:
    """Spread the colour of covered pixels over the edge, so that a cut-out carries none of its old ground."""
    solid = (alpha[..., None].astype(np.float32) / 255) ** 4
    colour = image.astype(np.float32) * solid
    near = cv2.GaussianBlur(colour, (0, 0), 1.5) + 1e-3 * cv2.GaussianBlur(colour, (0, 0), 8)
    weight = cv2.GaussianBlur(solid, (0, 0), 1.5) + 1e-3 * cv2.GaussianBlur(solid, (0, 0), 8)
    spread = near / np.maximum(weight[..., None] if weight.ndim == 2 else weight, 1e-6)
    keep = solid >= 0.9
    return np.where(keep, image, spread.clip(0, 255)).astype(np.uint8)


def warp(
    rng: np.random.Generator,
    images: list[U8],
    size: int,
    zoom: float,
    fill: tuple[int, int, int] | None,
    fine: float = 0.0,
) -> list[U8]:
    """Cut the same turned, flipped, scaled square of `size` pixels out of `images`; `fill` None mirrors the border.

    fine: share of squares around a small opening of the answer, `images[1]`, instead of anywhere on the piece.
    """
    height, width = images[0].shape[:2]
    angle = float(rng.choice([rng.uniform(-0.35, 0.35), rng.uniform(0, 2 * np.pi)], p=[0.6, 0.4]))
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]])
    if rng.random() < 0.5:
        matrix[:, 0] *= -1
    # Aim at a covered pixel most of the time, if there is an answer to aim by.
    at = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    if len(images) > 1 and rng.random() < 0.85:
        aims, step = images[1][::4, ::4, 0] > 60, 4
        if rng.random() < fine:
            holes = small_openings(images[1][..., 0])[::2, ::2] > 120
            if holes.any():
                aims, step = holes, 2
        rows, columns = np.nonzero(aims)
        if len(rows):
            k = int(rng.integers(len(rows)))
            at = np.array([columns[k], rows[k]]) * step + rng.normal(0, 0.12, 2) * size / zoom
    matrix = np.concatenate([matrix, (size / 2 - matrix @ at)[:, None]], 1)
    border = cv2.BORDER_REFLECT_101 if fill is None else cv2.BORDER_CONSTANT
    way = cv2.INTER_AREA if zoom < 0.7 else cv2.INTER_LINEAR if zoom < 1.2 else cv2.INTER_CUBIC
    if zoom < 0.7:  # warpAffine does not average: shrink first
        images = [cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=way) for image in images]
        matrix = matrix @ np.diag([1 / zoom, 1 / zoom, 1])
        way = cv2.INTER_LINEAR
    return [
        cv2.warpAffine(
            image,
            matrix,
            (size, size),
            flags=way,
            borderMode=border if k == 0 else cv2.BORDER_CONSTANT if fill else border,
            borderValue=(fill or (0, 0, 0)) if k == 0 else (0, 0, 0),
        )
        for k, image in enumerate(images)
    ]


def collage(rng: np.random.Generator, size: int) -> U8:
    """Return two grounds that meet along a bent line, one over the other: skin and cloth as in worn pieces, or any."""
    kinds = [str(kind) for kind in rng.choice(DRAWN, 2)]
    if rng.random() < 0.5:
        kinds[0] = "skin"
    below, above = (
        warp(rng, [drawn_texture(rng, kind)], size, float(np.exp(rng.uniform(np.log(0.5), np.log(2.5)))), None)[0]
        for kind in kinds
    )
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    angle, bend = float(rng.uniform(0, 2 * np.pi)), rng.normal(0, 0.6, 2)
    across, along = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    line = bend[0] * along**2 + 0.15 * bend[1] * np.sin(float(rng.uniform(3, 9)) * along) + rng.normal(0, 0.2)
    over = 1 / (1 + np.exp(np.clip((line - across) * float(np.exp(rng.uniform(3, 6.5))), -30, 30)))[..., None]
    shadow = cv2.GaussianBlur(over[..., 0], (0, 0), size * float(rng.uniform(0.004, 0.04)))[..., None]
    lit = 1 + float(rng.normal(0, 0.15)) * np.cos(float(rng.uniform(1, 4)) * along + rng.uniform(0, 6))[..., None]
    out = below * (1 - float(rng.uniform(0, 0.6)) * shadow) * lit * (1 - over) + above * over
    return out.clip(0, 255).astype(np.uint8)


def backdrop(rng: np.random.Generator, size: int) -> U8:
    """Return a jewelry-free square: texture, photograph, drawn ground or plain gradient, sharp or out of focus."""
    kind = rng.random()
    if kind < 0.75:
        if kind < 0.25:
            picture = assets.picture(assets.GAME / assets.GROUNDS[int(rng.integers(len(assets.GROUNDS)))])[..., :3]
        elif kind < 0.45:
            path = assets.ASSETS / assets.PHOTOGRAPHS[int(rng.integers(len(assets.PHOTOGRAPHS)))]
            picture = assets.picture(path)[..., :3]
        else:
            picture = drawn_texture(rng, str(rng.choice(DRAWN)))
        zoom = float(np.exp(rng.uniform(np.log(0.35), np.log(1.6))))
        out = warp(rng, [picture], size, zoom, None)[0]
    else:
        light = (
            rng.uniform(120, 255, 3) if rng.random() < 0.3 else np.full(3, rng.uniform(200, 255)) + rng.normal(0, 4, 3)
        )
        y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
        fall = 1 + rng.normal(0, 0.12) * x + rng.normal(0, 0.12) * y - abs(rng.normal(0, 0.1)) * (x * x + y * y)
        out = np.clip(light * fall[..., None], 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(1, 10)))
    return out


def scenery(rng: np.random.Generator, size: int) -> U8:
    """Return a backdrop or, now and then, two grounds beside each other.

    Apart from `backdrop`, which the sets to measure on draw theirs by.
    """
    return collage(rng, size) if rng.random() < COLLAGE else backdrop(rng, size)


def foliage(rng: np.random.Generator, image: U8) -> U8:
    """Lay leaves or twigs over an image: shapes that are not jewelry."""
    size = image.shape[0]
    for _ in range(int(rng.integers(1, 4))):
        path = assets.GAME / assets.FOLIAGE[int(rng.integers(len(assets.FOLIAGE)))]
        leaf = warp(rng, [assets.picture(path, 512)], size, float(rng.uniform(0.3, 1.2)), (0, 0, 0))[0]
        a = leaf[..., 3:].astype(np.float32) / 255
        tone = leaf[..., :3] * rng.uniform(0.4, 1.5) * rng.uniform(0.8, 1.2, 3)
        image = (image * (1 - a) + a * tone.clip(0, 255)).astype(np.uint8)
    return image


def strokes(rng: np.random.Generator, image: U8) -> U8:
    """Draw hair, thread, text and frames over an image: thin things that are not jewelry."""
    image = image.copy()
    size = image.shape[0]
    tint = tuple(float(c) for c in rng.uniform(0, 255, 3))
    kind = rng.random()
    if kind < 0.5:
        for _ in range(int(rng.integers(1, 12))):
            knots = np.cumsum(rng.normal(0, size / 7, (5, 2)), 0) + rng.uniform(0, size, 2)
            t = np.linspace(0, 1, 60)[:, None]
            curve = sum(
                c * k
                for c, k in zip(
                    ((1 - t) ** 4, 4 * t * (1 - t) ** 3, 6 * t**2 * (1 - t) ** 2, 4 * t**3 * (1 - t), t**4),
                    knots,
                    strict=True,
                )
            )
            cv2.polylines(
                image, [np.round(curve * 16).astype(np.int32)], False, tint, int(rng.integers(1, 3)), cv2.LINE_AA, 4
            )
    elif kind < 0.75:
        word = "".join(rng.choice(list("abcdefghiklmnorstuvwz0123456789 .-"), int(rng.integers(3, 16))))
        at = (int(rng.uniform(-20, size * 0.6)), int(rng.uniform(20, size)))
        cv2.putText(
            image,
            word,
            at,
            int(rng.integers(0, 8)),
            float(rng.uniform(0.5, 2.5)),
            tint,
            int(rng.integers(1, 4)),
            cv2.LINE_AA,
        )
    else:
        a, b = rng.uniform(-0.2, 1.2, 2) * size, rng.uniform(-0.2, 1.2, 2) * size
        cv2.rectangle(
            image, a.astype(int).tolist(), b.astype(int).tolist(), tint, int(rng.integers(2, 30)), cv2.LINE_AA
        )
    return image


def laid(rng: np.random.Generator, ground: U8, piece: U8, alpha: U8) -> U8:
    """Composite a cut-out over a ground with a soft contact shadow."""
    a = alpha[..., None].astype(np.float32) / 255
    blur = float(rng.uniform(1.5, 12))
    shift = np.array([[1, 0, rng.normal(0, blur)], [0, 1, rng.normal(0, blur)]])
    shade = cv2.GaussianBlur(cv2.warpAffine(alpha, shift, alpha.shape[::-1]), (0, 0), blur).astype(np.float32) / 255
    dark = ground * (1 - float(rng.uniform(0, 0.75)) * shade[..., None])
    return (dark * (1 - a) + piece * a).clip(0, 255).astype(np.uint8)


def camera(rng: np.random.Generator, image: U8, tones: float = 1.0) -> U8:
    """Vary exposure, white balance, contrast, saturation, blur, noise, sharpening and JPEG as phones do.

    tones: how far the first four go; 1 for a network that must not trust a colour, less for one that reads them.
    """
    levels = np.arange(256)[:, None] / 255 * np.ones(3)  # the tone curve of each channel
    mixed = np.eye(3)
    if rng.random() < 0.85:
        gain = rng.uniform(1 - 0.25 * tones, 1 + 0.2 * tones) * np.exp(rng.normal(0, 0.06 * tones, 3))
        levels = levels ** float(np.exp(rng.normal(0, 0.22 * tones))) * gain
        levels = (levels - 0.5) * float(np.exp(rng.normal(0, 0.15 * tones))) + 0.5
        vivid = float(rng.uniform(1 - 0.6 * tones, 1 + 0.4 * tones))
        mixed = vivid * mixed + (1 - vivid) / 3
    x = cv2.transform(cv2.LUT(image, levels.astype(np.float32)[None]), mixed)
    if rng.random() < 0.3:
        x = cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.4, 1.4)))
    elif rng.random() < 0.3:
        x = x + float(rng.uniform(0.3, 1.2)) * (x - cv2.GaussianBlur(x, (0, 0), 1.0))
    if rng.random() < 0.5:
        grain = float(rng.uniform(0.003, 0.035)) * rng.standard_normal(x.shape, np.float32)
        x = x + (cv2.GaussianBlur(grain, (0, 0), 0.8) * 2 if rng.random() < 0.4 else grain)
    out = np.round(x.clip(0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.6:
        ok, code = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 96))])
        assert ok
        out = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return out


def cluttered(rng: np.random.Generator, ground: U8, share: float) -> U8:
    """Lay leaves, then hair, text or frames over a ground, each with probability `share`."""
    if rng.random() < share:
        ground = foliage(rng, ground)
    if rng.random() < share:
        ground = strokes(rng, ground)
    return ground


def zooms(side: int, size: int, close: bool) -> tuple[float, float]:
    """Least and most of a crop's pixels, of `size` a side, to one of a photo of `side` a side.

    close: as the server sees what fills its window, of up to 1792 px, and a small photo enlarged; else from a whole
    photo, with room about it, on.
    """
    if close:
        return min(1.0, 640 / side), min(2.8, 1792 / side)
    return 0.53 * size / side, 1040 / side


def crop(rng: np.random.Generator, store: Store, size: int) -> tuple[U8, U8]:
    """Draw one augmented crop and its answer.

    What is enlarged is often enlarged as the server does it, after the camera: noise and JPEG blocks grow with it.
    """
    kind = float(rng.random())
    if kind < NEGATIVE:
        image = cluttered(rng, scenery(rng, size), 0.5)
        return camera(rng, image), np.zeros_like(image)
    traced = bool(store.traced) and (kind < NEGATIVE + TRACED or not store.samples)
    sample = store.lit(rng) if traced else store.samples[int(rng.integers(len(store.samples)))]
    close = float(rng.random()) < CLOSE
    zoom, fine = float(np.exp(rng.uniform(*np.log(zooms(sample.photo.shape[0], size, close))))), 0.6 if close else 0.0
    full, enlarged = (size, size), zoom if zoom > 1 and rng.random() < ENLARGED else 1.0
    size, zoom = round(size / enlarged), zoom / enlarged
    if sample.studio:
        image, answer = warp(rng, [sample.photo, sample.answer], size, zoom, (255, 255, 255), fine)
        if rng.random() < 0.6:
            image = laid(rng, backdrop(rng, size) // 8 + 220, image, answer[..., 0])
    elif traced or rng.random() < 0.7:  # as it is; black letterbox beyond its edge, as the server pads, or mirrored
        fill = (0, 0, 0) if rng.random() < 0.3 else None
        image, answer = warp(rng, [sample.photo, sample.answer], size, zoom, fill, fine)
    else:
        cut = foreground(sample.photo, sample.answer[..., 0])
        cut, answer = warp(rng, [cut, sample.answer], size, zoom, (0, 0, 0), fine)
        image = laid(rng, cluttered(rng, scenery(rng, size), 0.25), cut, answer[..., 0])
    image = camera(rng, image)
    if enlarged > 1:
        image, answer = (cv2.resize(picture, full, interpolation=cv2.INTER_LINEAR) for picture in (image, answer))
    return image, answer


def _square(side: int) -> U8:
    return np.ones((side, side), np.uint8)


def small_openings(alpha: U8) -> U8:
    """Return what a closing of 13 px would fill [H, W] uint8: openings of links and galleries, gaps between claws."""
    return cv2.morphologyEx(alpha, cv2.MORPH_BLACKHAT, _square(13))


def importance(alpha: U8) -> U8:
    """Weight of each pixel [S, S] uint8, 16 for 1: more on and near the piece, edges, thin parts, small openings.

    Thin parts are what an opening of 7 px removes. Close by, within 15 px, lie the piece's own shadow and reflection;
    what is weighed less than they are goes missing, for leaving it out is the cheaper mistake.
    """
    edge = cv2.morphologyEx(alpha, cv2.MORPH_GRADIENT, _square(5))
    thin = cv2.dilate(cv2.morphologyEx(alpha, cv2.MORPH_TOPHAT, _square(7)), _square(3))
    hole = small_openings(alpha)
    near = cv2.dilate(alpha, _square(31))
    total = 1 + (2.0 * edge + 4.0 * thin + 6.0 * hole + 1.5 * near) / 255
    return np.round(16 * total).astype(np.uint8)
