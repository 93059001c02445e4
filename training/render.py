"""Render pairs: `python -m training.render --seeds 0:2000 --size 384 --out training/.data`.

For each seed: SEED.photo.jpg (seller's scene), SEED.white.png (target studio), SEED.answer.png
(R alpha, G metal, B stone coverage; SEED.white.answer.png for the studio, sharp and without props) and,
written last, SEED.json. Existing seeds are skipped.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

LLVM = Path("/usr/lib/x86_64-linux-gnu/libLLVM-19.so")


def choose_variant() -> str:
    """Select Mitsuba's compiled variant if LLVM 16 or newer is there, else the slow one with a warning."""
    import mitsuba as mi

    if "DRJIT_LIBLLVM_PATH" not in os.environ:
        for found in (LLVM, LLVM.with_name("libLLVM.so.19.1")):
            if found.exists():
                os.environ["DRJIT_LIBLLVM_PATH"] = str(found)
                break
    variant = "llvm_ad_rgb" if "DRJIT_LIBLLVM_PATH" in os.environ else "scalar_rgb"
    if variant == "scalar_rgb":
        warnings.warn("libllvm19 is missing: rendering with scalar_rgb, 3 to 4 times slower", stacklevel=2)
    mi.set_variant(variant)
    return variant


choose_variant()

import drjit as dr  # noqa: E402
import mitsuba as mi  # noqa: E402

from training import pieces, scenes  # noqa: E402
from training.geometry import Mesh, merge, noise  # noqa: E402
from training.piece import Kind, Material, Part, Piece  # noqa: E402
from training.scenes import Camera, Scene  # noqa: E402

COVER = {"metal": (1.0, 0.0, 0.0), "stone": (0.0, 1.0, 0.0), "other": (0.0, 0.0, 1.0), "prop": (0.0, 0.0, 0.0)}
COLOR = {"type": "mesh_attribute", "name": "vertex_color"}
DEPTH = 64
"""Hits at which a path ends, unless it has left: at 12 a diamond in a white studio loses a tenth of its light."""


def bsdf(material: Material) -> dict[str, Any]:
    """Return the Mitsuba node of a material; colour comes from the mesh's points."""
    if material.kind == "metal":
        inner = {
            "type": "roughconductor",
            "material": "none",
            "alpha": material.roughness,
            "specular_reflectance": COLOR,
        }
    elif material.kind == "clear":
        return {"type": "dielectric", "int_ior": material.ior, "specular_transmittance": COLOR}
    elif material.kind == "matte":
        inner = {"type": "diffuse", "reflectance": COLOR}
    else:
        inner = {
            "type": "principled",
            "base_color": COLOR,
            "roughness": material.roughness**0.5,
            "specular": 0.5,
            "clearcoat": 0.8 if material.kind == "pearl" else 0.0,
            "clearcoat_gloss": 0.9,
        }
    return {"type": "twosided", "nested": inner}


def colors(material: Material, mesh: Mesh) -> np.ndarray:
    """Linear RGB per point [V, 3]: plain, mottled or banded."""
    base = np.tile(np.array(material.color), (len(mesh.points), 1))
    if material.second is None:
        return base
    rng = np.random.default_rng(int(1e6 * material.frequency))
    field = noise(mesh.points, rng, material.frequency)
    share = (np.sin(6 * field) > 0).astype(float) if material.bands else np.clip(0.5 + 0.6 * field, 0, 1)
    if material.kind == "metal":
        share = share * 0.85
    return base * (1 - share[:, None]) + np.array(material.second) * share[:, None]


def shape(name: str, mesh: Mesh, node: dict[str, Any], tint: np.ndarray | None) -> mi.Mesh:
    """Build a Mitsuba mesh with normals and, optionally, a colour per point."""
    a, b, c = (mesh.points[mesh.faces[:, k]] for k in range(3))
    if np.einsum("ij,ij->", a, np.cross(b, c)) < 0:  # faces point inwards
        mesh = Mesh(mesh.points, mesh.faces[:, ::-1], mesh.smooth)
    props = mi.Properties()
    props["bsdf"] = mi.load_dict(node)
    made = mi.Mesh(name, len(mesh.points), len(mesh.faces), has_vertex_normals=True, props=props)
    if tint is not None:
        made.add_attribute("vertex_color", 3, tint.astype(np.float32).ravel())  # pyright: ignore[reportArgumentType]
    fields = mi.traverse(made)
    fields["vertex_positions"] = mesh.points.astype(np.float32).ravel()
    fields["vertex_normals"] = mesh.normals().astype(np.float32).ravel()
    fields["faces"] = mesh.faces.astype(np.uint32).ravel()
    fields.update()
    return made


