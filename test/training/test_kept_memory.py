"""A freed array comes back without fresh pages of the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, numpy as np
from avloc_ros.training.kept_memory import keep_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        np.ones(8_000_000)  # 64 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
usual = faults()
told = keep_memory()
np.ones(8_000_000)  # the pages that are kept
print(int(told), usual, faults())
"""


def test_large_arrays_are_made_of_kept_pages():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    told, usual, kept = map(int, done.stdout.split())
    if not told:
        pytest.skip("the C library is not glibc")
    assert kept <= max(usual // 20, 50)  # 50: where the system maps huge pages, it faults seldom anyway
