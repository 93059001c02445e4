"""Training crops from rendered pairs and jewelry-free photographs, augmented as real photos vary.

A crop is an image [S, S, 3] uint8 sRGB with its answer [S, S, 3] uint8: alpha, metal, stone coverage.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training import assets

U8 = NDArray[Any]  # uint8 by contract; OpenCV's stubs promise less


@dataclass(frozen=True, slots=True)
class Sample:
    """One rendered piece: the seller's photo and the studio picture, each with its own answer, all [H, W, 3] uint8."""

    photo: U8
    answer: U8
    white: U8
    white_answer: U8


def read(name: Path) -> Sample:
    """Load the four files of one seed."""
    parts = ("photo.jpg", "answer.png", "white.png", "white.answer.png")
    return Sample(*(np.asarray(Image.open(f"{name}.{part}").convert("RGB")) for part in parts))


def load(folder: Path, known: dict[str, Sample]) -> dict[str, Sample]:
    """Add the seeds that were finished since the last call."""
    for note in sorted(folder.glob("*.json")):
        if note.stem not in known and Path(f"{note.with_suffix('')}.white.png").exists():
            known[note.stem] = read(note.with_suffix(""))
    return known


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
    rng: np.random.Generator, images: list[U8], size: int, zoom: float, fill: tuple[int, int, int] | None
) -> list[U8]:
    """Cut the same turned, flipped, scaled square of `size` pixels out of `images`; `fill` None mirrors the border."""
    height, width = images[0].shape[:2]
    angle = float(rng.choice([rng.uniform(-0.35, 0.35), rng.uniform(0, 2 * np.pi)], p=[0.6, 0.4]))
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]])
    if rng.random() < 0.5:
        matrix[:, 0] *= -1
    # Aim at a covered pixel most of the time, if there is an answer to aim by.
    at = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    if len(images) > 1 and rng.random() < 0.85:
        rows, columns = np.nonzero(images[1][::4, ::4, 0] > 60)
        if len(rows):
            k = int(rng.integers(len(rows)))
            at = np.array([columns[k], rows[k]]) * 4.0 + rng.normal(0, 0.18, 2) * size / zoom
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


def backdrop(rng: np.random.Generator, size: int) -> U8:
    """Return a jewelry-free square: photograph, texture or plain gradient, sharp or out of focus."""
    kind = rng.random()
    if kind < 0.75:
        if kind < 0.4:
            path = assets.GAME / assets.GROUNDS[int(rng.integers(len(assets.GROUNDS)))]
        else:
            path = assets.ASSETS / assets.PHOTOGRAPHS[int(rng.integers(len(assets.PHOTOGRAPHS)))]
        picture = assets.picture(path)[..., :3]
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


def camera(rng: np.random.Generator, image: U8) -> U8:
    """Vary exposure, white balance, contrast, saturation, blur, noise, sharpening and JPEG as phones do."""
    x = image.astype(np.float32) / 255
    if rng.random() < 0.85:
        x = x ** float(np.exp(rng.normal(0, 0.22))) * rng.uniform(0.75, 1.2) * np.exp(rng.normal(0, 0.06, 3))
        x = (x - 0.5) * float(np.exp(rng.normal(0, 0.15))) + 0.5
        gray = x.mean(-1, keepdims=True)
        x = gray + (x - gray) * float(rng.uniform(0.4, 1.4))
    if rng.random() < 0.3:
        x = cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.4, 1.4)))
    elif rng.random() < 0.3:
        x = x + float(rng.uniform(0.3, 1.2)) * (x - cv2.GaussianBlur(x, (0, 0), 1.0))
    if rng.random() < 0.5:
        grain = rng.normal(0, float(rng.uniform(0.003, 0.035)), x.shape).astype(np.float32)
        x = x + (cv2.GaussianBlur(grain, (0, 0), 0.8) * 2 if rng.random() < 0.4 else grain)
    out = np.round(x.clip(0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.6:
        ok, code = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 96))])
        assert ok
        out = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return out


def crop(rng: np.random.Generator, samples: list[Sample], size: int) -> tuple[U8, U8]:
    """Draw one augmented crop and its answer."""
    kind = float(rng.random())
    if kind < 0.1:
        image = backdrop(rng, size)
        if rng.random() < 0.5:
            image = foliage(rng, image)
        if rng.random() < 0.5:
            image = strokes(rng, image)
        answer = np.zeros_like(image)
    else:
        sample = samples[int(rng.integers(len(samples)))]
        zoom = float(np.exp(rng.uniform(np.log(0.45), np.log(2.2))))
        if kind < 0.5:  # the photo as it is; black letterbox beyond its edge, as the server pads, or mirrored
            fill = (0, 0, 0) if rng.random() < 0.3 else None
            image, answer = warp(rng, [sample.photo, sample.answer], size, zoom, fill)
        elif kind < 0.62:  # white on white
            image, answer = warp(rng, [sample.white, sample.white_answer], size, zoom, (255, 255, 255))
            if rng.random() < 0.6:
                image = laid(rng, backdrop(rng, size) // 8 + 220, image, answer[..., 0])
        else:
            white = rng.random() < 0.35
            source, cover = (sample.white, sample.white_answer) if white else (sample.photo, sample.answer)
            cut, answer = warp(rng, [foreground(source, cover[..., 0]), cover], size, zoom, (0, 0, 0))
            ground = backdrop(rng, size)
            if rng.random() < 0.2:
                ground = foliage(rng, ground)
            if rng.random() < 0.25:
                ground = strokes(rng, ground)
            image = laid(rng, ground, cut, answer[..., 0])
    return camera(rng, image), answer