# Dr.Jit compiles one kernel (2 to 4 CPU-s) per set of plugin counts. Padding every scene with hidden specks to
# these counts lets all scenes share the kernel: rendering a pair costs a third.
COUNTS: dict[tuple[Kind, float], int] = {
    ("metal", 1.5): 4,
    ("clear", 1.55): 2,
    ("clear", 1.76): 2,
    ("clear", 2.417): 2,
    ("opaque", 1.5): 6,
    ("pearl", 1.6): 2,
    ("matte", 1.5): 4,
}
SPECK = Mesh(np.array([[0, 0, -9.0], [0.01, 0, -9], [0, 0.01, -9]]), np.array([[0, 1, 2]]))


def shapes(parts: tuple[Part, ...]) -> dict[str, mi.Mesh]:
    """One mesh per material, in order of kind, padded to `COUNTS`."""
    groups: dict[Material, list[Mesh]] = defaultdict(list)
    for part in parts:
        groups[part.material].append(part.mesh)
    out = {}
    for (kind, ior), count in COUNTS.items():
        mine = [
            (material, merge(meshes))
            for material, meshes in groups.items()
            if (material.kind, material.ior) == (kind, ior)
        ]
        mine += [(Material(kind, (0.5, 0.5, 0.5), 0.2, ior), SPECK)] * (count - len(mine))
        for i, (material, mesh) in enumerate(mine):
            name = f"{kind}{ior}_{i:02d}".replace(".", "_")
            out[name] = shape(name, mesh, bsdf(material), colors(material, mesh))
    return out


def sensor(view: Camera, width: int, height: int, samples: int, rfilter: str) -> dict[str, Any]:
    """Return the camera node."""
    return {
        "type": "thinlens",
        "aperture_radius": max(view.lens, 1e-5),
        "focus_distance": view.focus,
        "fov": view.fov,
        "fov_axis": "x",
        "to_world": scenes.look_at(view.eye, view.target),
        "near_clip": 0.1,
        "film": {
            "type": "hdrfilm",
            "width": width,
            "height": height,
            "rfilter": {"type": rfilter},
            "pixel_format": "rgb",
        },
        "sampler": {"type": "independent", "sample_count": samples},
    }


def radiance(piece: Piece, scene: Scene, view: Camera, size: tuple[int, int], samples: int, seed: int) -> np.ndarray:
    """Render linear RGB [H, W, 3]: three clamped passes, averaged and denoised."""
    import mitsuba_oidn  # here: tracing alone (paths.py) does without

    parts = {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": DEPTH, "rr_depth": 8},
        "sensor": sensor(view, *size, max(samples // 3, 1), "box"),
        **scene.ground,
        **scene.lights,
        **shapes(piece.parts + scene.props),
    }
    world = mi.load_dict(parts)
    settings = mi.traverse(world)
    for key in list(settings.keys()):
        if dr.is_jit_v(settings[key]):
            value = settings[key]
            dr.make_opaque(value)
            settings[key] = value
    settings.update()
    total = np.zeros((size[1], size[0], 3))
    for k in range(3):
        rgb = np.maximum(
            np.nan_to_num(np.array(mi.render(world, seed=mi.UInt32(seed * 3 + k))), nan=0.0, posinf=0.0), 0
        )
        limit = 4 * np.percentile(rgb.max(-1), 90)
        total += rgb * np.minimum(1, limit / np.maximum(rgb.max(-1, keepdims=True), 1e-6))
    guide = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,normal:sh_normal"})
    guides = np.nan_to_num(np.array(mi.render(world, integrator=guide, seed=mi.UInt32(seed), spp=12))[..., -6:])
    rgb, guides = np.asarray(total / 3, np.float32), np.asarray(guides, np.float32)
    albedo, normal = np.ascontiguousarray(np.clip(guides[..., :3], 0, 1)), np.ascontiguousarray(guides[..., 3:])
    return np.maximum(np.array(mitsuba_oidn.denoise(np.ascontiguousarray(rgb), albedo, normal, hdr=True)), 0)


def coverage(
    piece: Piece, props: tuple[Part, ...], view: Camera, size: tuple[int, int], samples: int, seed: int
) -> np.ndarray:
    """Exact alpha, metal and stone coverage [H, W, 3] in [0, 1]; props in front take theirs away."""
    groups: dict[str, list[Mesh]] = {slot: [SPECK.moved(offset=(0, 0, -90))] for slot in COVER}
    for part in piece.parts:
        groups[part.slot].append(part.mesh)
    for part in props:
        groups["prop"].append(part.mesh)
    world: dict[str, Any] = {
        "type": "scene",
        "integrator": {"type": "aov", "aovs": "albedo:albedo"},
        "sensor": sensor(view, *size, samples, "box"),
    }
    for slot, meshes in groups.items():
        flat = {
            "type": "twosided",
            "nested": {"type": "diffuse", "reflectance": {"type": "rgb", "value": list(COVER[slot])}},
        }
        world[slot] = shape(slot, merge(meshes), flat, None)
    share = np.clip(np.array(mi.render(mi.load_dict(world), seed=mi.UInt32(seed)))[..., -3:], 0, 1)
    return np.stack([share.sum(-1).clip(0, 1), share[..., 0], share[..., 1]], -1)


def encoded(linear: np.ndarray) -> np.ndarray:
    """sRGB transfer; linear and result in [0, 1]."""
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 0.0031308) ** (1 / 2.4) - 0.055)


