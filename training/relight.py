"""The relight network: from a photo and what is known of its piece to a grid of affine colour transforms.

As in HDRNet (Gharbi et al. 2017) the network decides at low resolution, and the transform is applied to the photo's
own pixels at theirs: hallmarks, milgrain and facets stay what they are. Convolution, ReLU, bilinear resize, pixel
unshuffle, pooling, concatenation and pointwise functions only.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.network import Merge, conv, fill

STEPS = (32, 48, 80, 112, 128)
"""Channels at strides 2, 4, 8, 16, 32."""
LUMINANCE = (0.2126, 0.7152, 0.0722)
GRID = 4
"""Pixels of `seen` per cell of the grid, each way."""
SHRUNK = 2
"""Pixels of `seen` to one that the convolutions look at, each way: what the light is, is told at a smaller size than
what each part of the piece is like now."""
GAIN = {"metal": 1.5, "body": 2.2}
"""The most that metal's light is multiplied by, and divided by, and that of all else, as a natural logarithm.

A clear stone's dark may come to shine; metal's dark reflections stay what they are. A photo's exposure is beside it.
"""
BRIGHT = 0.65
"""Relative luminance of metal in a catalog, about: alloys differ less than the photos of one do."""
SCARCE = 3e-4
"""Share of the square from which metal tells the exposure."""
EXPOSED = 2.5
"""The most that an exposure is made up for, as a difference of logits."""
GLIMPSE = 1e-2
"""Share of the square that has to be bare for the ground to tell the most that the exposure may lack."""
BLACK = 1e3
"""What is darker than one part in so many is quite black."""
SPARKLE = 0.25
"""How far metal's exposure may go beyond what the ground allows, as a natural logarithm: metal mirrors lamps."""
TINT = 0.7
"""The most that a channel of the alloy's hue may differ from what the photo shows of it, as a natural logarithm."""
COOL = 0.03
"""How much more green than red, and blue than green, an alloy may reflect, as a natural logarithm."""
STRAY = 0.05
"""How far metal's hue may move where the old ground had none, as a natural logarithm."""
BARE = 20.0
"""What is covered by more than one part in so many is not taken for the old ground."""
FLATTEST = {"metal": (0.4, 0.15), "body": (0.85, 0.85), "clear": (0.5, 0.6)}
"""The least shares of their departures from the mean that each keeps: of lightness and of colour.

Less lightness would be a veil. The old place's colours in metal are to go, and what a clear stone shows of its light.
"""
CLEAR, MIRRORING = 11, 16
"""Planes of the head that tell what is clear, and what is metal indeed, as logits."""
SHOWN = {"clear": 12, "metal": 14}
"""Planes that tell how bright the new light shows it, as a logit; the plane behind each, how far it goes there."""
FARTHEST = {"clear": 0.6, "metal": 0.5}
"""The most of the way that the local mean goes there."""
BRIGHTEST = 3.0
"""The most that such a brightness departs from half, as a logit."""
DEEPER = 0.2
"""The most that metal may depart from it instead, as a share."""
SURE = math.log(3)
"""The logit from which all of a place is taken for clear, or for metal: three to one."""


def down(inputs: int, outputs: int) -> nn.Sequential:
    """Halve the size, then mix."""
    first = nn.Conv2d(inputs, outputs, 3, 2, 1)
    nn.init.kaiming_normal_(first.weight, nonlinearity="relu")
    nn.init.zeros_(first.bias)  # pyright: ignore[reportArgumentType]
    return nn.Sequential(first, nn.ReLU(inplace=True), conv(outputs, outputs))


