"""Trace a piece's light paths once, to light it again and again: `python -m training.paths --seeds 0:1000`.

Path tracing one photo costs several CPU-seconds and fixes its light for good. Here only what depends on geometry is
computed, for 2x2 samples per pixel: which material is hit, its normal, where the mirrored and the refracted ray leave
the piece and what they met on their way. `shade.photograph` turns that into photos under any surroundings, alloy,
stone colour and ground in milliseconds. What is left out: caustics, roughness of the second hit, more than one
outgoing path behind a facet.

For each seed: SEED.npy, one record (`records.RECORD`) per sample that hits the piece or a prop; SEED.npz, the shadows
on the ground; and, written last, SEED.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training import pieces, poses, props, render, scenes
from training.geometry import merge
from training.piece import Material, Part
from training.records import GROUND, RECORD, SKY, SLOTS, SOLID, Array, octahedral
from training.scenes import Camera

KINDS = ("metal", "clear", "opaque", "pearl", "matte")
PATTERN = np.array([[0.125, 0.625], [0.375, 0.125], [0.875, 0.375], [0.625, 0.875]])
"""Rotated grid: no two of the four samples of a pixel share a row or a column, so edges get five levels of coverage."""
BOUNCES = 16
"""Hits at which a path ends, unless it has left: one in six in a diamond is mirrored inside seven times and more."""


@dataclass(frozen=True, slots=True)
class World:
    """One mesh for everything; `ident` [F] tells a face's material."""

    scene: Any
    points: Array
    normals: Array
    faces: Array
    ident: Array


def build(parts: tuple[Part, ...]) -> tuple[World, list[tuple[Material, str]]]:
    """Merge all parts into one traceable mesh; also return each material with its slot."""
    table: list[tuple[Material, str]] = []
    meshes, idents = [], []
    for part in parts:
        key = (part.material, part.slot)
        if key not in table:
            table.append(key)
        mesh = part.mesh.faceted()
        a, b, c = (mesh.points[mesh.faces[:, k]] for k in range(3))
        if np.einsum("ij,ij->", a - a.mean(0), np.cross(b - a, c - a)) < 0:
            mesh = type(mesh)(mesh.points, mesh.faces[:, ::-1], mesh.smooth)
        meshes.append(mesh)
        idents.append(np.full(len(mesh.faces), table.index(key), np.uint8))
    whole = merge(meshes)
    made = render.mi.Mesh("all", len(whole.points), len(whole.faces))
    fields = render.mi.traverse(made)
    fields["vertex_positions"] = whole.points.astype(np.float32).ravel()
    fields["faces"] = whole.faces.astype(np.uint32).ravel()
    fields.update()
    scene = render.mi.load_dict({"type": "scene", "all": made})
    return World(scene, whole.points, whole.normals(), whole.faces, np.concatenate(idents)), table


def cast(world: World, origin: Array, direction: Array) -> tuple[Array, Array]:
    """Return of the first hit distance [N] (inf: none) and [N, 3]: face, barycentric u and v."""
    if not len(origin):
        return np.zeros(0), np.zeros((0, 3))
    start, toward = (a.T.astype(np.float32) for a in (origin, direction))
    ray = render.mi.Ray3f(render.mi.Point3f(start), render.mi.Vector3f(toward))
    hit = world.scene.ray_intersect_preliminary(ray, coherent=False)
    far = np.array(hit.t)
    return np.where(np.isfinite(far), far, np.inf), np.stack(
        [np.array(hit.prim_index, np.float64), np.array(hit.prim_uv.x), np.array(hit.prim_uv.y)], 1
    )


def surface(world: World, hit: Array) -> tuple[Array, Array]:
    """Material [N] and unit shading normal [N, 3] of hits."""
    face = hit[:, 0].astype(np.int64)
    corner = world.faces[face]
    u, v = hit[:, 1:2], hit[:, 2:3]
    normal = (1 - u - v) * world.normals[corner[:, 0]]
    normal += u * world.normals[corner[:, 1]] + v * world.normals[corner[:, 2]]
    return world.ident[face], normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)


def mirrored(direction: Array, normal: Array) -> Array:
    """Reflect unit vectors about unit normals, both [N, 3]."""
    return direction - 2 * (direction * normal).sum(1, keepdims=True) * normal


