"""Light traced pieces (`paths.py`) anew: any surroundings, alloys, stone colours and ground, in linear light.

A direction is looked up in octahedral maps, so the exit of a path is its pixel. Levels of blur stand for roughness.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from training import assets, materials
from training.piece import Material
from training.records import DARK, GROUND, SKY, SOLID, octahedral, pixels

F32 = NDArray[Any]  # float32 by contract
U8 = NDArray[Any]
SIDE = 384
LEVELS = (0.0, 0.09, 0.2, 0.4)
"""Roughness at which each level of the surroundings is exact; level k has SIDE >> k pixels a side."""
COARSE = 24  # side of the map of irradiance
KINDS = {
    materials.dark: 0.17,
    materials.deep: 0.2,
    materials.earthy: 0.2,
    materials.patterned: 0.15,
    materials.frosted: 0.15,
    materials.opaque: 0.13,
}
"""Shares of opaque stones: nearly black, deep and earthy ones are worn more than random colours tell."""
GAUDY = 0.25
"""Share of the redrawn props in any colour; the rest keep about their own, wood's or paper's, or fade: what is matt and
of a deep colour is more often a bead than a thing beside one."""
CUT, SMOOTH, CARVED = 0.07, 0.5, 0.15
"""Shares of faceted clear stones, and of clear beads and cabochons, that become opaque ones of the same shape, and of
metals that become stone, wood or horn. What has facets is nearly always clear: its dark is what it refracts."""
LAG, FLAT = 4, 0.04
"""A stone has facets if more than this share of its samples have the very normal of those so many to the right."""
METERED = 0.4
"""Share of the photos exposed for the piece, not for what it lies on: there black velvet is black."""
OVERHEAD = 0.35
"""Share of the photos with something dark over the piece: the camera and who holds it, or an unlit ceiling. A cut stone
sends light back to where it came from, so it is dark then, however bright the metal."""
POLISHED = 0.15
"""Share of the photos taken on a ground that mirrors the piece."""


@dataclass(frozen=True, slots=True)
class Traced:
    """One piece: records of `records.RECORD`, shadow planes [3, h, w] uint8, materials with their slots, two lamps.

    camera: eye [3], target [3] and field of view in degrees, where it was noted. samples: records of a full pixel.
    """

    record: NDArray[Any]
    shadow: U8
    materials: tuple[Material, ...]
    slots: tuple[str, ...]
    lamps: F32
    size: int
    camera: tuple[F32, F32, float] | None = None
    samples: int = 4


def sparse(piece: Traced) -> Traced:
    """Keep one of the four samples of each pixel: a quarter of the work, for pictures that are shrunk afterwards."""
    index = np.asarray(piece.record["index"])
    first = (index // (2 * piece.size) % 2 == 0) & (index % 2 == 0)
    return replace(piece, record=piece.record[first], samples=1)


def read(name: Path) -> Traced:
    """Open the three files of one seed; the records stay on disk until they are used."""
    note = json.loads(name.with_suffix(".json").read_text())
    slots = tuple(m.pop("slot") for m in note["materials"])
    made = tuple(
        Material(**{k: tuple(v) if isinstance(v, list) else v for k, v in m.items()}) for m in note["materials"]
    )
    shadow = np.load(name.with_suffix(".npz"))["shadow"]
    shadow = np.stack([cv2.GaussianBlur(plane, (0, 0), 0.8) for plane in shadow])  # few rays per point: grainy
    record = np.load(name.with_suffix(".npy"), mmap_mode="r")
    seen = note.get("camera")
    camera = (np.array(seen["eye"]), np.array(seen["target"]), float(seen["fov"])) if seen else None
    return Traced(record, shadow, made, slots, np.array(note["lamps"], np.float32), note["size"], camera)


def _octahedron(side: int) -> F32:
    """Points [side, side, 3] of the octahedron |x| + |y| + |z| = 1 at the pixels of its unfolded map."""
    c = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(c, c)
    z = 1 - np.abs(x) - np.abs(y)
    fold = np.maximum(-z, 0)
    return np.stack([x - np.sign(x) * fold, y - np.sign(y) * fold, z], -1)


@cache
def directions(side: int) -> F32:
    """Unit vectors [side, side, 3] of the pixels of an octahedral map."""
    flat = _octahedron(side)
    return (flat / np.linalg.norm(flat, axis=-1, keepdims=True)).astype(np.float32)


@cache
def solid_angle(side: int) -> F32:
    """Weights [side * side] of an octahedral map's pixels, sum 4 pi."""
    weight = np.linalg.norm(_octahedron(side), axis=-1) ** -3
    return (weight / weight.sum() * 4 * np.pi).ravel()


