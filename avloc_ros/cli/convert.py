"""`avloc convert`: a scene folder to a bag, a bag to a scene folder, or a bag that was cut off to a whole one."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from avloc_ros.cli.console import console, error_console
from avloc_ros.cli.output_folder import check_writable
from avloc_ros.types import InputError


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc convert`."""
    parser = subparsers.add_parser(
        "convert",
        help="scene to bag, bag to scene, or repair a bag that was cut off",
        description="A scene folder becomes a bag, a bag becomes a scene folder; with --repair, what is whole in an mcap "
        "file of a killed recorder is written as a finished file.",
    )
    parser.add_argument("source", type=Path, help="scene folder, or bag (folder, .mcap, .db3)")
    parser.add_argument("target", type=Path, help="what to write; must not exist")
    parser.add_argument("--storage", choices=("mcap", "sqlite3"), default="mcap", help="of the bag that is written")
    parser.add_argument("--raw-images", action="store_true", help="Image instead of JPEG CompressedImage in the bag")
    parser.add_argument("--audio-topic", default="", help="of the bag that is read, where it has several")
    parser.add_argument("--image-topic", default="", help="of the bag that is read, where it has several")
    parser.add_argument("--repair", action="store_true", help="write what is whole in a cut-off .mcap file, or in a bag of one")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Convert. Raises InputError where the target exists or the source cannot be read."""
    if options.target.exists():
        raise InputError(f"{options.target} exists: name a new one, nothing is overwritten")
    check_writable(options.target, "the target")
    try:
        with error_console.status(f"writing {options.target} ..."):
            words = converted(options)
    except BaseException:  # also a Ctrl-C: half a bag or scene would be taken for a whole one
        if options.target.is_dir():
            shutil.rmtree(options.target)
        else:
            options.target.unlink(missing_ok=True)
        raise
    console.print(words, soft_wrap=True)
    return 0


def converted(options: argparse.Namespace) -> str:
    """Do it, and say in a line what was written."""
    if options.repair:
        from avloc_ros.sources.bags.bag_repair import repair_mcap

        found = repair_mcap(options.source, options.target)
        return f"what was whole in {options.source}, {found.contents}, is in {options.target}"
    if (options.source / "scene.json").is_file():
        from avloc_ros.sources.bags.bag_scene import scene_to_bag

        scene_to_bag(options.source, options.target, options.storage, raw_images=options.raw_images)
        return f"scene {options.source} is the bag {options.target}: `avloc replay {options.target}`"
    from avloc_ros.sources.bags.bag_scene import bag_to_scene

    scene = bag_to_scene(
        options.source, options.target, audio_topic=options.audio_topic, image_topic=options.image_topic
    )
    return f"bag {options.source} is the scene {options.target}: {scene.duration_s:.1f} s, {len(scene.truth)} rows of truth"
