"""ResNet-50 (He et al. 2016; stride in the 3x3 convolution), with the parameter names of the public ImageNet weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from avloc_ros.types import InputError

EXPANSION = 4
BLOCKS = (3, 4, 6, 3)
WIDTHS = (64, 128, 256, 512)
FEATURES = WIDTHS[-1] * EXPANSION  # 2048
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with BatchNorm, added to the input (to its projection where the size changes)."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = width * EXPANSION
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        self.relu = nn.ReLU()
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, maps: Tensor) -> Tensor:
        skipped = maps if self.downsample is None else self.downsample(maps)
        maps = self.relu(self.bn1(self.conv1(maps)))
        maps = self.relu(self.bn2(self.conv2(maps)))
        return self.relu(self.bn3(self.conv3(maps)) + skipped)


class ResNet50(nn.Module):
    """Feature maps (batch, 2048, rows / 32, columns / 32) of pictures (batch, 3, rows, columns), RGB in [0, 1].

    classes: outputs of the classifier that the public weights hold; 0 leaves it out, as an encoder has no use for it.
    """

    def __init__(self, classes: int = 0) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for number, (blocks, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True), start=1):
            layers = []
            for index in range(blocks):
                stride = 2 if number > 1 and index == 0 else 1
                layers.append(Bottleneck(channels, width, stride))
                channels = width * EXPANSION
            setattr(self, f"layer{number}", nn.Sequential(*layers))
        if classes:
            self.fc = nn.Linear(FEATURES, classes)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).view(3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        maps = (pictures - self.get_buffer("mean")) / self.get_buffer("deviation")
        maps = self.maxpool(self.relu(self.bn1(self.conv1(maps))))
        for number in range(1, len(BLOCKS) + 1):
            maps = getattr(self, f"layer{number}")(maps)
        return maps


def load_public_weights(network: nn.Module, path: str | Path, unused: tuple[str, ...]) -> None:
    """Load a state dict file of public weights into a network; keys that start with a name in `unused` are passed over.

    Raises InputError where the file is missing, is no state dict, or has other keys or shapes.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no weights at {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises several kinds on files that are no pickled tensors
        raise InputError(f"{path} is not a file of torch weights: {error}") from error
    if not isinstance(state, Mapping):
        raise InputError(f"{path} holds {type(state).__name__}, need a state dict")
    wanted = {key: value for key, value in state.items() if not key.startswith(unused)}
    try:
        network.load_state_dict(wanted)
    except RuntimeError as error:
        raise InputError(f"{path} does not fit {type(network).__name__}: {error}") from error
