"""Where the photo is taken: ground, light, clutter and camera, drawn at random; and the target studio."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import mitsuba as mi
import numpy as np
from PIL import Image

from training import assets, materials
from training.geometry import Array
from training.grounds import drawn_texture, fractal
from training.piece import Part, Piece
from training.props import clutter

CAMERA_DISTANCE = 6.1
TEXTURE = 1024  # pixels along a ground texture; all the same, see render.COUNTS
Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Camera:
    """Thin-lens camera: eye and target [3], field of view in degrees along x, lens radius (0: sharp), focus."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    fov: float
    lens: float
    focus: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything around the piece. `ground` and `lights` are Mitsuba nodes; `props` are never jewelry."""

    kind: str
    ground: dict[str, Any]
    lights: dict[str, Any]
    props: tuple[Part, ...]


def look_at(eye: Array | tuple[float, ...], target: Array | tuple[float, ...]) -> mi.ScalarTransform4f:
    """Return a frame at `eye` that faces `target`, z up."""
    up = [0, 0, 1] if abs(eye[0] - target[0]) + abs(eye[1] - target[1]) > 1e-3 else [0, 1, 0]
    return mi.ScalarTransform4f().look_at(origin=list(map(float, eye)), target=list(map(float, target)), up=up)


def _triple(values: Array) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    return x, y, z


def camera(rng: np.random.Generator, piece: Piece, aspect: float = 1.0, fill: float | None = None) -> Camera:
    """Draw a view: mostly from above, the piece small, filling the frame or running off it.

    `aspect`: width / height; `fill`: the piece's share of the frame, drawn if not given.
    """
    height = np.radians(
        float(rng.choice([rng.uniform(60, 89), rng.uniform(35, 60), rng.uniform(22, 35)], p=[0.5, 0.38, 0.12]))
    )
    points = piece.points()
    points = points[:: max(len(points) // 4000, 1)]
    middle = (points.min(0) + points.max(0)) / 2
    away = CAMERA_DISTANCE * np.array([0, -np.cos(height), np.sin(height)])
    eye = middle * [0.3, 0.3, 0.0] + away
    forward = (middle - eye) / np.linalg.norm(middle - eye)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    ray = points - eye
    u, v = ray @ right / (ray @ forward), ray @ up / (ray @ forward)
    half = max((u.max() - u.min()) / 2, (v.max() - v.min()) / 2 * aspect)
    drawn = float(
        rng.choice([rng.uniform(0.18, 0.45), rng.uniform(0.45, 0.92), rng.uniform(0.92, 2.0)], p=[0.2, 0.6, 0.2])
    )
    view = min(half / (fill or drawn), 0.6)  # tangent of half the field of view
    room = abs(view - half) + 0.1 * view
    shift = rng.uniform(-0.8, 0.8, 2) * room * [1, 1 / aspect]
    aim = eye + CAMERA_DISTANCE * (
        forward + ((u.max() + u.min()) / 2 + shift[0]) * right + ((v.max() + v.min()) / 2 + shift[1]) * up
    )
    lens = float(rng.uniform(0.02, 0.09)) * min(1.0, 3 * view) if rng.random() < 0.35 else 0.0
    focus = float(np.linalg.norm(middle - eye) + rng.normal(0, 0.15))
    fov = float(np.degrees(2 * np.arctan(view)))
    return Camera(_triple(eye), _triple(aim), fov, lens, focus)


@dataclass(frozen=True, slots=True)
class Texture:
    """sRGB uint8 [H, W, 3] laid `tiles` times along a ground, turned by `turn` degrees."""

    pixels: np.ndarray
    tiles: float = 1.0
    turn: float = 0.0

    def node(self) -> Node:
        """Bitmap node; tiling is left to the mesh, since Dr.Jit compiles `to_uv` into the kernel."""
        pixels = self.pixels
        if pixels.shape[:2] != (TEXTURE, TEXTURE):
            image = Image.fromarray(np.ascontiguousarray(pixels))
            pixels = np.asarray(image.resize((TEXTURE, TEXTURE), Image.Resampling.BICUBIC))
        return {"type": "bitmap", "bitmap": mi.Bitmap(np.array(pixels))}


def _sheet(corners: Array, texture: Texture, surface: Node) -> mi.Mesh:
    """Build a quad of `corners` [4, 3] (counter-clockwise seen from its front); `surface`: a BSDF or an emitter."""
    props = mi.Properties()
    props["emitter" if surface["type"] == "area" else "bsdf"] = mi.load_dict(surface)
    mesh = mi.Mesh("sheet", 4, 2, has_vertex_normals=True, has_vertex_texcoords=True, props=props)
    normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    angle = np.radians(texture.turn)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    fields = mi.traverse(mesh)
    fields["vertex_positions"] = corners.astype(np.float32).ravel()
    fields["vertex_normals"] = np.tile(normal / np.linalg.norm(normal), 4).astype(np.float32)
    uv = texture.tiles * np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) @ turn.T
    fields["vertex_texcoords"] = uv.astype(np.float32).ravel()
    fields["faces"] = np.array([0, 1, 2, 0, 2, 3], np.uint32)
    fields.update()
    return mesh


def _coat(texture: Node, rough: float | None) -> Node:
    if rough is None:
        return {"type": "twosided", "nested": {"type": "diffuse", "reflectance": texture}}
    return {"type": "twosided", "nested": {"type": "roughplastic", "diffuse_reflectance": texture, "alpha": rough}}


def _lain(texture: Texture, rough: float | None, wall: float | None = None, half: float = 14.0) -> dict[str, Any]:
    """Return ground and wall (at distance `wall`, if any) in one coat.

    The other coat lies out of sight, so that every scene has the same plugins: see `render.COUNTS`.
    """
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float) * half
    upright = square[:, [0, 2, 1]] + [0, wall or 0, 0]
    nodes = {}
    for name, coat in (("dull", None), ("glossy", 0.1 if rough is None else rough)):
        used = (coat is None) == (rough is None)
        nodes[f"ground_{name}"] = _sheet(square - [0, 0, 0 if used else 20], texture, _coat(texture.node(), coat))
        nodes[f"wall_{name}"] = _sheet(
            upright if used and wall else square - [0, 0, 21], texture, _coat(texture.node(), coat)
        )
    return nodes


SQUARE = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float)


def _facing(
    at: Array | tuple[float, ...], target: tuple[float, float, float], half: tuple[float, float], surface: Node
) -> mi.Mesh:
    """Build a quad of half sides `half` at `at` that faces `target`."""
    frame = np.array(look_at(at, target).matrix)
    corners = SQUARE * [*half, 0] @ frame[:3, :3].T + np.asarray(at)
    return _sheet(corners, Texture(np.zeros((1, 1, 3), np.uint8)), surface)


def _lamp(radiance: Array | list[float]) -> Node:
    return {"type": "area", "radiance": {"type": "rgb", "value": [float(w) for w in radiance]}}


def _plain(color: list[float]) -> Texture:
    """Return one linear colour, as a bitmap of the same size as all the others."""
    level = np.array(color)
    code = np.where(level <= 0.0031308, 12.92 * level, 1.055 * np.maximum(level, 0.0031308) ** (1 / 2.4) - 0.055)
    return Texture(np.tile(np.round(255 * code).astype(np.uint8), (TEXTURE, TEXTURE, 1)))


GROUNDS = {
    "photo texture": 0.3,
    "marble": 0.05,
    "granite": 0.03,
    "weave": 0.04,
    "planks": 0.08,
    "stripes": 0.02,
    "dots": 0.02,
    "paper": 0.09,
    "white sweep": 0.12,
    "black acrylic": 0.04,
    "velvet": 0.05,
    "print": 0.05,
    "slate": 0.05,
    "linen": 0.05,
    "pattern": 0.04,
    "crumpled": 0.04,
    "knit": 0.04,
    "skin": 0.04,
    "page": 0.03,
    "tiles": 0.02,
}


def ground(rng: np.random.Generator, kind: str | None = None) -> tuple[str, dict[str, Any]]:
    """Draw what the piece lies on: its name and its nodes."""
    chances = np.array(list(GROUNDS.values()))
    kind = kind or str(rng.choice(list(GROUNDS), p=chances / chances.sum()))
    turn, tiles = float(rng.uniform(0, 360)), 28 / float(rng.uniform(3.0, 9.0))
    gloss = float(rng.choice([0.1, 0.3])) if rng.random() < 0.35 else None
    wall = None
    if kind == "photo texture":
        name = assets.GROUNDS[int(rng.integers(len(assets.GROUNDS)))]
        texture = Texture(assets.picture(assets.GAME / name)[..., :3], tiles, turn)
    elif kind == "print":
        name = assets.PHOTOGRAPHS[int(rng.integers(len(assets.PHOTOGRAPHS)))]
        texture = Texture(assets.picture(assets.ASSETS / name)[..., :3], tiles / 2, turn)
    elif kind == "white sweep":
        white = float(rng.uniform(0.7, 0.93))
        texture = _plain([white * float(c) for c in rng.uniform(0.97, 1.0, 3)])
        gloss = 0.3 if rng.random() < 0.2 else None
        wall = float(rng.uniform(3, 7))
    elif kind == "black acrylic":
        texture = _plain([float(rng.uniform(0.005, 0.04)) if rng.random() < 0.7 else 0.85] * 3)
        gloss = 0.03
    elif kind == "velvet":
        color = np.array(materials.random_color(rng, 0.95)) * rng.uniform(0.2, 0.8)
        pixels = np.clip(255 * (color * (0.7 + 0.6 * fractal(rng, power=0.4)[..., None])) ** (1 / 2.2), 0, 255)
        texture, gloss = Texture(pixels.astype(np.uint8), tiles * 2, turn), None
    else:
        texture = Texture(
            drawn_texture(rng, kind),
            tiles * {"weave": 2.0, "linen": 1.5, "skin": 0.7, "crumpled": 0.8}.get(kind, 1.0),
            turn,
        )
    return kind, _lain(texture, gloss, wall)


@lru_cache(maxsize=20)
def _light_map(path: Path) -> np.ndarray:
    pixels = np.array(mi.Bitmap(str(path)).convert(mi.Bitmap.PixelFormat.RGB, mi.Struct.Type.Float32))
    pixels = np.clip(pixels, 0, 60)
    cast = pixels.mean((0, 1)) / max(float(pixels.mean()), 1e-6)
    return pixels / max(float(pixels.mean()), 1e-6) / cast**0.7  # a camera balances most of the cast away


def _aside(rng: np.random.Generator, axis: Array) -> Array:
    """Return a direction [3] above the table at least 44 degrees from `axis`, where a light does not block the view."""
    while True:
        out = rng.normal(size=3)
        out[2] = abs(out[2]) + 0.25
        out /= np.linalg.norm(out)
        if out @ axis < np.cos(np.radians(44)):
            return out


def lights(rng: np.random.Generator, view: Camera) -> dict[str, Any]:
    """Draw a surrounding map and up to two soft boxes, none between the camera and the piece."""
    maps = assets.light_maps()
    pixels = _light_map(maps[int(rng.integers(len(maps)))]) * float(rng.uniform(0.3, 1.0))
    turn = mi.ScalarTransform4f().rotate([0, 0, 1], float(rng.uniform(0, 360))) @ mi.ScalarTransform4f().rotate(
        [1, 0, 0], 90
    )
    nodes: dict[str, Any] = {"around": {"type": "envmap", "bitmap": mi.Bitmap(pixels), "to_world": turn}}
    axis = np.array(view.eye) / np.linalg.norm(view.eye)
    lit = int(rng.choice([0, 1, 2], p=[0.3, 0.45, 0.25]))
    for i in range(2):
        out = _aside(rng, axis)
        far, half = float(rng.uniform(4, 7)), float(np.exp(rng.uniform(np.log(0.15), np.log(2.0))))
        power = float(rng.uniform(1, 8)) / half**2 * (far / 5) ** 2 * 1.2 if i < lit else 1e-6
        warm = np.clip([1, 1, 1] + np.array([1, 0.2, -1]) * rng.normal(0, 0.12), 0.4, 1.4) * power
        nodes[f"box{i}"] = _facing(out * far, (0, 0, 0.2), (half, half * float(rng.uniform(0.5, 1))), _lamp(warm))
    return nodes


def seller_scene(rng: np.random.Generator, piece: Piece, view: Camera) -> Scene:
    """Draw a scene as a seller takes it."""
    kind, nodes = ground(rng)
    return Scene(kind, nodes, lights(rng, view), clutter(rng, piece))


def target_studio() -> Scene:
    """The one studio that catalog pictures are lit in: white floor, dome, key, fill, two black cards."""

    def square(at: tuple[float, float, float], half: float, radiance: float) -> mi.Mesh:
        return _facing(at, (0, 0, 0.3), (half, half), _lamp([radiance] * 3))

    def card(at: tuple[float, float, float]) -> mi.Mesh:
        return _facing(at, (0, 0, 1), (0.45, 1.6), _coat(_plain([0.02] * 3).node(), None))

    dome = np.full((256, 512, 3), 0.75, np.float32)
    return Scene(
        "studio",
        _lain(_plain([0.92] * 3), None, half=60.0) | {"left": card((-4.2, 0, 1)), "right": card((4.2, 0, 1))},
        {
            "dome": {"type": "envmap", "bitmap": mi.Bitmap(dome)},
            "key": square((-3.2, 2.4, 4.6), 1.3, 5.0),
            "fill": square((3.6, -1.2, 3.6), 1.0, 2.5),
        },
        (),
    )


def without_lens(view: Camera) -> Camera:
    """Return the same view, sharp everywhere."""
    return replace(view, lens=0.0)
