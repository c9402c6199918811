"""The command `avloc`: parses, hands over to one sub-command, and turns what it raises into an exit status."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import MutableMapping, Sequence
from importlib import metadata

from rich.text import Text

from avloc_ros.cli.console import error_console
from avloc_ros.config import cache_folder
from avloc_ros.types import InputError

COMMANDS = ("demo", "live", "replay", "record", "convert", "evaluate", "simulate", "train", "bench", "doctor", "arrays")
DONE, OUR_FAILURE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
# What a user can mend: a path that is not there, may not be written or is of another kind, and a disk that is full.
OF_THE_FILE_SYSTEM = {
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
    errno.EROFS, errno.ENOSPC, errno.EDQUOT,
}  # fmt: skip

PACKAGES = {"skimage": "scikit-image", "espeakng_loader": "espeakng-loader"}  # module: package, where they differ


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `avloc`. Returns 0 when done, 2 on bad input (with the reason), 1 on a failure of ours, 130 on Ctrl-C."""
    try:
        options = build_parser().parse_args(arguments)
    except KeyboardInterrupt:  # while the modules of the commands are still imported
        return INTERRUPTED
    keep_ros_logs_in_cache()
    try:
        return int(options.run(options) or DONE)
    except InputError as error:
        tell(options.command, str(error))
        return BAD_INPUT
    except ModuleNotFoundError as error:
        tell(options.command, missing_module_advice(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        error_console.print(f"avloc {options.command}: stopped by Ctrl-C")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output (head, less) has gone: nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        if error.errno not in OF_THE_FILE_SYSTEM:
            return failed(options.command)
        tell(options.command, f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror))
        return BAD_INPUT
    except Exception:
        return failed(options.command)


def failed(command: str) -> int:
    """Print the traceback of the exception at hand, which the user cannot mend. Returns the exit status."""
    error_console.print_exception(show_locals=False)
    tell(command, "this is a failure of ours, not of your input")
    return OUR_FAILURE


def tell(command: str, reason: str) -> None:
    """Why a command ends, on stderr."""
    error_console.print(Text(f"avloc {command}:", "bold red"), reason, soft_wrap=True)


def keep_ros_logs_in_cache(environment: MutableMapping[str, str] = os.environ) -> None:
    """Nothing is written outside the output and cache folders: ROS would log to ~/.ros, unless the user says where."""
    if not environment.get("ROS_LOG_DIR") and not environment.get("ROS_HOME"):
        environment["ROS_LOG_DIR"] = str(cache_folder() / "ros_log")


def build_parser() -> argparse.ArgumentParser:
    """The parser with all sub-commands; each module in `cli` adds its own."""
    parser = argparse.ArgumentParser(
        prog="avloc",
        description="Who is speaking, where, and what else sounds: from a microphone array and a camera.",
        epilog="`avloc COMMAND --help` explains one command. `avloc doctor` checks this machine.",
    )
    parser.add_argument("--version", action="version", version=f"avloc {installed_version()}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"avloc_ros.cli.{name}").register(subparsers)
    return parser


def installed_version() -> str:
    """The version of the installed package, or a word that says it runs from a source tree."""
    try:
        return metadata.version("avloc-ros")
    except metadata.PackageNotFoundError:
        return "(source tree)"


def missing_module_advice(error: ModuleNotFoundError) -> str:
    """What to install when a module of an optional extra is missing."""
    extras = {
        "sim": ("pyroomacoustics", "espeakng_loader", "skimage", "matplotlib", "jinja2"),
        "capture": ("sounddevice", "av", "soundfile", "rosbags"),
        "cpu": ("onnxruntime", "onnx"),
        "train": ("torch", "lightning", "torchmetrics"),
    }
    module = (error.name or "").split(".")[0]
    if module in ("rclpy", "avloc_ros", "sensor_msgs", "std_msgs", "geometry_msgs"):
        return f"{error}: source your ROS 2 set-up first, or use the environment that `make demo` creates"
    for extra, modules in extras.items():
        if module in modules:
            package = PACKAGES.get(module, module)
            # By its name: the package itself is on no index.
            return f"{error}: pip install {package} (pip install '.[{extra}]' in the source folder: all of avloc-ros[{extra}])"
    return f"{error}: pip install {module}"


if __name__ == "__main__":
    sys.exit(main())