def studio_picture(linear: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Expose, shoulder and encode a studio render over pure white: uint8 [H, W, 3]."""
    empty = linear[alpha < 0.004]
    floor = np.percentile(empty.mean(-1), 60) if len(empty) > 200 else 1.15
    x = linear / floor
    x = np.where(x > 0.8, 0.8 + 0.2 * np.tanh((x - 0.8) / 0.3), x)
    out = encoded(x) * alpha[..., None] + 1 - alpha[..., None]
    return np.round(out * 255).astype(np.uint8)


def photo_picture(linear: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Expose as a camera does and encode with a random tone curve: uint8 [H, W, 3]."""
    light = linear.mean(-1)
    gain = float(rng.uniform(0.18, 0.62)) / max(float(np.percentile(light, 60)), 1e-4)
    gain = min(gain, 1.6 / max(float(np.percentile(light, 98)), 1e-4)) if rng.random() < 0.85 else gain
    x = linear * gain
    knee = float(rng.uniform(0.6, 0.85))
    x = np.where(x > knee, knee + (1 - knee) * np.tanh((x - knee) / (1 - knee) / 1.6), x)
    return np.round(encoded(x) * 255).astype(np.uint8)


def render_seed(
    seed: int, size: tuple[int, int], samples: int, out: Path, held_out: bool, photo_only: bool = False
) -> dict[str, Any]:
    """Render one piece in both scenes and write its files."""
    rng = np.random.default_rng(seed)
    start = time.perf_counter()
    piece = pieces.make(rng, held_out)
    view = scenes.camera(rng, piece, size[0] / size[1])
    scene = scenes.seller_scene(rng, piece, view)
    name = out / f"{seed:07d}"
    answer = coverage(piece, scene.props, view, size, 96 if view.lens else 48, seed)
    if answer[..., 0].mean() < 0.001:
        raise ValueError(f"seed {seed}: nothing in view")
    photo = photo_picture(radiance(piece, scene, view, size, samples, seed), rng)
    Image.fromarray(photo).save(f"{name}.photo.jpg", quality=96, subsampling=0)
    planes = np.round(answer * 255).astype(np.uint8)
    Image.fromarray(planes).save(f"{name}.answer.png")
    if photo_only:  # a set to measure on, as the evaluation set's scorer reads it: perf/quality.py --cases
        Image.fromarray(planes[..., 0]).save(f"{name}.alpha.png")
        Image.fromarray(planes[..., 2]).save(f"{name}.stone.png")
    else:
        sharp = scenes.without_lens(view)
        bare = answer if not view.lens and not scene.props else coverage(piece, (), sharp, size, 48, seed)
        white = studio_picture(radiance(piece, scenes.target_studio(), sharp, size, samples, seed), bare[..., 0])
        Image.fromarray(white).save(f"{name}.white.png")
        Image.fromarray(np.round(bare * 255).astype(np.uint8)).save(f"{name}.white.answer.png")
    note = {
        "seed": seed,
        "family": piece.family,
        "ground": scene.kind,
        "lens": view.lens,
        "fov": view.fov,
        "props": len(scene.props),
        "alpha": round(float(answer[..., 0].mean()), 5),
        "seconds": round(time.perf_counter() - start, 2),
    }
    Path(f"{name}.json").write_text(json.dumps(note))
    return note


def main() -> None:
    """Render the seeds of the command line that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="FIRST:END or FIRST:END:STEP")
    parser.add_argument("--size", default="384", help="SIDE or WIDTHxHEIGHT")
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path("training/.data"))
    parser.add_argument("--held-out", action="store_true", help="only families that are never trained on")
    parser.add_argument("--photo-only", action="store_true", help="leave the target studio out")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    width, _, height = options.size.partition("x")
    for seed in range(*map(int, options.seeds.split(":"))):
        if (options.out / f"{seed:07d}.json").exists():
            continue
        try:
            note = render_seed(
                seed,
                (int(width), int(height or width)),
                options.samples,
                options.out,
                options.held_out,
                options.photo_only,
            )
        except ValueError as reason:
            print(f"skipped: {reason}", flush=True)
            continue
        print(json.dumps(note), flush=True)


if __name__ == "__main__":
    main()
