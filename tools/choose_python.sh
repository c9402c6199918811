#!/bin/sh
# Checks that this machine can run avloc_ros from PyPI wheels; prints the Python to use, or says what is missing.
# PYTHON=... names one; else python3, then python3.13 ... python3.10.
set -u

say() { echo "avloc_ros: $*" >&2; }

machine="$(uname -sm)"
if [ "$machine" != "Linux x86_64" ]; then
    say "ROS 2 is on PyPI for Linux x86_64 only, and this is $machine; build on a ROS 2 distro (Humble, Jazzy, Kilted) instead: colcon build --packages-select avloc_ros"
    exit 1
fi

# Prints "ok", or what a Python lacks: version, headers, venv.
probe='
import os, sys, sysconfig
lacks = []
if not (3, 10) <= sys.version_info[:2] <= (3, 13):
    lacks.append("version")
else:
    if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
        lacks.append("headers")
    try:
        import ensurepip, venv
    except ImportError:
        lacks.append("venv")
print(" ".join(lacks) or "ok")
'
chosen="" chosen_lacks=""
for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
    lacks="$("$python" -c "$probe" 2>/dev/null)" || continue
    case "$lacks" in
        ok) chosen="$python" chosen_lacks=""; break ;;
        version) ;;
        *) [ -n "$chosen" ] || { chosen="$python"; chosen_lacks="$lacks"; } ;;
    esac
done

missing="" packages=""
need() { missing="$missing, $1"; packages="$packages $2"; }

if [ -z "$chosen" ]; then
    found="$("${PYTHON:-python3}" -V 2>/dev/null)" || found=""
    if [ -n "$found" ]; then
        say "the ROS 2 wheels are for Python 3.10 to 3.13, and this is $found: install one of those and name it (make PYTHON=python3.12 ...), or build on a ROS 2 distro: colcon build --packages-select avloc_ros"
        exit 1
    fi
    need "Python 3.10 to 3.13" "python3 python3-dev python3-venv"
fi
# Debian names packages python3-dev for its own python3, and python3.12-dev for one of several.
case "$chosen" in python3.*) debian_name="$chosen" ;; *) debian_name="python3" ;; esac
case " $chosen_lacks " in *" headers "*) need "Python headers (Python.h)" "$debian_name-dev" ;; esac
case " $chosen_lacks " in *" venv "*) need "Python's venv module" "$debian_name-venv" ;; esac
command -v "${CXX:-c++}" >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1 || need "a C++ compiler" "g++"
command -v "${CC:-cc}" >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || need "a C compiler" "gcc"
command -v make >/dev/null 2>&1 || need "make" "make"

if [ -n "$missing" ]; then
    say "missing: ${missing#, }. On Debian or Ubuntu: sudo apt install$packages"
    exit 1
fi
echo "$chosen"