@cache
def _cosine() -> F32:
    """Matrix [normals, directions] that turns radiance of a coarse map into irradiance / pi."""
    d = directions(COARSE).reshape(-1, 3)
    return np.maximum(d @ d.T, 0) * solid_angle(COARSE) / np.float32(np.pi)


@lru_cache(maxsize=20)
def _light_map(path: Path) -> F32:
    """A latitude-longitude map [256, 512, 3], mean 1, cast mostly balanced away."""
    import mitsuba as mi

    if mi.variant() is None:
        mi.set_variant("scalar_rgb")
    pixels = np.array(mi.Bitmap(str(path)).convert(mi.Bitmap.PixelFormat.RGB, mi.Struct.Type.Float32))
    pixels = cv2.resize(np.clip(np.nan_to_num(pixels), 0, 60), (512, 256), interpolation=cv2.INTER_AREA)
    pixels /= max(float(pixels.mean()), 1e-6)
    return (pixels / np.maximum(pixels.mean((0, 1)), 1e-3) ** 0.7).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Radiance around the piece: blur levels [s, s, 3], irradiance / pi [COARSE, COARSE, 3], and shares of the ground.

    `share` [3, 3]: irradiance / pi of the ground from the sky and from each lamp, RGB.
    """

    levels: tuple[F32, ...]
    irradiance: F32
    share: F32

    def seen(self, code: F32, at: NDArray[Any], roughness: float) -> F32:
        """Radiance [N, 3] in directions of octahedral `code` [N, 2], however far `at` [N] the pixels are."""
        chosen = self.levels[int(np.abs(roughness - np.array(LEVELS)).argmin())]
        return chosen.reshape(-1, 3)[pixels(code, chosen.shape[0])]


def _patch(axis: F32, half: tuple[float, float], turn: float, soft: float) -> F32:
    """Coverage [SIDE, SIDE] of a rectangle of half sizes (tangents of angles) about `axis`."""
    d = directions(SIDE)
    aside = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.95 else [1.0, 0, 0])
    aside /= np.linalg.norm(aside)
    up = np.cross(axis, aside)
    right, above = np.cos(turn) * aside + np.sin(turn) * up, np.cos(turn) * up - np.sin(turn) * aside
    ahead = d @ axis.astype(np.float32)
    u, v = (np.abs(d @ e.astype(np.float32)) / np.maximum(ahead, 1e-3) for e in (right, above))
    inside = np.minimum((half[0] - u) / soft, (half[1] - v) / soft)
    return (np.clip(inside, 0, 1) * (ahead > 0.02)).astype(np.float32)


def _unit(rng: np.random.Generator, low: float = 0.0) -> F32:
    out = rng.normal(size=3)
    out[2] = abs(out[2]) + low
    return (out / np.linalg.norm(out)).astype(np.float32)


def surroundings(rng: np.random.Generator, lamps: F32) -> Surroundings:
    """Draw what is around: a photographed map or a plain gradient, soft boxes, dark cards, what is above, two lamps."""
    d = directions(SIDE)
    if rng.random() < 0.6:
        maps = assets.light_maps()
        given = _light_map(maps[int(rng.integers(len(maps)))])
        turn = rng.uniform(0, 2 * np.pi)
        u = ((np.arctan2(d[..., 1], d[..., 0]) + turn) / (2 * np.pi) % 1) * 511
        v = np.arccos(np.clip(d[..., 2], -1, 1)) / np.pi * 255
        radiance = cv2.remap(given, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
        radiance = radiance * np.float32(rng.uniform(0.4, 1.0))
    else:
        tilt = _unit(rng)
        blend = np.clip(0.5 + 0.5 * (d @ tilt) * rng.uniform(0.2, 1.0), 0, 1)[..., None]
        low, high = rng.uniform(0.02, 0.6), rng.uniform(0.4, 1.6)
        radiance = (low + (high - low) * blend) * (1 + rng.normal(0, 0.05, 3))
    for _ in range(int(rng.integers(0, 4))):
        half = tuple(np.exp(rng.uniform(np.log(0.08), np.log(0.9), 2)))
        box = _patch(_unit(rng, 0.1), half, float(rng.uniform(0, np.pi)), float(rng.uniform(0.01, 0.2)))
        power = np.exp(rng.uniform(np.log(1.0), np.log(9.0))) * (1 + np.array([1, 0.2, -1]) * rng.normal(0, 0.1))
        radiance = radiance * (1 - box[..., None]) + power * box[..., None]
    for _ in range(int(rng.integers(0, 4))):
        half = tuple(np.exp(rng.uniform(np.log(0.05), np.log(0.6), 2)))
        card = _patch(_unit(rng), half, float(rng.uniform(0, np.pi)), float(rng.uniform(0.01, 0.3)))[..., None]
        radiance = radiance * (1 - card * rng.uniform(0.5, 1.0))
    if rng.random() < OVERHEAD:
        above = np.array([*rng.normal(0, 0.15, 2), 1.0])
        half = tuple(np.exp(rng.uniform(np.log(0.3), np.log(2.5), 2)))
        turn, soft = float(rng.uniform(0, np.pi)), float(rng.uniform(0.05, 0.6))
        over = _patch((above / np.linalg.norm(above)).astype(np.float32), half, turn, soft)[..., None]
        radiance = radiance * (1 - over * rng.uniform(0.6, 0.98))
    sky = _irradiance(radiance, None)[COARSE // 2, COARSE // 2]
    share = [sky]
    for lamp in lamps:
        lit = rng.random() < 0.6
        size = float(np.exp(rng.uniform(np.log(0.04), np.log(0.3))))
        box = _patch(lamp, (size, size), 0.0, 0.02 + size / 4)
        strength = float(np.exp(rng.uniform(np.log(0.2), np.log(30.0)))) * sky.mean() if lit else 0.0
        tint = np.clip(1 + np.array([1, 0.2, -1]) * rng.normal(0, 0.08), 0.5, 1.5)
        power = strength / max(float((4 * size**2) * lamp[2] / np.pi), 1e-4) * tint
        radiance = radiance + np.minimum(power, 300) * box[..., None]
        share.append(strength * tint)
    return _leveled(radiance.astype(np.float32), np.array(share, np.float32))


def _leveled(radiance: F32, share: F32) -> Surroundings:
    levels = [radiance]
    for k, rough in enumerate(LEVELS[1:], 1):
        small = cv2.resize(radiance, (SIDE >> k, SIDE >> k), interpolation=cv2.INTER_AREA)
        levels.append(cv2.GaussianBlur(small, (0, 0), 0.8 * rough * (SIDE >> k) / np.pi, borderType=cv2.BORDER_REFLECT))
    return Surroundings(tuple(levels), _irradiance(radiance, share.sum(0)), share)


def _irradiance(radiance: F32, floor: F32 | None) -> F32:
    """Irradiance / pi by normal [COARSE, COARSE, 3]; below the horizon a gray floor lit by `floor`."""
    small = cv2.resize(radiance.astype(np.float32), (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    if floor is not None:
        small = np.where(directions(COARSE)[..., 2:] < 0, 0.4 * floor, small)
    return (_cosine() @ small.reshape(-1, 3)).reshape(COARSE, COARSE, 3).astype(np.float32)


def faceted(piece: Traced) -> tuple[bool, ...]:
    """Tell for each material whether it has plane faces, from the normals of some of its samples."""
    ahead = LAG if piece.samples == 4 else LAG // 2
    first = np.arange(0, len(piece.record) - ahead, max(1, len(piece.record) // 200000))
    one, other = piece.record[first], piece.record[first + ahead]
    beside = (other["index"] - one["index"] == LAG) & (one["ident"] == other["ident"])
    same = beside & (one["normal"] == other["normal"]).all(1)
    count = len(piece.materials)
    of, flat = (np.bincount(one["ident"][chosen], minlength=count) for chosen in (beside, same))
    return tuple((flat > FLAT * of).tolist())


def redrawn(rng: np.random.Generator, given: Material, slot: str, faceted: bool = False) -> Material:
    """Return the same kind of material in another alloy, colour and finish; some turn opaque."""
    if given.kind == "metal" and (slot == "prop" or rng.random() > CARVED):
        return materials.metal(rng)
    if given.kind == "clear" and rng.random() > (CUT if faceted else SMOOTH):
        return replace(materials.clear(rng), ior=given.ior)
    if given.kind == "pearl":
        return materials.pearl(rng)
    if slot == "prop" and given.kind != "clear" and rng.random() > GAUDY:
        return materials.faded(rng, given)
    if slot == "prop" or given.kind == "matte":
        return replace(given, color=materials.random_color(rng, 0.75), second=None)
    kinds = list(KINDS)
    return kinds[int(rng.choice(len(kinds), p=list(KINDS.values())))](rng)


def _noise(rng: np.random.Generator, size: int, cells: float) -> F32:
    """Smooth noise [size, size] of about `cells` blobs a side, mean 0, deviation 1."""
    n = int(np.clip(cells, 2, size // 2))
    field = cv2.resize(rng.normal(size=(n, n)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    return field / max(float(field.std()), 1e-3)


def patches(rng: np.random.Generator, size: int, sharpness: float, cells: float) -> F32:
    """Soft patches [size, size] in [0, 1], about `cells` blobs a side, that cover a random share of the picture."""
    return 1 / (1 + np.exp(-sharpness * (_noise(rng, size, cells) + rng.normal(0, 0.7))))


def _exits(record: NDArray[Any], which: int) -> F32:
    return record["exit"][:, which].astype(np.float32) / 32767


class Light(Protocol):
    """What lights a piece: `Surroundings` of a photo, or the `studio.Studio` of a catalog."""

    @property
    def irradiance(self) -> F32:
        """Irradiance / pi by normal [COARSE, COARSE, 3]."""
        ...

    @property
    def share(self) -> F32:
        """Irradiance / pi of the ground [3, 3] from the sky and from each lamp, RGB."""
        ...

    def seen(self, code: F32, at: NDArray[Any], roughness: float) -> F32:
        """Radiance [N, 3] in directions of octahedral `code` [N, 2] from what pixels `at` [N] show."""
        ...


@dataclass(frozen=True, slots=True)
class Layers:
    """A lit picture before it is put together, linear light.

    floor [S, S, 3]: the ground with its shadows. piece [S, S, 3]: everything on it, premultiplied by `covered` [S, S].
    answer [S, S, 3] uint8: coverage of alpha, metal and stone, without props.
    """

    floor: F32
    piece: F32
    covered: F32
    answer: U8


def lit(
    piece: Traced, ground: F32, around: Light, drawn: tuple[Material, ...], rng: np.random.Generator
) -> tuple[F32, U8]:
    """Return linear radiance [S, S, 3] and the answer [S, S, 3] uint8; see `layers`."""
    made = layers(piece, ground, around, drawn, rng)
    return composed(made), made.answer


def composed(made: Layers) -> F32:
    """Put a lit picture together: linear radiance [S, S, 3]."""
    return made.floor * (1 - made.covered[..., None]) + made.piece


def polished(rng: np.random.Generator, made: Layers) -> F32:
    """Return the floor [S, S, 3] with what it mirrors of the piece.

    What lies flat shows its own outline once more, a little lower in the picture, dimmer and less sharp.
    """
    size = len(made.floor)
    down, aside = float(np.exp(rng.uniform(np.log(0.01), np.log(0.15)))), float(rng.normal(0, 0.01))
    shift = np.array([[1, 0, aside * size], [0, 1, down * size]], np.float32)
    twin = cv2.warpAffine(np.dstack([made.piece, made.covered]), shift, (size, size))
    twin = cv2.GaussianBlur(twin, (0, 0), float(np.exp(rng.uniform(np.log(0.5), np.log(5)))))
    share = float(rng.uniform(0.1, 0.7))
    return made.floor * (1 - share * twin[..., 3:]) + share * twin[..., :3]


def layers(piece: Traced, ground: F32, around: Light, drawn: tuple[Material, ...], rng: np.random.Generator) -> Layers:
    """Light a piece and the ground below it.

    ground [S, S, 3]: linear reflectance seen by the camera, before light and shadow.
    """
    size = piece.size
    record = piece.record
    keep = np.stack([cv2.resize(p, (size, size), interpolation=cv2.INTER_CUBIC) for p in piece.shadow])
    light = np.tensordot(keep.astype(np.float32) / 255, around.share, (0, 0))
    floor = ground * light
    soft_floor = cv2.GaussianBlur(floor, (0, 0), 7)
    ident = np.asarray(record["ident"])
    radiance = np.zeros((len(record), 3), np.float32)
    color = np.array([m.color for m in drawn], np.float32)
    pixel = pixel_of(piece)

    def light_of(part: NDArray[Any], at: NDArray[Any], which: int, roughness: float) -> F32:
        out = np.zeros((len(part), 3), np.float32)
        end = part["end"][:, which]
        sky = np.flatnonzero(end == SKY)
        out[sky] = around.seen(_exits(part[sky], which), at[sky], roughness)
        table = np.flatnonzero(end == GROUND)
        if len(table):
            spot = part["exit"][table, which].astype(np.int32) >> 3
            spot = np.abs(spot) % (2 * size)
            spot = np.where(spot >= size, 2 * size - 1 - spot, spot)
            out[table] = (floor if roughness < LEVELS[1] / 2 else soft_floor)[spot[:, 1], spot[:, 0]]
        solid = np.flatnonzero(end == SOLID)
        if len(solid):
            normal = pixels(_exits(part[solid], which), COARSE)
            out[solid] = color[part["via"][solid, which]] * around.irradiance.reshape(-1, 3)[normal]
        glint = part["other"][:, which]
        met = np.flatnonzero((glint > 0) & (end != SOLID))
        out[met] *= color[part["via"][met, which]] ** glint[met, None]
        return out

    for k, made in enumerate(drawn):
        mine = np.flatnonzero(ident == k)
        if not len(mine):
            continue
        part = np.asarray(record[mine])
        at = pixel[mine]
        base = np.broadcast_to(color[k], (len(part), 3))
        if made.second is not None:
            field = _noise(rng, size, made.frequency * 8).ravel()[at]
            share = (np.sin(6 * field) > 0).astype(np.float32) if made.bands else np.clip(0.5 + 0.6 * field, 0, 1)
            share = share * (0.85 if made.kind == "metal" else 1.0)
            base = base * (1 - share[:, None]) + np.array(made.second, np.float32) * share[:, None]
        cos = part["facing"].astype(np.float32)[:, None] / 255
        grazing = (1 - cos) ** 5
        first = light_of(part, at, 0, made.roughness) if made.kind != "matte" else None
        if made.kind == "metal":
            again = part["own"][:, :1].astype(np.float32)
            radiance[mine] = (base + (1 - base) * grazing) * base**again * first
        elif made.kind == "clear":
            normal = ((made.ior - 1) / (made.ior + 1)) ** 2
            fresnel = normal + (1 - normal) * grazing
            inside = light_of(part, at, 1, 0.0)
            # Mirrored inside until the bounces ran out, a path leaves somewhere: it shows the mean of all directions.
            inside[part["end"][:, 1] == DARK] = around.irradiance.reshape(-1, 3).mean(0)
            inner = base**2 * inside  # tinted where it enters and where it leaves, as the renderer's stones are
            radiance[mine] = fresnel * first + (1 - fresnel) * inner
        else:
            normal = pixels(octahedral(part["normal"].astype(np.float32)), COARSE)
            diffuse = base * around.irradiance.reshape(-1, 3)[normal]
            coat = 0.0 if made.kind == "matte" else 0.04 + 0.96 * grazing
            radiance[mine] = diffuse * (1 - coat) + (coat * first if first is not None else 0)
    limit = 6 * float(np.percentile(floor, 90)) + 1e-3
    radiance = np.minimum(radiance, limit)
    held = np.array([_told(s, m) for s, m in zip(piece.slots, drawn, strict=True)])[ident]
    answer = np.dstack([summed(piece, pixel, mine) for mine in held.T])
    shown = np.dstack([summed(piece, pixel, radiance[:, c]) for c in range(3)])
    return Layers(floor, shown, summed(piece, pixel, None), np.round(answer * 255).astype(np.uint8))


def _told(slot: str, made: Material) -> tuple[bool, bool, bool]:
    """Tell whether a material belongs to the piece, is its metal, is its stone; cords and the like are neither."""
    is_metal = slot == "metal" and made.kind == "metal"
    return slot != "prop", is_metal, slot == "stone" or (slot == "metal" and not is_metal)


def pixel_of(piece: Traced) -> NDArray[Any]:
    """Return the flat pixel [N] that each record lies in."""
    index = np.asarray(piece.record["index"])
    return (index // (2 * piece.size)) // 2 * piece.size + (index % (2 * piece.size)) // 2


def summed(piece: Traced, pixel: NDArray[Any], weight: NDArray[Any] | None) -> F32:
    """Mean over each pixel's samples [S, S] of a weight [N] of the records, or of 1; `pixel` as of `pixel_of`."""
    total = np.bincount(pixel, weight, piece.size**2) / piece.samples
    return total.reshape(piece.size, piece.size).astype(np.float32)


