"""The studio a catalog picture is lit in, for traced pieces: closed forms instead of path tracing.

The one studio of the evaluation set's README has a white floor, a dome, a key, a fill and two black cards. For other
backgrounds its floor, dome and lamps change colour and place. Lamps and cards are near, so what a mirror shows of them
depends on where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training import materials, shade
from training.records import decoded
from training.shade import COARSE, F32, U8, Traced, directions

FLOOR = 0.92
DOME = 0.75
AIM = np.array([0, 0, 0.3])
UP = np.array([0, 0, 1.0])


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle with its centre [3], facing `aim` [3], half sides along and across the horizon, radiance RGB."""

    centre: tuple[float, float, float]
    half: tuple[float, float]
    radiance: tuple[float, float, float]
    aim: tuple[float, float, float] = (0, 0, 0.3)

    def axes(self) -> tuple[F32, F32, F32]:
        """Unit vectors: towards the aim, along the horizon, upwards."""
        ahead = np.array(self.aim) - self.centre
        ahead /= np.linalg.norm(ahead)
        side = np.cross([0, 0, 1.0], ahead)
        side /= np.linalg.norm(side)
        return ahead, side, np.cross(ahead, side)

    def cover(self, origin: F32, direction: F32, soft: float) -> F32:
        """How much [N] of a cone of half angle `soft` (radians) around each ray, both [N, 3], meets the panel."""
        ahead, side, up = self.axes()
        facing = -(direction @ ahead)
        distance = ((origin - self.centre) @ ahead) / np.maximum(facing, 1e-3)
        spot = origin + distance[:, None] * direction - self.centre
        edge = np.maximum(soft * np.maximum(distance, 0.1), 1e-3)
        inside = np.clip(0.5 + (self.half[0] - np.abs(spot @ side)) / edge / 2, 0, 1)
        inside *= np.clip(0.5 + (self.half[1] - np.abs(spot @ up)) / edge / 2, 0, 1)
        return inside * ((facing > 1e-3) & (distance > 0))

    def irradiance(self, normals: F32, spots: F32 = AIM) -> F32:
        """Irradiance / pi [N, 3] by unit normal, at points: both [N, 3] or one [3]. The panel is small and far."""
        ahead, _, _ = self.axes()
        toward = np.array(self.centre) - spots
        distance = np.linalg.norm(toward, axis=-1, keepdims=True)
        toward = toward / distance
        seen = np.maximum(-toward @ ahead, 0)[..., None] * np.maximum((normals * toward).sum(-1, keepdims=True), 0)
        area = 4 * self.half[0] * self.half[1]
        return seen * (area / np.pi / distance**2) * np.array(self.radiance)


KEY = Panel((-3.2, 2.4, 4.6), (1.3, 1.3), (5.0,) * 3)
FILL = Panel((3.6, -1.2, 3.6), (1.0, 1.0), (2.5,) * 3)
CARDS = tuple(Panel((x, 0, 1), (0.45, 1.6), (0.02,) * 3, (0, 0, 1)) for x in (-4.2, 4.2))


