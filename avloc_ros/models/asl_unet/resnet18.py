"""ResNet18 (He et al. 2016) for any number of input channels; its names are those of torchvision's state dicts."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from avloc_ros.types import InputError


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != filters:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)
            )

    def forward(self, maps: Tensor) -> Tensor:
        """maps (batch, channels, rows, columns) -> (batch, filters, rows / stride, columns / stride)."""
        shortcut = maps if self.downsample is None else self.downsample(maps)
        maps = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps)))))
        return self.relu(maps + shortcut)


class ResNet18(nn.Module):
    """Features (batch, 8 * width) of maps (batch, channels, rows, columns): 512 of them with the published width of 64."""

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        self.channels, self.width = channels, width
        self.conv1 = nn.Conv2d(channels, width, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(width, width, 1), BasicBlock(width, width, 1))
        self.layer2 = nn.Sequential(BasicBlock(width, 2 * width, 2), BasicBlock(2 * width, 2 * width, 1))
        self.layer3 = nn.Sequential(BasicBlock(2 * width, 4 * width, 2), BasicBlock(4 * width, 4 * width, 1))
        self.layer4 = nn.Sequential(BasicBlock(4 * width, 8 * width, 2), BasicBlock(8 * width, 8 * width, 1))

    @property
    def outputs(self) -> int:
        """Features per input."""
        return 8 * self.width

    def forward(self, maps: Tensor) -> Tensor:
        """maps (batch, channels, rows, columns) -> (batch, outputs)."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(maps))))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        return maps.mean(dim=(2, 3))

    def load_torchvision(self, weights: Mapping[str, Tensor]) -> None:
        """Take over a torchvision ResNet18 state dict: its head is left out, its colours become microphones.

        The first convolution is averaged over the three colours and scaled, so that equal channels answer as before.
        Raises InputError where the weights are not those of a ResNet18 of this width.
        """
        taken = {name: value for name, value in weights.items() if not name.startswith("fc.")}
        first = taken.get("conv1.weight")
        if first is None or first.shape[0] != self.width or first.shape[2:] != (7, 7):
            raise InputError(f"these are not the weights of a ResNet18 of width {self.width}")
        mean = first.mean(dim=1, keepdim=True) * first.shape[1] / self.channels
        taken["conv1.weight"] = mean.expand(-1, self.channels, -1, -1).clone()
        try:
            self.load_state_dict(taken)
        except RuntimeError as error:
            raise InputError(f"these are not the weights of a ResNet18: {error}") from error
