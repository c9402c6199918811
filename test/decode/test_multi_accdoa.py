"""Vectors of three tracks become events of known directions."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.decode.multi_accdoa import MultiAccdoaConfig, decode_multi_accdoa
from avloc_ros.geometry import angles_from_direction, direction_from_angles
from avloc_ros.types import InputError


def output_with(vectors, classes=4):
    """(1, 36): {(track, class): vector}."""
    output = np.zeros((1, 3, 3, classes), np.float32)
    for (track, k), vector in vectors.items():
        output[0, track, :, k] = vector
    return output.reshape(1, -1)


def towards(azimuth_deg, length=1.0):
    return length * direction_from_angles(np.radians(azimuth_deg), 0.0)


def azimuths(events):
    return sorted(float(np.degrees(angles_from_direction(e.direction)[0])) for e in events)


def test_a_vector_longer_than_half_is_an_event():
    output = output_with({(0, 2): towards(40, 0.8), (1, 2): towards(150, 0.49), (2, 0): towards(-90, 0.51)})
    (events,) = decode_multi_accdoa(output, 4)
    assert [(e.class_index, round(e.score, 2)) for e in events] == [(0, 0.51), (2, 0.8)]
    assert azimuths(events) == pytest.approx([-90, 40], abs=1e-4)
    assert np.linalg.norm(events[1].direction) == pytest.approx(1)


def test_close_tracks_of_one_class_are_one_event_and_far_ones_are_two():
    near = output_with({(0, 1): towards(0), (1, 1): towards(14.9)})
    far = output_with({(0, 1): towards(0), (1, 1): towards(15.1)})
    assert azimuths(decode_multi_accdoa(near, 4)[0]) == pytest.approx([7.45], abs=1e-4)
    assert azimuths(decode_multi_accdoa(far, 4)[0]) == pytest.approx([0, 15.1], abs=1e-4)
    other = output_with({(0, 1): towards(0), (1, 2): towards(2)})
    assert len(decode_multi_accdoa(other, 4)[0]) == 2


def test_a_chain_of_three_is_one_event_and_a_pair_leaves_the_third_alone():
    chain = output_with({(0, 1): towards(0), (1, 1): towards(24), (2, 1): towards(12)})
    pair = output_with({(0, 1): towards(0), (1, 1): towards(100), (2, 1): towards(10)})
    assert azimuths(decode_multi_accdoa(chain, 4)[0]) == pytest.approx([12], abs=1e-4)
    assert azimuths(decode_multi_accdoa(pair, 4)[0]) == pytest.approx([5, 100], abs=1e-4)
    apart = decode_multi_accdoa(pair, 4, MultiAccdoaConfig(merge_deg=5.0))
    assert len(apart[0]) == 3


def test_a_wrong_number_of_values_is_refused():
    with pytest.raises(InputError, match="37 values"):
        decode_multi_accdoa(np.zeros((1, 37)), 4)
