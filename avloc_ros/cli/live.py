"""`avloc live`: the whole pipeline with one command, on topics of the running system or on devices of this machine."""

from __future__ import annotations

import argparse

from avloc_ros.cli.pipeline_options import add_pipeline_options, pipeline_nodes, pipeline_parameters


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc live`."""
    parser = subparsers.add_parser(
        "live",
        help="run the whole pipeline with one command",
        description="Run the pipeline: on the topics audio, image, camera_info, microphone_array, or, "
        "with --microphone and --camera, on devices of this machine.",
    )
    parser.add_argument("--microphone", metavar="DEVICE", help="capture from this sound device (name or number)")
    parser.add_argument("--camera", metavar="DEVICE", help="capture from this camera (number, path or URL)")
    add_pipeline_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until Ctrl-C; end with status 2 where a device that was named cannot be opened."""
    from avloc_ros.cli.pipeline import run_nodes

    names = pipeline_nodes(options)
    names += ["audio_capture"] if options.microphone is not None else []
    names += ["camera_capture"] if options.camera is not None else []
    parameters = pipeline_parameters(options, names)
    if options.microphone is not None:
        parameters["audio_capture"] |= {"device": options.microphone, "exit_without_device": True}
        if options.array is not None:
            parameters["audio_capture"]["array_file"] = str(options.array)
    if options.camera is not None:
        parameters["camera_capture"] |= {"device": options.camera, "exit_without_device": True}
    return run_nodes(options, names, parameters)
