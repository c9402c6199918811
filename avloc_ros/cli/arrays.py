"""`avloc arrays`: list the microphone arrays that are shipped, or check and explain a geometry of your own."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.table import Table

from avloc_ros.cli.console import console
from avloc_ros.features.inputs.foa_encoder import FoaEncoder
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.arrays import shipped_arrays
from avloc_ros.types import InputError

ENCODED_HZ, ENCODED_FFT = 16000, 1024  # what diff_track hears with


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc arrays`."""
    parser = subparsers.add_parser("arrays", help="list shipped microphone arrays, or check your own geometry file")
    parser.add_argument("file", nargs="?", type=Path, help="YAML or JSON with positions_m, one [x, y, z] per channel")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the list, or one array. Raises InputError where the file is bad."""
    if options.file is None:
        print_list()
        return 0
    array = MicrophoneArray.load(options.file)
    array.require_apart()
    print_array(array)
    return 0


def print_list() -> None:
    """A table of config/arrays."""
    columns = ("name", "microphones", "aperture", "tells apart", "trackers beside mixture and srp")
    table = Table(*columns, title="shipped microphone arrays")
    for path in shipped_arrays().values():
        array = MicrophoneArray.load(path)
        other = "diff_track" if foa_of(array) == "" else ""
        aperture = f"{array.aperture_m * 100:.1f} cm"
        table.add_row(path.stem, str(array.channels), aperture, what_it_resolves(array), other)
    console.print(table)
    console.print("Your own: `avloc arrays MY.yaml` checks it; set it as `array_file`. See docs/arrays.md.")


def print_array(array: MicrophoneArray) -> None:
    """Positions, aliasing limit and ambiguity of one array."""
    table = Table("channel", "name", "x forward [m]", "y left [m]", "z up [m]", title=array.name)
    for index, (name, position) in enumerate(zip(array.channel_names, array.positions_m, strict=True)):
        table.add_row(str(index), name, *(f"{value:+.4f}" for value in position))
    console.print(table)
    spacing = nearest_spacing_m(array)
    console.print(
        f"aperture {array.aperture_m * 100:.1f} cm; nearest pair {spacing * 100:.1f} cm: a plane wave is unambiguous for "
        f"that pair up to {array.sound_speed_mps / (2 * spacing):.0f} Hz; tells apart {what_it_resolves(array)}"
    )
    why_not = foa_of(array)
    console.print(f"trackers: any_array, srp{'; not diff_track: ' + why_not if why_not else ', diff_track'}")


def foa_of(array: MicrophoneArray) -> str:
    """Why the array cannot be brought to first-order ambisonics, which diff_track hears; empty where it can."""
    try:
        FoaEncoder(array, ENCODED_HZ, ENCODED_FFT)
    except InputError as error:
        return str(error)
    return ""


def nearest_spacing_m(array: MicrophoneArray) -> float:
    """Smallest distance between two microphones."""
    distance = np.linalg.norm(array.positions_m[:, None] - array.positions_m[None], axis=-1)
    return float(distance[np.triu_indices(array.channels, 1)].min())


def what_it_resolves(array: MicrophoneArray) -> str:
    """Which angles the geometry can tell apart: by the number of dimensions that the microphones span."""
    centred = array.positions_m - array.positions_m.mean(0)
    extents = np.linalg.svd(centred, compute_uv=False)
    dimensions = int((extents > 0.05 * extents[0]).sum())
    return {
        1: "one angle around its line (front and back look alike)",
        2: "all azimuths; above and below its plane look alike",
        3: "azimuth and elevation",
    }[dimensions]
