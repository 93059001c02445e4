"""Train the relight network: `torchrun --nproc-per-node 2 --module training.relight_train -- --minutes 40`.

Resumes from `training/.runs/NAME/last.pt`; `--start` goes on from an exported network. A GPU is used if there is one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training import loop
from training.pairs import SIDE, Pairs
from training.relight import SHRUNK, Relight, applied, to_linear

TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
WHITE_POINT = (0.95047, 1.0, 1.08883)
DETAIL = 24.0
"""What a piece costs whose fine structure has nothing left of the photo's, in units of colour difference."""
JUDGED = 12.0
"""What it costs to take an opaque stone for a clear one, or a painted bead for metal, or the reverse, per nat."""
CAUTION, CLEAR_CAUTION, BODY_CAUTION = 0.2, 0.05, 0.5
"""What a change costs, in shares of what it may gain: in metal, in clear stones, and where light scatters in a body.

At 0.5 a change is made where 3 of 4 pieces that look alike are the better for it. Without it the network answers
their median: blacks become gray, colours pale. Metal mirrors the new studio for certain; what a bead keeps dark is its
own; a clear stone's dark is that of the old place.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run does."""

    name: str
    data: Path
    start: Path | None
    minutes: float
    side: int
    batch: int
    rate: float
    workers: int
    seed: int


class Views(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless views of pairs, see `pairs.Pairs.draw`."""

    def __init__(self, folder: Path, side: int, seed: tuple[int, ...]) -> None:
        self.folder, self.side, self.seed = folder, side, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Draw without end."""
        cv2.setNumThreads(1)
        info = get_worker_info()
        rng = np.random.default_rng((*self.seed, info.id if info else 0))
        pairs = Pairs(self.folder, self.side).look()
        while True:
            seen, light, truth = pairs.draw(rng)
            yield torch.from_numpy(seen), torch.from_numpy(light), torch.from_numpy(truth)


def to_lab(linear: Tensor) -> Tensor:
    """Linear sRGB [N, 3, H, W] in [0, 1] to CIELAB, D65."""
    matrix = torch.tensor(TO_XYZ, device=linear.device) / torch.tensor(WHITE_POINT, device=linear.device)[:, None]
    xyz = torch.einsum("dc,nchw->ndhw", matrix, linear)
    f = torch.where(xyz > 216 / 24389, xyz.clamp_min(1e-4) ** (1 / 3), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def softly_bounded(linear: Tensor) -> Tensor:
    """Clamp to [0, 1] with a small slope outside, so that what left the range finds back."""
    return linear.clamp(0, 1) + 0.02 * (linear - linear.clamp(0, 1))


def agreement(one: Tensor, other: Tensor, inside: Tensor) -> Tensor:
    """Correlation [N] of the gradients of two maps [N, 1, S, S] where both ends are `inside`."""
    product, first, second = (torch.full((len(one),), 1e-2, device=one.device) for _ in range(3))
    for axis in (2, 3):
        a, b = one.diff(dim=axis), other.diff(dim=axis)
        ends = inside.narrow(axis, 1, a.shape[axis]) * inside.narrow(axis, 0, a.shape[axis])
        product = product + (a * b * ends).sum((1, 2, 3))
        first = first + (a * a * ends).sum((1, 2, 3))
        second = second + (b * b * ends).sum((1, 2, 3))
    return product * (first * second).rsqrt()


def apart(lab: Tensor, reference: Tensor) -> Tensor:
    """Colour difference [N, S, S] in CIELAB; those of chroma count less the more the reference has, as in CIE94."""
    away = lab - reference
    chroma = away[:, 1:].pow(2).sum(1).add(1e-4).sqrt() / (1 + 0.045 * reference[:, 1:].norm(dim=1))
    return (away[:, 0] ** 2 + chroma**2 + 1e-3).sqrt()


def misjudged(kinds: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of logits [N, 2, S / 32, S / 32]: clear, where it is that or opaque; metal, on the piece."""
    alpha, body, whole = functional.avg_pool2d(truth[:, 3:6], truth.shape[3] // kinds.shape[3]).split(1, 1)
    stone = body + whole
    held = torch.cat([stone, alpha], 1)
    share = torch.cat([whole, (alpha - stone).clamp_min(0)], 1) / held.clamp_min(1e-4)
    nats = functional.binary_cross_entropy_with_logits(kinds, share.clamp(0, 1), reduction="none")
    return ((nats * held).sum((0, 2, 3)) / (held.sum((0, 2, 3)) + 1)).sum()


def loss(transforms: Tensor, seen: Tensor, truth: Tensor) -> Tensor:
    """Mean colour difference inside the piece, stones doubled, change, lost detail, and the transforms' roughness."""
    photo = to_linear(seen[:, :3])
    linear = applied(transforms, photo)
    old, got, wanted = (to_lab(c) for c in (photo, softly_bounded(linear).clamp_min(1e-5), to_linear(truth[:, :3])))
    weight = truth[:, 3] * (1 + seen[:, 5])
    weight = weight / (weight.sum((1, 2), keepdim=True) + 16)  # every piece counts alike, however thin
    outside = (linear - linear.clamp(0, 1)).abs().sum(1) * 10
    body, clear = (truth[:, 4:6] / truth[:, 3:4].clamp_min(1e-3)).unbind(1)
    caution = CAUTION + (BODY_CAUTION - CAUTION) * body + (CLEAR_CAUTION - CAUTION) * clear
    difference = (apart(got, wanted) + caution * apart(got, old) + outside).mul(weight).sum((1, 2)).mean()
    fine = ((truth[:, 3:4] > 0.95) & (truth[:, 5:6] < 0.05)).float()  # a clear stone's are of the old place
    kept = 1 - agreement(got[:, :1], old[:, :1], fine)
    steps = (transforms.diff(dim=2).abs().mean() + transforms.diff(dim=3).abs().mean()) * 0.1
    return difference + DETAIL * kept.mean() + steps


def train(plan: Plan) -> None:
    """Train as the plan says."""
    torch.manual_seed(plan.seed)
    network = Relight()
    if plan.start:
        print(f"{network.load_onnx(plan.start)} convolutions from {plan.start}", flush=True)

    def batches_of(step: int, rank: int) -> DataLoader[tuple[Tensor, Tensor, Tensor]]:
        views = Views(plan.data, plan.side, (plan.seed, step, rank))
        pinned = torch.cuda.is_available()  # else the copy to the GPU would wait
        return DataLoader(views, plan.batch, num_workers=plan.workers, pin_memory=pinned)

    def loss_of(network: Relight, batch: loop.Batch) -> Tensor:
        seen, light, truth = batch
        with loop.autocast(seen.device):
            made, kinds = network(seen.contiguous(memory_format=torch.channels_last), light)
        small = (functional.avg_pool2d(planes, SHRUNK) for planes in (seen, truth))  # a quarter of the work
        return loss(made.float(), *small) + JUDGED * misjudged(kinds, truth)

    course = loop.Course(plan.name, plan.minutes, plan.rate, 1, warm_up=100, clip=20.0)
    loop.run(course, network, {1.0: list(network.parameters())}, batches_of, loss_of)


def main() -> None:
    """Read the plan from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="relight")
    parser.add_argument("--data", type=Path, default=Path("training/.data/paths"))
    parser.add_argument("--start", type=Path, help="an exported network to go on from")
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--side", type=int, default=SIDE, help="start at 256, end at 512: most is learned cheaply")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    train(Plan(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