def bent(direction: Array, normal: Array, eta: Array) -> tuple[Array, Array]:
    """Refract by Snell's law, eta = n1 / n2 [N]; the second array tells total internal reflection."""
    cos = -(direction * normal).sum(1)
    rest = 1 - eta**2 * (1 - cos**2)
    out = eta[:, None] * direction + (eta * cos - np.sqrt(np.maximum(rest, 0)))[:, None] * normal
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9), rest < 0


class Lens:
    """Pinhole of a `Camera`: photo pixels to rays, and points of space to photo pixels."""

    def __init__(self, view: Camera, width: int, height: int) -> None:
        eye, target = np.array(view.eye), np.array(view.target)
        self.eye = eye
        self.forward = (target - eye) / np.linalg.norm(target - eye)
        up = np.array([0, 1.0, 0]) if np.hypot(*(eye - target)[:2]) < 1e-3 else np.array([0, 0, 1.0])
        self.right = np.cross(self.forward, up)
        self.right /= np.linalg.norm(self.right)
        self.down = np.cross(self.forward, self.right)
        self.scale = np.tan(np.radians(view.fov) / 2) * 2 / width
        self.centre = np.array([width / 2, height / 2])

    def rays(self, at: Array) -> Array:
        """Unit directions [N, 3] through photo pixels [N, 2] (x, y)."""
        flat = (at - self.centre) * self.scale
        out = self.forward + flat[:, :1] * self.right + flat[:, 1:] * self.down
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    def project(self, points: Array) -> Array:
        """Photo pixels [N, 2] of points [N, 3]; far outside where a point lies behind the camera."""
        ray = points - self.eye
        ahead = np.maximum(ray @ self.forward, 0.05)
        return np.stack([ray @ self.right / ahead, ray @ self.down / ahead], 1) / self.scale + self.centre


def follow(
    world: World,
    table: list[tuple[Material, str]],
    lens: Lens,
    origin: Array,
    direction: Array,
    own: Array,
    inside: bool,
    out: Array,
    which: int,
) -> None:
    """Follow one path per sample to its end and write it into column `which` of `out`.

    The path mirrors on metal, passes straight through a stone it meets from outside, and ends on anything diffuse.
    With `inside` it starts within the stone `own` and leaves where Snell's law lets it.
    """
    kinds = np.array([KINDS.index(material.kind) for material, _ in table])
    ior = np.array([material.ior for material, _ in table])
    live = np.arange(len(origin))
    within = np.full(len(origin), inside)
    origin, direction = origin.copy(), direction.copy()
    end, exits, via, other = out["end"], out["exit"], out["via"], out["other"]
    for bounce in range(BOUNCES + 1):
        far, hit = cast(world, origin[live], direction[live])
        lost = ~np.isfinite(far)
        gone = live[lost]
        if len(gone):
            down = direction[gone, 2] < -1e-3
            run = np.where(down, -origin[gone, 2] / np.where(down, direction[gone, 2], -1), 0)
            down &= run < 25
            sky, ground = gone[~down], gone[down]
            end[sky, which] = SKY
            exits[sky, which] = np.round(octahedral(direction[sky]) * 32767)
            end[ground, which] = GROUND
            spot = lens.project(origin[ground] + run[down, None] * direction[ground])
            exits[ground, which] = np.clip(np.round(spot * 8), -32000, 32000)
        live, far, hit = live[~lost], far[~lost], hit[~lost]
        if not len(live) or bounce == BOUNCES:
            break
        ident, normal = surface(world, hit)
        ray = direction[live]
        outward = (normal * ray).sum(1) > 0  # leaving through the far side of a face
        toward = np.where(outward[:, None], -normal, normal)
        origin[live] += far[:, None] * ray
        kind = kinds[ident]
        stone, metal = kind == KINDS.index("clear"), kind == KINDS.index("metal")
        # Inside the own stone: refract out if possible, else mirror.
        here = within[live] & stone
        turned = mirrored(ray, toward)
        through, total = bent(ray, toward, ior[ident])
        leaves = here & ~total
        direction[live] = np.where((here & total)[:, None], turned, ray)
        direction[live[leaves]] = through[leaves]
        # Outside: mirror on metal, go on through another stone, end on the rest.
        bright = metal
        direction[live[bright]] = turned[bright]
        met = ident != own[live]
        tinted = live[(bright | (stone & ~here)) & met]
        via[tinted, which] = ident[(bright | (stone & ~here)) & met]
        other[tinted, which] = np.minimum(other[tinted, which] + 1, 6)
        again = live[bright & ~met]
        if not inside:
            out["own"][again, which] = np.minimum(out["own"][again, which] + 1, 6)
        within[live[leaves]] = False
        stops = ~(stone | metal)
        done = live[stops]
        end[done, which] = SOLID
        via[done, which] = ident[stops]
        exits[done, which] = np.round(octahedral(toward[stops]) * 32767)
        side = np.where((leaves | (stone & ~here))[:, None], ray, toward)
        origin[live] += 2e-4 * np.where(stone[:, None] & leaves[:, None], direction[live], side)
        live = live[~stops]


