"""The set-up: which Python it takes, and what it says about a machine that lacks something."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHOOSE = ROOT / "tools" / "choose_python.sh"


def tool_folder(tmp_path: Path, **programs: str) -> Path:
    """A folder with shell programs of these names (two underscores for a plus, one for a dot) and bodies."""
    for name, body in programs.items():
        program = tmp_path / name.replace("__", "+").replace("_", ".")
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def choose(path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(CHOOSE)],
        capture_output=True,
        text=True,
        env={"PATH": str(path), **variables},
        check=False,
    )


COMPLETE = {"uname": 'echo "Linux x86_64"', "c____": "true", "cc": "true", "make": "true"}
if os.uname().machine != "x86_64":
    pytest.skip("the set-up serves x86_64 Linux", allow_module_level=True)


def test_a_complete_machine_gets_its_python3(tmp_path: Path) -> None:
    result = choose(tool_folder(tmp_path, **COMPLETE, python3="echo ok"))
    assert (result.returncode, result.stdout.strip()) == (0, "python3")


def test_an_unsuitable_python3_is_passed_over(tmp_path: Path) -> None:
    result = choose(tool_folder(tmp_path, **COMPLETE, python3="echo version", python3_12="echo ok"))
    assert result.stdout.strip() == "python3.12"


def test_the_probe_finds_this_python_suitable(tmp_path: Path) -> None:
    result = choose(tool_folder(tmp_path, **COMPLETE), PYTHON=sys.executable)
    assert result.stdout.strip() == sys.executable


def test_missing_parts_are_named_with_the_apt_line(tmp_path: Path) -> None:
    folder = tool_folder(
        tmp_path, uname=COMPLETE["uname"], make="true", cc="true", python3="echo headers venv"
    )
    result = choose(folder)
    assert result.returncode == 1
    assert "a C++ compiler" in result.stderr
    assert "sudo apt install python3-dev python3-venv g++" in result.stderr


def test_other_machines_are_told_the_distro_way(tmp_path: Path) -> None:
    result = choose(tool_folder(tmp_path, uname='echo "Linux aarch64"'))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "colcon build" in result.stderr


def test_a_python_too_new_is_told_in_one_line(tmp_path: Path) -> None:
    too_new = 'case "$1" in -V) echo Python 3.14.1;; *) echo version;; esac'
    result = choose(tool_folder(tmp_path, **COMPLETE, python3=too_new))
    assert result.returncode == 1
    assert "Python 3.10 to 3.13, and this is Python 3.14.1" in result.stderr
    assert result.stderr.count("\n") == 1


def test_no_python_at_all_is_an_apt_line(tmp_path: Path) -> None:
    result = choose(tool_folder(tmp_path, **COMPLETE))
    assert result.returncode == 1
    assert "sudo apt install python3 python3-dev python3-venv" in result.stderr


def test_make_hides_a_sourced_distro(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(f"include {ROOT / 'Makefile'}\nshow:\n\t@env\n")
    sourced = {
        "PYTHONPATH": "/opt/ros/humble/lib", "AMENT_PREFIX_PATH": "/opt/ros/humble", "CMAKE_PREFIX_PATH": "/opt/ros/humble",
        "LD_LIBRARY_PATH": "/opt/ros/humble/lib", "RMW_IMPLEMENTATION": "rmw_other", "ROS_DISTRO": "humble",
        "ROS_DOMAIN_ID": "3", "ROS_LOCALHOST_ONLY": "0", "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1",
    }  # fmt: skip
    shown = subprocess.run(
        ["make", "-s", "-C", str(ROOT), "-f", str(tmp_path / "Makefile"), "show"],
        capture_output=True, text=True, check=True, env={**os.environ, **sourced},
    ).stdout.splitlines()  # fmt: skip
    seen = dict(line.split("=", 1) for line in shown if "=" in line)
    gone = set(sourced) - {"ROS_DOMAIN_ID", "AMENT_PREFIX_PATH"}
    assert not gone & set(seen)
    assert seen["ROS_DOMAIN_ID"] != "3"
    assert seen["AMENT_PREFIX_PATH"] == str(ROOT / ".venv")
    assert seen["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