BODIES = ("opaque", "pearl", "matte")
"""Kinds of material that scatter light in their body: opaque stones, pearls, cords; not metal, not clear stones."""


def coverage(piece: Traced, drawn: tuple[Material, ...], kinds: Sequence[str]) -> U8:
    """Coverage [S, S] of what is drawn of such kinds of material."""
    mine = np.array([made.kind in kinds for made in drawn])[np.asarray(piece.record["ident"])]
    return np.round(summed(piece, pixel_of(piece), mine) * 255).astype(np.uint8)


def redrawn_all(rng: np.random.Generator, piece: Traced) -> tuple[Material, ...]:
    """Return the materials of a piece, most of them drawn anew."""
    return tuple(
        redrawn(rng, *given) if rng.random() < 0.7 else given[0]
        for given in zip(piece.materials, piece.slots, faceted(piece), strict=True)
    )


def photograph(
    rng: np.random.Generator, piece: Traced, ground: U8, drawn: tuple[Material, ...], seed: int
) -> tuple[U8, U8]:
    """Take one photo [S, S, 3] uint8 sRGB of a traced piece on a ground [S, S, 3] uint8 sRGB, and its answer.

    drawn: materials, as `redrawn_all` draws them; `seed` draws the patterns of stones.
    """
    around = surroundings(rng, piece.lamps)
    reflectance = (ground.astype(np.float32) / 255) ** 2.2
    made = layers(piece, reflectance, around, drawn, np.random.default_rng(seed))
    floor = polished(rng, made) if rng.random() < POLISHED else made.floor
    image, answer = composed(replace(made, floor=floor)), made.answer
    size = piece.size
    if rng.random() < 0.5:  # shade of things beyond the frame
        veil = patches(rng, size, float(rng.uniform(1, 8)), float(rng.uniform(2, 5)))
        image *= (1 - float(rng.uniform(0.1, 0.7)) * veil)[..., None]
    bright, most = image.mean(-1), 0.95
    if rng.random() < METERED and (whole := answer[..., 0] > 240).sum() > 100:
        bright, most = bright[whole], 0.6
    gain = float(rng.uniform(0.15, most)) / max(float(np.percentile(bright, 60)), 1e-4)
    if rng.random() < 0.9:
        gain = min(gain, 1.4 / max(float(np.percentile(bright, 97)), 1e-4))
    x = image * gain
    knee = float(rng.uniform(0.6, 0.85))
    x = np.where(x > knee, knee + (1 - knee) * np.tanh((x - knee) / (1 - knee) / 1.6), x)
    x = np.clip(x, 0, 1) ** np.float32(1 / 2.2)
    photo = np.round(x * 255).astype(np.uint8)
    if rng.random() < 0.3:  # the table leaves the focal plane towards the picture's top or bottom
        near = float(rng.uniform(0, 1)) * size
        far = np.clip(np.abs(np.arange(size) - near) / size * float(rng.uniform(0.5, 2.5)), 0, 1)[:, None, None]
        sigma = float(rng.uniform(1, 4))
        photo = (photo * (1 - far) + cv2.GaussianBlur(photo, (0, 0), sigma) * far).astype(np.uint8)
        answer = (answer * (1 - far) + cv2.GaussianBlur(answer, (0, 0), sigma) * far).astype(np.uint8)
    return photo, answer
