"""Train: `torchrun --nproc-per-node 2 -m training.train --minutes 40`, or without torchrun in one process.

Resumes from `training/.runs/NAME/last.pt`; picks up new renders. Two processes of one thread each are faster on two
cores than one process of two threads.

The learning rate falls over the time given, not over steps: the machine is shared and its speed varies.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads steal a shared machine's cores

import argparse
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from training import dataset
from training.network import MEAN, SCALE, Segment


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run does."""

    name: str
    data: Path
    minutes: float
    size: int
    batch: int
    rate: float
    threads: int
    seed: int


def spread(x: Tensor, radius: int) -> Tensor:
    """Maximum over a square of side 2 * radius + 1."""
    return functional.max_pool2d(x, 2 * radius + 1, 1, radius)


def weights(alpha: Tensor) -> Tensor:
    """Weight of each pixel [N, 1, H, W]: 1, more on edges, on thin parts and in small openings.

    Thin parts are what an opening of 7 px removes, small openings what a closing of 9 px fills.
    """
    edge = spread(alpha, 2) + spread(-alpha, 2)
    thin = (alpha + spread(spread(-alpha, 3), 3)).clamp(0, 1)
    hole = (-spread(-spread(alpha, 4), 4) - alpha).clamp(0, 1)
    return 1 + 2 * edge + 4 * spread(thin, 1) + 4 * hole


def pyramid(x: Tensor, levels: int = 3) -> list[Tensor]:
    """Laplacian pyramid of [N, C, H, W] without its coarsest level."""
    bands = []
    for _ in range(levels):
        small = functional.avg_pool2d(x, 2)
        bands.append(x - functional.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False))
        x = small
    return bands


def loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Weighted BCE + soft Dice + Laplacian pyramid on alpha; BCE on metal and stone, also inside the piece."""
    weight = weights(truth[:, :1])
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
    return bce[0] + 0.2 * (bce[1] + bce[2]) + 0.5 * (kind[0] + kind[1]) + 0.5 * dice + 2.0 * bands


def tensors(crops: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Tensor, Tensor]:
    """Stack crops: normalised images and answers in [0, 1], both [N, 3, S, S]."""
    images = torch.from_numpy(np.stack([image for image, _ in crops])).permute(0, 3, 1, 2).float() / 255
    truth = torch.from_numpy(np.stack([answer for _, answer in crops])).permute(0, 3, 1, 2).float() / 255
    mean, scale = torch.tensor(MEAN)[:, None, None], torch.tensor(SCALE)[:, None, None]
    return ((images - mean) / scale).contiguous(memory_format=torch.channels_last), truth


def freeze_statistics(network: Segment) -> None:
    """Keep the encoder's batch-norm statistics: batches of mixed crops would blur them."""
    network.train()
    for module in network.encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def agree(network: nn.Module, used: float) -> float:
    """Average gradients and time used over all processes; return the time, so that all stop at the same step."""
    if not distributed.is_initialized():
        return used
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    flat = torch.cat([torch.tensor([used]), *(g.flatten() for g in gradients)]) / distributed.get_world_size()
    distributed.all_reduce(flat)
    for gradient, part in zip(gradients, flat[1:].split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
    return float(flat[0])


def train(plan: Plan) -> None:
    """Run until the plan's minutes are used up."""
    rank = 0
    if "WORLD_SIZE" in os.environ:
        distributed.init_process_group("gloo")
        rank = distributed.get_rank()
    torch.set_num_threads(plan.threads)
    cv2.setNumThreads(1)
    folder = Path("training/.runs") / plan.name
    folder.mkdir(parents=True, exist_ok=True)
    network, average = Segment(), Segment()
    network.encoder.load_imagenet()
    average.load_state_dict(network.state_dict())
    network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    encoder = list(network.encoder.parameters())
    known = {id(p) for p in encoder}
    decoder = [p for p in network.parameters() if id(p) not in known]
    optimizer = torch.optim.AdamW([{"params": encoder, "lr": 0.0}, {"params": decoder, "lr": 0.0}], weight_decay=1e-2)
    step, used = 0, 0.0
    last = folder / "last.pt"
    if last.exists():
        kept = torch.load(last, weights_only=True)
        network.load_state_dict(kept["network"])
        average.load_state_dict(kept["average"])
        optimizer.load_state_dict(kept["optimizer"])
        step, used = kept["step"], kept["seconds"]
        print(f"resumed at step {step}, {used:.0f} s", flush=True)
    freeze_statistics(network)
    rng = np.random.default_rng((plan.seed, step, rank))
    samples = dataset.load(plan.data, {})
    pool = ThreadPoolExecutor(1)

    def draw(items: list[dataset.Sample]) -> tuple[Tensor, Tensor]:
        return tensors([dataset.crop(rng, items, plan.size) for _ in range(plan.batch)])

    ahead = pool.submit(draw, list(samples.values()))
    total, mark, saved, clock = 0.0, step, time.monotonic(), time.monotonic()
    while used < plan.minutes * 60:
        images, truth = ahead.result()
        ahead = pool.submit(draw, list(samples.values()))
        done = used / (plan.minutes * 60)
        rate = plan.rate * min(1.0, (step + 1) / 60) * (0.5 + 0.5 * math.cos(math.pi * min(done, 1.0)) + 0.02)
        for group, factor in zip(optimizer.param_groups, (0.3, 1.0), strict=True):
            group["lr"] = rate * factor
        value = loss(network.logits(images), truth)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        now = time.monotonic()
        used, clock = agree(network, used + now - clock), now
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        step += 1
        decay = min(0.995, (1 + step) / (20 + step))
        with torch.no_grad():
            for a, b in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
                if a.dtype.is_floating_point:
                    a.lerp_(b, 1 - decay)
        total += value.item()
        if rank == 0 and step % 20 == 0:
            note = {
                "step": step,
                "seconds": round(used),
                "loss": round(total / (step - mark), 4),
                "rate": rate,
                "pieces": len(samples),
            }
            print(json.dumps(note), flush=True)
            total, mark = 0.0, step
        if now - saved > 120 or used >= plan.minutes * 60:
            if rank == 0:
                state = {
                    "network": network.state_dict(),
                    "average": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "step": step,
                    "seconds": used,
                }
                torch.save(state, folder / "next.pt")
                (folder / "next.pt").replace(last)
            samples = dataset.load(plan.data, samples)
            saved = now
    pool.shutdown()


def main() -> None:
    """Read the plan from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="first")
    parser.add_argument("--data", type=Path, default=Path("training/.data"))
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    train(Plan(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