class Relight(nn.Module):
    """Photo, alpha, metal, stone [N, 6, S, S] in [0, 1], light [N, 27] to transforms [N, 12, S / 4, S / 4].

    light: spherical harmonics of the new surroundings (`studio.Studio.harmonics`), a white floor's radiance being 1.
    Each transform is a row-major 3x4 matrix [M | t] in linear light. S is a multiple of 64.
    """

    def __init__(self) -> None:
        super().__init__()
        c2, c4, c8, c16, c32 = STEPS
        self.stem = nn.Sequential(conv(24, c2), conv(c2, c2))
        self.down4, self.down8 = down(c2, c4), down(c4, c8)
        self.down16, self.down32 = down(c8, c16), down(c16, c32)
        self.context = nn.Sequential(conv(c32 + 32, c32), conv(c32, c32))
        self.light = nn.Sequential(conv(27, 64, 1), conv(64, 32, 1))
        self.merge16 = Merge(c32, c16, 64, 96)
        self.head = nn.Conv2d(96, 17, 3, padding=1)
        self.overall = nn.Conv2d(c32, 6, 1)
        for last in (self.head, self.overall):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, seen: Tensor, light: Tensor) -> tuple[Tensor, Tensor]:
        """Return the transforms, and logits [N, 2, S / 32, S / 32]: what is no metal is clear; the piece is metal."""
        small = functional.avg_pool2d(seen, SHRUNK)
        f16 = self.down16(self.down8(self.down4(self.stem(functional.pixel_unshuffle(small - 0.5, 2)))))
        f32 = self.down32(f16)
        lit = self.light(light[:, :, None, None])
        x = self.context(torch.cat([f32, lit.expand(-1, -1, *f32.shape[2:])], 1))
        # The deepest map sees the whole piece; its mean carries the alloy, the exposure and the light to every cell.
        whole = x.mean((2, 3), keepdim=True)
        raw = self.head(self.merge16(x + whole, f16)).float()
        return transforms(raw, self.overall(whole).float(), seen.float(), floor(light)), raw[:, [CLEAR, MIRRORING]]

    def load_onnx(self, path: Path) -> int:
        """Copy the convolutions of an exported network, all or none; return how many."""
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(str(path)).graph
        held = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        given = {node.input[1]: node.input[2] for node in graph.node if node.op_type == "Conv"}
        own = {name: m for name, m in self.named_modules() if isinstance(m, nn.Conv2d)}
        for name, layer in own.items():
            bias = given[f"{name}.weight"]
            fill(layer, torch.from_numpy(held[f"{name}.weight"].copy()), torch.from_numpy(held[bias].copy()))
        return len(own)


def floor(light: Tensor) -> Tensor:
    """Return the new ground's linear colour [N, 3, 1, 1] of spherical harmonics [N, 27].

    What order 0 and 1 say of a sky of one colour over a ground of one colour; higher orders ring at the horizon.
    """
    mean, up = (light[:, 3 * k : 3 * k + 3].float() for k in (0, 2))
    return (0.282095 * mean - 0.325735 * up).clamp_min(0.01)[:, :, None, None]


def gathered(photo: Tensor, held: Tensor) -> Tensor:
    """Mean of each cell [N, 4, S / 4, S / 4]: colour times coverage, and coverage, of what is held.

    photo [N, 3, S, S] in linear light, held [N, 1, S, S]: coverage of the piece, of its metal, or of all else.
    """
    return functional.avg_pool2d(torch.cat([photo * held, held], 1), GRID)


def local_mean(near: Tensor, whole: Tensor) -> Tensor:
    """Return the colour around each cell [N, 3, h, w] of what was `gathered`; where none is near, what is farther.

    whole [N, 4, 1, 1]: the mean, as it was gathered, of what is to be taken where there is none at all.
    """
    size = near.shape[2:]
    wide = functional.avg_pool2d(near, 3, 1, 1)
    far = functional.interpolate(functional.avg_pool2d(near, 8), size, mode="bilinear", align_corners=False)
    sums = near + wide + 1e-2 * far + 1e-3 * whole
    return sums[:, :3] / sums[:, 3:].clamp_min(1e-6)


def portion(held: Tensor, other: Tensor) -> Tensor:
    """Return what part of the coverage near each cell [N, 1, h, w] is `held` and not `other`.

    Beside the piece it is its edge's, for the grid is interpolated.
    """
    near, beside = (plane + 1e-2 * functional.avg_pool2d(plane, 3, 1, 1) for plane in (held, other))
    return near / (near + beside).clamp_min(1e-5)


def luminance(linear: Tensor) -> Tensor:
    """Linear sRGB [N, 3, h, w] to relative luminance [N, 1, h, w]."""
    return (linear * torch.tensor(LUMINANCE, device=linear.device)[:, None, None]).sum(1, keepdim=True)


def log_hue(linear: Tensor) -> Tensor:
    """Logarithm [N, 3, h, w] of colour per luminance; 0 for grays."""
    return torch.log(((linear + 1e-4) / (luminance(linear) + 1e-4)).clamp_min(0.02))


