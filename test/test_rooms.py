"""Who may import whom: rooms only import rooms before them, only nodes know ROS, heavy packages wait for their use."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "avloc_ros"
RUNTIME = (
    "types", "spelling", "geometry", "microphone_array", "config", "parameter_file",
    "sources", "features", "models", "runtime", "decode", "tracking", "systems", "nodes",
)  # fmt: skip
OFFLINE = ("losses", "simulation", "datasets", "evaluation", "training", "bench")
GENERATED = ("msg",)  # the package's own messages are made by rosidl
# What a runtime room may import at the top of a file; everything else belongs to an extra and waits for its use.
LIVE_PACKAGES = {"numpy", "scipy", "cv2", "onnxruntime", "yaml"}
ROS_PACKAGES = {
    "rclpy", "std_msgs", "sensor_msgs", "geometry_msgs", "visualization_msgs", "diagnostic_msgs", "nav_msgs", "std_srvs",
    "builtin_interfaces", "lifecycle_msgs", "rcl_interfaces", "rosgraph_msgs", "message_filters", "cv_bridge", "tf2_ros",
    "tf2_msgs", "ament_index_python", "rosidl_runtime_py", "launch", "launch_ros",
}  # fmt: skip

NETWORK_PACKAGES = {"torch"}  # at the top of a file in models/, which then is a network: a robot runs its ONNX export

Import = tuple[int, str, bool]  # line, module, at the top level of the file


def python_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    deferred = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        at_top = id(node) not in deferred
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"{path}:{node.lineno}: imports are absolute, so that their room can be read"
            )
            module = node.module or ""
            if module == "avloc_ros":
                yield from ((node.lineno, f"avloc_ros.{alias.name}", at_top) for alias in node.names)
            else:
                yield node.lineno, module, at_top


def allowed_rooms(room: str) -> set[str]:
    """Rooms that a room may import, its own included."""
    if room in RUNTIME:
        earlier = set(RUNTIME[: RUNTIME.index(room) + 1])
        return earlier | (set(GENERATED) if room == "nodes" else set())
    if room in OFFLINE:
        return (set(RUNTIME) - {"nodes"}) | set(OFFLINE[: OFFLINE.index(room) + 1])
    return set(RUNTIME) | set(OFFLINE) | {"cli", *GENERATED}


def is_network(module: str) -> bool:
    """Whether a module of ours is a torch network: a file of models/ that imports torch at its top."""
    path = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    return (
        module.startswith("avloc_ros.models.")
        and path.is_file()
        and any(at_top and name.split(".")[0] in NETWORK_PACKAGES for _, name, at_top in imports_of(path))
    )


def violations(path: Path) -> list[str]:
    room, found = room_of(path), []
    for line, module, at_top in imports_of(path):
        where = f"{path.relative_to(PACKAGE.parent)}:{line}"
        top = module.split(".")[0]
        if top == "avloc_ros":
            target = module.split(".")[1] if "." in module else "__init__"
            if target not in allowed_rooms(room):
                found.append(f"{where}: {room} imports {target}, which comes after it")
            if at_top and room in RUNTIME and room != "models" and is_network(module):
                found.append(f"{where}: {room} imports a torch network at the top of the file; live, its ONNX export runs")
        elif top in ROS_PACKAGES and room not in ("nodes", "cli"):
            found.append(f"{where}: {room} imports {top}; only nodes knows ROS")
        elif room in RUNTIME and room != "nodes" and at_top:
            live = LIVE_PACKAGES | (NETWORK_PACKAGES if room == "models" else set())
            if top not in sys.stdlib_module_names and top not in live:
                found.append(
                    f"{where}: {room} imports {top} at the top of the file; import it where it is used"
                )
    return found


def test_every_room_imports_only_rooms_before_it():
    found = [line for path in python_files() for line in violations(path)]
    assert not found, "\n".join(found)


def test_no_files_import_each_other_in_a_circle():
    modules = {
        ".".join(["avloc_ros", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__"): path
        for path in python_files()
    }
    ahead = {
        module: {target for _, target, _ in imports_of(path) if target in modules and target != module}
        for module, path in modules.items()
    }
    while True:
        free = {module for module, targets in ahead.items() if not targets}
        if not free:
            break
        ahead = {module: targets - free for module, targets in ahead.items() if module not in free}
    assert not ahead, f"these import each other, or lead into those that do: {sorted(ahead)}"


def test_every_file_stands_in_a_known_room():
    known = {*RUNTIME, *OFFLINE, "cli", "__init__", "__main__"}
    assert {room_of(path) for path in python_files()} <= known


def test_no_source_folder_shadows_the_generated_messages():
    assert not (PACKAGE / "msg").exists()
    assert not list((PACKAGE.parent / "test").rglob("__init__.py"))


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("sources", "from avloc_ros.nodes.messages.conversions import stamp_ns"),
        ("sources", "from avloc_ros.features import stft"), 
        ("systems", "import avloc_ros.simulation.measured"),
        ("systems", "from avloc_ros import evaluation"),
        ("tracking", "import rclpy"),
        ("tracking", "def run():\n    import sensor_msgs.msg"),
        ("models", "import lightning"),
        ("runtime", "import torch"),
        ("evaluation", "from avloc_ros.nodes import player"), 
        ("evaluation", "def run():\n    from avloc_ros.training import recipes"),
        ("simulation", "from avloc_ros.datasets import events"),
    ],
)
def test_a_violation_is_seen(tmp_path, monkeypatch, room, line):
    """The check itself, on files that break each rule."""
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / room).mkdir()
    file = tmp_path / room / "wrong.py"
    file.write_text(line + "\n")
    assert violations(file)


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("systems", "from avloc_ros.sources.sync.av_sync import AvSync"),
        ("models", "import torch"),
        ("models", "def load():\n    import lightning"),
        ("nodes", "import rclpy\nfrom avloc_ros.msg import AudioFrame"),
        ("cli", "import rich\nfrom avloc_ros.nodes import player"), 
        ("training", "import torch\nfrom avloc_ros.models import dsw"), 
    ],
)
def test_what_is_allowed_passes(tmp_path, monkeypatch, room, line):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / room).mkdir()
    file = tmp_path / room / "right.py"
    file.write_text(line + "\n")
    assert not violations(file)


def test_live_rooms_do_not_reach_torch_through_a_network(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    for room in ("models", "systems", "training"):
        (tmp_path / room).mkdir()
    (tmp_path / "models" / "net.py").write_text("import torch\n")
    for room in ("systems", "training"):
        (tmp_path / room / "user.py").write_text("from avloc_ros.models.net import Net\n")
    assert violations(tmp_path / "systems" / "user.py")
    assert not violations(tmp_path / "training" / "user.py")
    (tmp_path / "systems" / "user.py").write_text("def run():\n    from avloc_ros.models.net import Net\n")
    assert not violations(tmp_path / "systems" / "user.py")
