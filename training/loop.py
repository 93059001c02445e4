"""The loop that both networks are trained by: it resumes, averages the weights, and stops when its minutes are used up.

The learning rate falls over the time given, not over steps: the machine is shared and its speed varies.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads steal a shared machine's cores

import copy
import json
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

Network = TypeVar("Network", bound=nn.Module)
Batch = tuple[Tensor, ...]
RUNS = Path("training/.runs")


@dataclass(frozen=True, slots=True)
class Course:
    """How one run goes: warm_up in steps; clip, the largest norm of the gradients."""

    name: str
    minutes: float
    rate: float
    threads: int
    warm_up: int
    clip: float


def autocast(device: torch.device) -> torch.autocast:
    """Forward passes in bfloat16, but on a CPU without instructions for it: that takes several times as long."""
    native = device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()  # pyright: ignore[reportPrivateUsage]
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=native)


def agree(network: nn.Module, used: float) -> float:
    """Average gradients and time used over all processes; return the time, so that all stop at the same step."""
    if not distributed.is_initialized():
        return used
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    times = torch.tensor([used], device=gradients[0].device)
    flat = torch.cat([times, *(g.flatten() for g in gradients)]) / distributed.get_world_size()
    distributed.all_reduce(flat)
    for gradient, part in zip(gradients, flat[1:].split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
    return float(flat[0])


def run(
    course: Course,
    network: Network,
    groups: dict[float, list[nn.Parameter]],
    batches_of: Callable[[int, int], Iterable[Batch]],
    loss_of: Callable[[Network, Batch], Tensor],
) -> None:
    """Train until the course's minutes are used up, and leave `last.pt`: network, average, optimizer, step, seconds.

    groups: parameters by their share of the learning rate. batches_of: batches from a step on, for one process (rank).
    The loss, and the precision of the forward passes, are the caller's.
    """
    rank = 0
    if "WORLD_SIZE" in os.environ:
        distributed.init_process_group("gloo")
        rank = distributed.get_rank()
    torch.set_num_threads(course.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder = RUNS / course.name
    folder.mkdir(parents=True, exist_ok=True)
    network = network.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW([{"params": part, "lr": 0.0} for part in groups.values()], weight_decay=1e-2)
    step, used = 0, 0.0
    last = folder / "last.pt"
    if last.exists():
        # On the CPU: the optimizer's step counts stay where they were loaded, and on a GPU each would be waited for.
        kept = torch.load(last, weights_only=True, map_location="cpu")
        network.load_state_dict(kept["network"])
        average.load_state_dict(kept["average"])
        optimizer.load_state_dict(kept["optimizer"])
        step, used = kept["step"], kept["seconds"]
        print(f"resumed at step {step}, {used:.0f} s", flush=True)
    network.train()
    batches = iter(batches_of(step, rank))
    total, mark, saved, clock = 0.0, step, time.monotonic(), time.monotonic()
    while used < course.minutes * 60:
        batch = tuple(part.to(device, non_blocking=True) for part in next(batches))
        done = min(used / (course.minutes * 60), 1.0)
        rate = course.rate * min(1.0, (step + 1) / course.warm_up) * (0.5 + 0.5 * math.cos(math.pi * done) + 0.02)
        for group, share in zip(optimizer.param_groups, groups, strict=True):
            group["lr"] = rate * share
        value = loss_of(network, batch)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        now = time.monotonic()
        used, clock = agree(network, used + now - clock), now
        nn.utils.clip_grad_norm_(network.parameters(), course.clip)
        optimizer.step()
        step += 1
        decay = min(0.998, (1 + step) / (20 + step))
        with torch.no_grad():
            for a, b in zip(average.parameters(), network.parameters(), strict=True):
                a.lerp_(b, 1 - decay)
        total += value.item()
        if rank == 0 and step % 20 == 0:
            note = {"step": step, "seconds": round(used), "loss": round(total / (step - mark), 4), "rate": rate}
            print(json.dumps(note), flush=True)
            total, mark = 0.0, step
        if now - saved > 120 or used >= course.minutes * 60:
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
            saved = now
