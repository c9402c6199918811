"""A trained asl_unet as the start of one that sees twice as finely: the same answers at first, room to learn more."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.runtime.weights import read_torch
from avloc_ros.types import InputError

FIRST, LAST = "unet.down.0.0.weight", "unet.output"


def start_from(network: SpeakerUNet, path: Path) -> None:
    """Take over the weights of asl_unet.pt, in place.

    The file's network may be the same, or have half the rows, columns and patch and no time_maps but one: then each of
    its pixels becomes four, which first count as their mean and are marked alike, and of its pictures only the present
    one counts. Raises InputError where it fits neither.
    """
    if not path.is_file():
        raise InputError(f"no weights at {path}: name the asl_unet.pt of an earlier run, or leave recipe.start empty")
    weights, own = read_torch(path), network.state_dict()
    if FIRST not in weights:
        raise InputError(f"{path} does not hold an asl_unet")
    if weights[FIRST].shape != own[FIRST].shape or weights["time.weight"].shape != own["time.weight"].shape:
        patch = network.config.patch
        if network.config.fusion in ("early", "both"):
            raise InputError("a finer network with early fusion starts by chance: its plane is one of the maps that change")
        weights |= {
            FIRST: _four_pixels_in(weights[FIRST], patch, own[FIRST].shape[1]),
            **{f"{LAST}.{part}": _four_pixels_out(weights[f"{LAST}.{part}"], patch) for part in ("weight", "bias")},
            "time.weight": own["time.weight"],
            "time.bias": own["time.bias"],
        }
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"the weights of {path} do not fit this recipe: {error}") from error


def _four_pixels_in(weight: Tensor, patch: int, channels: int) -> Tensor:
    """weight (filters, maps * (patch / 2)^2, 3, 3) -> (filters, channels, 3, 3); maps that are new count nothing."""
    half = patch // 2
    maps = weight.unflatten(1, (-1, half, half))
    finer = maps.repeat_interleave(2, 2).repeat_interleave(2, 3).flatten(1, 3) / 4
    grown = weight.new_zeros(len(weight), channels, *weight.shape[2:])
    grown[:, : finer.shape[1]] = finer[:, :channels]
    return grown


def _four_pixels_out(values: Tensor, patch: int) -> Tensor:
    """values (masks * (patch / 2)^2, ..) of the last layer -> (masks * patch^2, ..)."""
    half = patch // 2
    return values.unflatten(0, (-1, half, half)).repeat_interleave(2, 1).repeat_interleave(2, 2).flatten(0, 2)