@dataclass(frozen=True, slots=True)
class Studio:
    """Light of a studio as `shade.layers` asks for it, in units of a white floor's radiance; see `shade.Light`."""

    floor: tuple[float, float, float]
    dome: tuple[float, float, float]
    lamps: tuple[Panel, ...]
    cards: tuple[Panel, ...]
    spots: F32 = field(repr=False)  # [S * S, 3]: where the piece is, for every pixel
    exposure: float = 1.0

    @property
    def share(self) -> F32:
        """Irradiance / pi of the floor from the dome, from the lamps, and nothing."""
        lamps = np.sum([lamp.irradiance(UP) for lamp in self.lamps], 0)
        return np.array([self.dome, lamps, (0, 0, 0)], np.float32) * self.exposure

    @property
    def irradiance(self) -> F32:
        """Irradiance / pi by normal: dome above, floor below, lamps."""
        normals = directions(COARSE).reshape(-1, 3)
        above = (1 + normals[:, 2:]) / 2
        bounced = self.share.sum(0) * self.floor / self.exposure
        total = above * np.array(self.dome) + (1 - above) * bounced
        total = total + sum(lamp.irradiance(normals) for lamp in self.lamps)
        return (total * self.exposure).reshape(COARSE, COARSE, 3).astype(np.float32)

    def seen(self, code: F32, at: NDArray[Any], roughness: float) -> F32:
        """Radiance [N, 3] above the horizon: the dome, and before it lamps and cards."""
        direction = decoded(code)
        return self._radiance(self.spots[at], direction, 0.015 + roughness)

    def _radiance(self, origin: F32, direction: F32, soft: float) -> F32:
        out = np.broadcast_to(np.array(self.dome), direction.shape).copy()
        for panel in (*self.cards, *self.lamps):
            share = panel.cover(origin, direction, soft)[:, None]
            out = out * (1 - share) + share * panel.radiance
        return (out * self.exposure).astype(np.float32)

    def harmonics(self) -> F32:
        """Real spherical harmonics [27] of order 0 to 2 of all that is around, floor included; see `project`."""
        d = directions(COARSE).reshape(-1, 3)
        radiance = self._radiance(np.broadcast_to(AIM, d.shape), d, 0.05)
        floor = self.share.sum(0) * self.floor
        return project(np.where(d[:, 2:] < 0, floor, radiance).reshape(COARSE, COARSE, 3))


@cache
def _basis() -> F32:
    """Y_lm [9, COARSE^2] times solid angle; order 00, 1-1, 10, 11, 2-2, 2-1, 20, 21, 22; x right, y away, z up."""
    x, y, z = directions(COARSE).reshape(-1, 3).T
    one = np.ones_like(x)
    rows = [
        0.282095 * one,
        0.488603 * y,
        0.488603 * z,
        0.488603 * x,
        1.092548 * x * y,
        1.092548 * y * z,
        0.315392 * (3 * z * z - 1),
        1.092548 * x * z,
        0.546274 * (x * x - y * y),
    ]
    return (np.stack(rows) * shade.solid_angle(COARSE)).astype(np.float32)


def project(radiance: F32) -> F32:
    """Project an octahedral map [COARSE, COARSE, 3] on real spherical harmonics (Ramamoorthi and Hanrahan 2001): [27].

    Coefficient major, RGB minor.
    """
    return (_basis() @ radiance.reshape(-1, 3)).astype(np.float32).ravel()


def where(piece: Traced, height: float = 0.25) -> F32:
    """Point [S * S, 3] that each pixel's ray meets at `height` above the floor: about where the piece is."""
    assert piece.camera is not None, "traced before cameras were noted"
    eye, target, fov = piece.camera
    size = piece.size
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    across = (np.arange(size) + 0.5 - size / 2) * np.tan(np.radians(fov) / 2) * 2 / size
    y, x = np.meshgrid(across, across, indexing="ij")
    ray = forward + x.reshape(-1, 1) * right + y.reshape(-1, 1) * down
    run = (height - eye[2]) / np.minimum(ray[:, 2], -0.05)
    return (eye + run[:, None] * ray).astype(np.float32)


def white(piece: Traced) -> Studio:
    """Return the studio for pure white, as the evaluation set's README defines it."""
    return exposed(Studio((FLOOR,) * 3, (DOME,) * 3, (KEY, FILL), CARDS, where(piece)))


def constant_light(floor: float = FLOOR) -> F32:
    """Spherical harmonics [27] of the studio for pure white, or of the same light over a darker floor."""
    studio = exposed(Studio((FLOOR,) * 3, (DOME,) * 3, (KEY, FILL), CARDS, np.zeros((1, 3), np.float32)))
    return replace(studio, floor=(floor,) * 3).harmonics()


