"""Train: `torchrun --nproc-per-node 2 -m training.train --minutes 40`, or without torchrun in one process.

Resumes from `training/.runs/NAME/last.pt`; a new run starts from the encoder's ImageNet weights, or with `--start` from
an exported network. Picks up new renders. A GPU is used where there is one. On a CPU two processes of one thread each
are faster on two cores than one process of two threads.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training import dataset, loop
from training.network import MEAN, SCALE, Segment


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run does."""

    name: str
    data: Path
    start: Path | None
    minutes: float
    size: int
    batch: int
    rate: float
    threads: int
    workers: int
    seed: int


def pyramid(x: Tensor, levels: int = 3) -> list[Tensor]:
    """Laplacian pyramid of [N, C, H, W] without its coarsest level."""
    bands = []
    for _ in range(levels):
        small = functional.avg_pool2d(x, 2)
        bands.append(x - functional.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False))
        x = small
    return bands


def loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Weighted BCE + soft Dice + Laplacian pyramid on alpha; BCE on metal and stone, also inside the piece.

    logits, truth [N, 3, S, S]; weight [N, 1, S, S], see `dataset.importance`.
    """
    bce = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none") * weight
    bce = bce.mean((0, 2, 3)) / weight.mean()
    share = torch.sigmoid(logits[:, :1])
    alpha = truth[:, :1]
    dice = 1 - (2 * (share * alpha).sum() + 1) / (share.sum() + alpha.sum() + 1)
    bands = sum(
        (a - b).abs().mean() * 2**k for k, (a, b) in enumerate(zip(pyramid(share), pyramid(alpha), strict=True))
    )
    # Over the whole crop metal and stone are both nearly alpha; only inside the piece do they have to be told apart.
    inside = (alpha > 0.5).float()
    kind = functional.binary_cross_entropy_with_logits(logits[:, 1:], truth[:, 1:], reduction="none") * inside
    kind = kind.sum((0, 2, 3)) / (inside.sum() + 1)
    return bce[0] + 0.2 * (bce[1] + bce[2]) + 0.25 * (kind[0] + kind[1]) + 0.5 * dice + 2.0 * bands


def middle(square: Any) -> Any:
    """The middle of [..., 2S, 2S]: [..., S, S]."""
    side = square.shape[-1]
    return square[..., side // 4 : side - side // 4, side // 4 : side - side // 4]


def views(picture: dataset.U8) -> dataset.U8:
    """Two views [2, C, S, S] of a picture [2S, 2S, C]: the whole at half its size, its middle at its own."""
    side = picture.shape[0] // 2
    half = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return np.stack([half.transpose(2, 0, 1), middle(picture.transpose(2, 0, 1))])


class Crops(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless crops of 2S x 2S, each as the network meets it twice: whole at half its size, its middle at its own.

    Image [2, 3, S, S], answer [2, 3, S, S] and weight [2, 1, S, S] uint8, the whole first.
    """

    def __init__(self, folder: Path, size: int, seed: tuple[int, ...]) -> None:
        self.folder, self.size, self.seed = folder, size, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Look for new renders every 400 crops."""
        cv2.setNumThreads(1)
        info = get_worker_info()
        rng = np.random.default_rng((*self.seed, info.id if info else 0))
        store = dataset.Store(self.folder)
        while True:
            store.look()
            for _ in range(400):
                image, answer = (views(picture) for picture in dataset.crop(rng, store, 2 * self.size))
                weight = np.stack([dataset.importance(alpha) for alpha in answer[:, 0]])[:, None]
                yield torch.from_numpy(image), torch.from_numpy(answer), torch.from_numpy(weight)


def normalised(image: Tensor) -> Tensor:
    """uint8 [N, 3, S, S] to the network's input."""
    mean, scale = (torch.tensor(v, device=image.device)[:, None, None] for v in (MEAN, SCALE))
    return ((image.float() / 255 - mean) / scale).contiguous(memory_format=torch.channels_last)


def train(plan: Plan) -> None:
    """Train as the plan says; the encoder learns at a third of the rate."""
    torch.manual_seed(plan.seed)
    network = Segment()
    if plan.start:
        print(f"{network.load_onnx(plan.start)} convolutions from {plan.start}", flush=True)
    else:
        network.encoder.load_imagenet()
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    decoder = [p for name, p in network.named_parameters() if not name.startswith("encoder.")]

    def batches_of(step: int, rank: int) -> DataLoader[tuple[Tensor, Tensor, Tensor]]:
        crops = Crops(plan.data, plan.size, (plan.seed, step, rank))
        pinned = torch.cuda.is_available()  # else the copy to the GPU would wait
        return DataLoader(crops, plan.batch, num_workers=plan.workers, prefetch_factor=2, pin_memory=pinned)

    def loss_of(network: Segment, batch: loop.Batch) -> Tensor:
        image, answer, weight = batch
        answer, weight = answer.float() / 255, weight.float() / 16
        with loop.autocast(image.device):
            whole = network.logits(normalised(image[:, 0])).float()
            part = network.logits(normalised(image[:, 1]), middle(torch.sigmoid(whole.detach()))).float()
        return (loss(whole, answer[:, 0], weight[:, 0]) + loss(part, answer[:, 1], weight[:, 1])) / 2

    course = loop.Course(plan.name, plan.minutes, plan.rate, plan.threads, warm_up=60, clip=2.0)
    loop.run(course, network, {0.3: encoder, 1.0: decoder}, batches_of, loss_of)


def main() -> None:
    """Read the plan from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="first")
    parser.add_argument("--data", type=Path, default=Path("training/.data"))
    parser.add_argument("--start", type=Path, help="an exported network to go on from")
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--batch", type=int, default=3, help="crops, of which each is seen twice")
    parser.add_argument("--rate", type=float, default=1.2e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    train(Plan(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