def hemisphere(rng: np.random.Generator, count: int) -> Array:
    """Cosine-weighted directions [count, 3] about +z."""
    r, a = np.sqrt(rng.random(count)), rng.uniform(0, 2 * np.pi, count)
    return np.stack([r * np.cos(a), r * np.sin(a), np.sqrt(np.maximum(1 - r**2, 1e-4))], 1)


def shadows(world: World, lens: Lens, size: int, rng: np.random.Generator, step: int = 2) -> tuple[Array, Array]:
    """Return shares of light kept on the ground, uint8 [3, h, w] at 1/`step` of the photo, and the two lamps [2, 3].

    Plane 0 is the sky's (ambient occlusion), planes 1 and 2 those of two lamps of some extent.
    """
    side = size // step
    y, x = np.mgrid[0:side, 0:side]
    at = np.stack([x.ravel(), y.ravel()], 1) * step + step / 2
    ray = lens.rays(at)
    down = ray[:, 2] < -0.02
    spot = lens.eye + np.where(down, -lens.eye[2] / np.where(down, ray[:, 2], -1), 0)[:, None] * ray
    spot[:, 2] = 1e-3
    near = np.abs(spot[:, :2]).max(1) < 7
    chosen = np.flatnonzero(down & near)
    planes = np.full((3, side * side), 255, np.uint8)
    lamps = np.stack([hemisphere(rng, 1)[0], hemisphere(rng, 1)[0]])
    lamps[:, 2] = np.maximum(lamps[:, 2], 0.35)
    lamps /= np.linalg.norm(lamps, axis=1, keepdims=True)
    rays: list[Callable[[int], Array]] = [lambda n: hemisphere(rng, n)]
    for lamp in lamps:
        extent = float(np.exp(rng.uniform(np.log(0.01), np.log(0.3))))
        rays.append(lambda n, lamp=lamp, extent=extent: lamp + extent * rng.normal(size=(n, 3)))
    for plane, (draw, count) in enumerate(zip(rays, (12, 8, 8), strict=True)):
        free = np.zeros(len(chosen))
        for _ in range(count):
            direction = draw(len(chosen))
            direction /= np.linalg.norm(direction, axis=1, keepdims=True)
            free += ~np.isfinite(cast(world, spot[chosen], direction)[0])
        planes[plane, chosen] = np.round(255 * free / count)
    return planes.reshape(3, side, side), lamps