def alloy(score: Tensor, tint: Tensor, metal: Tensor) -> Tensor:
    """Return the hue [N, 3, 1, 1] of the piece's metal, one for all of it, as of `log_hue`.

    score [N, 1, S / 32, S / 32] says where the metal shows its own colour; tint [N, 3, 1, 1] corrects for the light;
    metal [N, 4, S / 4, S / 4] as it was `gathered`.
    None is green or blue: from silver to copper, red is reflected as much as green or more, and green as blue.
    """
    held, share = functional.avg_pool2d(metal, metal.shape[2] // score.shape[2]).split((3, 1), 1)
    share = torch.softmax((score + torch.log(share + 1e-4)).flatten(2), 2)
    hue = (share * log_hue(held).flatten(2)).sum(2)[:, :, None, None] + TINT * torch.tanh(tint)
    red, green, blue = hue.split(1, 1)
    green = torch.minimum(green, red + COOL)
    return torch.cat([red, green, torch.minimum(blue, green + COOL)], 1)


def underexposed(metal: Tensor) -> Tensor:
    """Return how much brighter the piece's metal is in a catalog, about, as a difference of logits [N, 1, 1, 1].

    metal [N, 4, S / 4, S / 4] as it was `gathered`; 0 where there is none to tell.
    """
    held, share = metal.mean((2, 3), keepdim=True).split((3, 1), 1)
    mean = ((luminance(held) + SCARCE * BRIGHT) / (share + SCARCE)).clamp(1e-3, 1 - 1e-3)
    return math.log(BRIGHT / (1 - BRIGHT)) - torch.log(mean / (1 - mean))


def headroom(photo: Tensor, bare: Tensor) -> Tensor:
    """Return the most [N, 1, 1, 1] that the photo's exposure may lack, as the logarithm of a factor.

    photo [N, 3, S, S] in linear light; bare [N, 1, S, S], the share of each pixel that is ground. No ground is whiter
    than the floor that a catalog is exposed for, so what scatters light beside it is brighter there by no more than the
    ground would be. Where little of it is seen, that is no limit. What is quite black lies beyond the photo's edge.
    """
    bright = luminance(photo)
    bare = bare * (BLACK * bright).clamp(0, 1)
    tone = (bright * bare).mean((2, 3), keepdim=True) / (bare.mean((2, 3), keepdim=True) + GLIMPSE)
    return -torch.log(tone.clamp(1e-3, 1))


def exchanged(hue: Tensor, wanted: Tensor, old: Tensor, new: Tensor) -> Tensor:
    """Return how far each cell's hue [N, 3, h, w] may go towards the `wanted` one, of the same shape.

    A mirror multiplies its own colour by what it shows. So no more is taken out of it than the hue of the `old` ground
    [N, 3, 1, 1], and no more is given to it than what it mirrors of the `new` one [N, 3, h, w]; beads of another colour
    keep theirs. All are as of `log_hue`.
    """
    low = new.clamp_max(0) - old.clamp_min(0) - STRAY
    high = new.clamp_min(0) - old.clamp_max(0) + STRAY
    return torch.minimum(torch.maximum(wanted - hue, low), high)


def transforms(raw: Tensor, overall: Tensor, seen: Tensor, ground: Tensor) -> Tensor:
    """Turn the head's planes [N, 17, S / 32, S / 32] into affine transforms [N, 12, S / 4, S / 4].

    `overall` [N, 6, 1, 1] is said of the whole piece: three numbers correct the alloy's hue, one says how bright its
    metal is in the new light, and two how much of the exposure is made up for, in metal and in all else.

    Six planes are for metal, five for all else, and each cell mixes them by what it holds: so both change smoothly over
    the piece, and apart from each other. The gain is less where the local mean is bright already: its brightest channel
    moves by its logit. In metal the gain is one for all channels, and the hue moves by a share towards the alloy's, one
    for the whole piece, times that of what it mirrors; a plane says how much of the new `ground` [N, 3, 1, 1] that is.
    All else has a gain for each of red, green and blue, as another light has.
    Two planes of each scale what departs from the mean: departures of lightness, which have its hue, as reflections in
    coloured metal do, and those of colour.

    What is clear, and what mirrors, shows its surroundings, and in another light is as bright in all places, about. So
    there the local mean goes by a share towards one brightness, as six more planes tell (`CLEAR`, `MIRRORING`,
    `SHOWN`). What may be opaque stays; what may be a painted bead, though it was taken for metal, counts with all else,
    and loses only the old ground's hue as metal does.
    """
    size = (seen.shape[2] // GRID, seen.shape[3] // GRID)
    wide = functional.interpolate(raw, size, mode="bilinear", align_corners=False)
    photo, bare = to_linear(seen[:, :3]), (1 - BARE * seen[:, 3:4]).clamp_min(0)
    alpha, mirrors = seen[:, 3:5].split(1, 1)
    metal, rest = gathered(photo, mirrors), gathered(photo, (alpha - mirrors).clamp_min(0))
    sure = (wide[:, [CLEAR, MIRRORING]].detach() / SURE).clamp(0, 1)
    said, hued = metal, portion(metal[:, 3:], rest[:, 3:])
    painted = (1 - sure[:, 1:]) * metal  # or may be: it counts with all else
    metal, rest = metal - painted, rest + painted
    share = portion(metal[:, 3:], rest[:, 3:])
    clear = (1 - share) * sure[:, :1]
    kinds = {"metal": share, "body": 1 - share - clear, "clear": clear}
    least = sum(torch.tensor(FLATTEST[k], device=raw.device)[:, None, None] * part for k, part in kinds.items())
    kept = wide[:, 3:5] * share + wide[:, 8:10] * (1 - share)
    light, colour = torch.maximum(torch.exp(kept.clamp(-2, 0.5)), least).split(1, 1)
    whole = (metal + rest).mean((2, 3), keepdim=True)
    mean = (share * local_mean(metal, whole) + (1 - share) * local_mean(rest, whole)).clamp(1e-3, 1 - 1e-3)
    hue = log_hue(mean)
    most = headroom(photo, bare)
    dark = torch.minimum((underexposed(metal) + overall[:, 3:4]).clamp(-EXPOSED, EXPOSED), most + SPARKLE)
    own, other = (
        (2 * planes).clamp(-GAIN[k], GAIN[k]) + torch.tanh(2 * made_up) * dark
        for planes, made_up, k in ((wide[:, :1], overall[:, 4:5], "metal"), (wide[:, 5:8], overall[:, 5:], "body"))
    )
    other = other - (1 - sure[:, :1]) * (other.mean(1, keepdim=True) - most).clamp_min(0)
    move = own * share + other * (1 - share)
    brightest = mean.amax(1, keepdim=True)
    bright = torch.log(brightest / (1 - brightest))
    clearer, mirror = (wide[:, SHOWN[k] : SHOWN[k] + 2].split(1, 1) for k in ("clear", "metal"))
    refracted = clear * FARTHEST["clear"] * torch.sigmoid(clearer[1])
    mirrored = share * mirror[1].clamp(-DEEPER, FARTHEST["metal"])
    for shown, pull in ((clearer[0], refracted), (mirror[0], mirrored)):
        move = move + pull * (shown.clamp(-BRIGHTEST, BRIGHTEST) - bright - move.mean(1, keepdim=True))
    gain = torch.exp(move) / (1 + brightest * (torch.exp(move.mean(1, keepdim=True)) - 1))
    grounded = torch.sigmoid(wide[:, 10:11] - 1)
    new = log_hue(1 - grounded + grounded * ground / luminance(ground))
    wanted = alloy(raw[:, 2:3], overall[:, :3], said) + new
    away = exchanged(hue, wanted, log_hue((photo * bare).mean((2, 3), keepdim=True)), new)
    gain = gain * torch.exp(hued * torch.sigmoid(wide[:, 1:2] - 1) * away)
    tone = torch.exp(hue)
    rows = []
    for c in range(3):
        row = [(light - colour) * tone[:, c : c + 1] * LUMINANCE[k] + (colour if k == c else 0) for k in range(3)]
        same = sum(part * mean[:, k : k + 1] for k, part in enumerate(row))
        rows += [gain[:, c : c + 1] * part for part in (*row, mean[:, c : c + 1] - same)]
    return torch.cat(rows, 1)


def to_linear(encoded: Tensor) -> Tensor:
    """sRGB in [0, 1] to linear light (IEC 61966-2-1)."""
    return torch.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055).clamp_min(1e-6) ** 2.4)


def applied(transforms: Tensor, linear: Tensor) -> Tensor:
    """Apply a grid [N, 12, h, w] to linear light [N, 3, H, W], up-sampled as `kernels/reference/composite.py` does."""
    full = functional.interpolate(transforms, linear.shape[2:], mode="bilinear", align_corners=False)
    rows = [(full[:, 4 * c : 4 * c + 3] * linear).sum(1) + full[:, 4 * c + 3] for c in range(3)]
    return torch.stack(rows, 1)