def exposed(studio: Studio) -> Studio:
    """Let an empty white floor be 1 in linear light."""
    return replace(studio, exposure=1 / float(FLOOR * replace(studio, exposure=1.0).share.sum(0).mean()))


def metered(studio: Studio, piece: Traced) -> Studio:
    """Expose for what is seen of the floor, as a catalog does: the 60th percentile of a white one's light becomes 1.

    It is darker than an empty one, for the piece keeps the dome's light from it, and the lamps' falls off.
    """
    bare = np.bincount(shade.pixel_of(piece), minlength=piece.size**2) == 0
    if bare.sum() <= 200:
        return studio
    free = cv2.resize(piece.shadow[0], (piece.size, piece.size)).ravel()[bare, None] / np.float32(255)
    spots = where(piece, 0.0)[bare]
    light = free * np.array(studio.dome) + sum(lamp.irradiance(UP, spots) for lamp in studio.lamps)
    return replace(studio, exposure=1 / float(FLOOR * np.percentile(light.mean(1), 60)))


def varied(rng: np.random.Generator, piece: Traced) -> Studio:
    """Draw a studio for another background: floor and dome of any colour, lamps moved and tinted."""
    floor = tuple(FLOOR * c for c in materials.random_color(rng, 0.9))
    if rng.random() < 0.3:
        floor = (float(np.exp(rng.uniform(np.log(0.02), np.log(FLOOR)))),) * 3
    cast = 1 + np.array([1, 0.2, -1]) * rng.normal(0, 0.12)
    dome = np.array(DOME * cast * float(rng.uniform(0.4, 1.2)))
    if rng.random() < 0.5:  # the room takes some of the ground's colour
        dome = dome * (1 - (share := rng.uniform(0, 0.6))) + share * np.array(floor) * DOME / FLOOR
    turn = float(rng.uniform(0, 2 * np.pi))
    lamps = []
    for lamp in (KEY, FILL):
        x, y, z = lamp.centre
        moved = (np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y, z)
        power = np.exp(rng.normal(0, 0.4)) * (1 + np.array([1, 0.2, -1]) * rng.normal(0, 0.1))
        r, g, b = np.maximum(np.array(lamp.radiance) * power, 0.05)
        lamps.append(replace(lamp, centre=moved, radiance=(float(r), float(g), float(b))))
    r, g, b = np.maximum(dome, 0.02)
    cards = CARDS if rng.random() < 0.7 else ()
    return exposed(Studio(floor, (float(r), float(g), float(b)), tuple(lamps), cards, where(piece)))


def shouldered(linear: F32) -> F32:
    """Tone curve of the catalog: linear to 0.8, then a soft shoulder that ends at 1."""
    return np.where(linear > 0.8, 0.8 + 0.2 * np.tanh((linear - 0.8) / 0.3), linear)


def picture(piece: Traced, studio: Studio, drawn: tuple[materials.Material, ...], seed: int) -> tuple[F32, U8]:
    """Light a piece in a studio: its own colour [S, S, 3] in linear light in [0, 1], and the answer [S, S, 3] uint8.

    Colour is straight, without the floor; 0 where nothing is. `seed` draws the patterns of stones. The exposure is what
    `metered` finds. What lay beside the piece in the photo is not here: where it is mirrored, the floor's colour is.
    """
    studio = metered(studio, piece)
    paper = materials.Material("matte", studio.floor, 0.6)
    drawn = tuple(paper if slot == "prop" else made for slot, made in zip(piece.slots, drawn, strict=True))
    lit = np.full_like(piece.shadow[:2], 255)  # the lamps that were traced are not these
    bare = replace(piece, shadow=np.concatenate([piece.shadow[:1], lit]))
    floor = np.broadcast_to(np.array(studio.floor, np.float32), (piece.size, piece.size, 3))
    made = shade.layers(bare, floor, studio, drawn, np.random.default_rng(seed))
    colour = made.piece / np.maximum(made.covered[..., None], 1e-6)
    return shouldered(colour).astype(np.float32), made.answer