def trace(
    seed: int,
    size: int,
    out: Path,
    held_out: bool,
    cluttered: bool = True,
    raised: float = 0.0,
    family: str | None = None,
    petals: float = 0.0,
) -> dict[str, Any]:
    """Trace one piece, with props beside it if `cluttered`, and write its files.

    raised, petals: shares that are held up, and that dried petals or leaves are strewn about; family: the one to make
    instead of one drawn.
    """
    start = time.perf_counter()
    rng = np.random.default_rng(seed)
    piece = pieces.make(rng, held_out, family)
    apart = np.random.default_rng((seed, 1))  # the rest stays what its seed made before
    if apart.random() < raised:
        piece = poses.raised(apart, piece)
    view = scenes.without_lens(scenes.camera(rng, piece))
    clutter = scenes.clutter(rng, piece) if cluttered else ()
    if apart.random() < petals:
        clutter += props.strewn(apart, piece)
    beside = tuple(Part(p.mesh, p.material, "prop") for p in clutter)  # type: ignore[arg-type]
    world, table = build(piece.parts + beside)
    if len(table) > 250:
        raise ValueError(f"seed {seed}: {len(table)} materials")
    lens = Lens(view, size, size)
    y, x = np.mgrid[0 : 2 * size, 0 : 2 * size]
    at = np.stack([x.ravel() // 2, y.ravel() // 2], 1) + PATTERN[((y % 2) * 2 + x % 2).ravel()]
    ray = lens.rays(at)
    far, hit = cast(world, np.broadcast_to(lens.eye, ray.shape), ray)
    found = np.flatnonzero(np.isfinite(far))
    ident, normal = surface(world, hit[found])
    ray, spot = ray[found], lens.eye + far[found, None] * ray[found]
    normal = np.where(((normal * ray).sum(1) > 0)[:, None], -normal, normal)
    record = np.zeros(len(found), RECORD)
    record["index"], record["ident"] = found, ident
    record["normal"] = np.round(normal * 127)
    record["facing"] = np.round(-(normal * ray).sum(1).clip(-1, 0) * 255)
    record["via"] = ident[:, None]
    slots = np.array([SLOTS.index(slot) for _, slot in table])
    covered = int((slots[ident] != SLOTS.index("prop")).sum())
    if covered < 0.001 * len(at):
        raise ValueError(f"seed {seed}: nothing in view")
    kind = np.array([KINDS.index(material.kind) for material, _ in table])[ident]
    shiny = np.flatnonzero(kind != KINDS.index("matte"))
    part = record[shiny]
    follow(
        world,
        table,
        lens,
        spot[shiny] + 2e-4 * normal[shiny],
        mirrored(ray[shiny], normal[shiny]),
        ident[shiny],
        False,
        part,
        0,
    )
    record[shiny] = part
    clear = np.flatnonzero(kind == KINDS.index("clear"))
    if len(clear):
        part = record[clear]
        ior = np.array([material.ior for material, _ in table])[ident[clear]]
        inward, _ = bent(ray[clear], normal[clear], 1 / ior)
        follow(world, table, lens, spot[clear] - 2e-4 * normal[clear], inward, ident[clear], True, part, 1)
        record[clear] = part
    planes, lamps = shadows(world, lens, size, rng)
    name = out / f"{seed:07d}"
    np.save(f"{name}.npy", record)
    note = {
        "seed": seed,
        "family": piece.family,
        "size": size,
        "materials": [{"slot": slot, **asdict(material)} for material, slot in table],
        "lamps": lamps.round(4).tolist(),
        "camera": {"eye": view.eye, "target": view.target, "fov": view.fov},
        "triangles": len(world.faces),
        "alpha": round(covered / len(at), 5),
        "seconds": round(time.perf_counter() - start, 2),
    }
    np.savez_compressed(f"{name}.npz", shadow=planes)
    Path(f"{name}.json").write_text(json.dumps(note))
    return note


def main() -> None:
    """Trace the seeds of the command line that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="FIRST:END or FIRST:END:STEP")
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--out", type=Path, default=Path("training/.data/paths"))
    parser.add_argument("--held-out", action="store_true", help="only families that are never trained on")
    parser.add_argument("--families", nargs="*", help="leave out seeds that draw any other")
    parser.add_argument("--raised", type=float, default=0.0, help="share held up over the ground, shadows apart")
    parser.add_argument("--family", help="the one family to make, whatever a seed draws")
    parser.add_argument("--petals", type=float, default=0.0, help="share with dried petals or leaves about the piece")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in range(*map(int, options.seeds.split(":"))):
        if (options.out / f"{seed:07d}.json").exists():
            continue
        if options.families and pieces.draw(np.random.default_rng(seed), options.held_out) not in options.families:
            continue
        try:
            note = trace(
                seed,
                options.size,
                options.out,
                options.held_out,
                raised=options.raised,
                family=options.family,
                petals=options.petals,
            )
        except ValueError as reason:
            print(f"skipped: {reason}", flush=True)
            continue
        note = {key: note[key] for key in ("seed", "family", "triangles", "alpha", "seconds")}
        print(json.dumps(note), flush=True)


if __name__ == "__main__":
    main()
