"""CoLoC on an ear before it learns: it finds and names what the ear says, and places it where the sound flows from."""

# ruff: noqa: E402
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.decode.coloc_steps import ColocStepsConfig, find_directions
from avloc_ros.features.directions.flow_features import ENERGY, FLOW
from avloc_ros.geometry import angle_between, direction_from_angles
from avloc_ros.models.sound_events.coloc_ear import ColocEarConfig, EarClassifier, EarLocalizer
from avloc_ros.models.sound_events.steering import SteeredMean, SteeringConfig

CLASSES, FRAMES, BANDS = 4, 8, 16


def towards(azimuth_deg, elevation_deg=0.0):
    return direction_from_angles(np.radians(azimuth_deg), np.radians(elevation_deg)).astype(np.float32)


def flows(*sources):
    """Features (1, 5, 5 * FRAMES, BANDS); each (direction, loudness) has every n-th band of its own."""
    features = torch.full((1, 5, 5 * FRAMES, BANDS), 1e-3)
    features[:, FLOW] = 0.0
    for number, (direction, loudness) in enumerate(sources):
        bands = slice(number, None, len(sources))
        features[0, FLOW, :, bands] = loudness * torch.from_numpy(direction)[:, None, None] / 2
        features[0, ENERGY, :, bands] = loudness
    return features


def vectors(*heard, frames=slice(None)):
    """Multi-ACCDOA (1, FRAMES, 3 * 3 * CLASSES) in which all tracks of a (class, direction, length) say the same."""
    values = torch.zeros(1, FRAMES, 3, 3, CLASSES)
    for class_index, direction, length in heard:
        values[0, frames, :, :, class_index] = length * torch.from_numpy(direction)
    return values.flatten(2)


def apart_deg(first, second):
    return float(np.degrees(angle_between(np.asarray(first), np.asarray(second))).max())


def search(features, heard):
    localizer = EarLocalizer(ColocEarConfig(), CLASSES, 2).eval()

    def localize(told, step):
        with torch.no_grad():
            return localizer(features, heard, torch.from_numpy(told), torch.from_numpy(step)).numpy()

    return find_directions(localize, FRAMES, 2, ColocStepsConfig(perturb_deg=0.0))


def test_events_are_found_one_after_the_other_and_the_search_ends():
    first, second = towards(20), towards(140, 20)
    found = search(flows((first, 1.0), (second, 1.0)), vectors((0, towards(28), 0.95), (2, towards(130, 15), 0.8)))
    assert (np.linalg.norm(found, axis=-1) > 0).sum(0).tolist() == [2] * FRAMES
    assert apart_deg(found[0], first) < 3 and apart_deg(found[1], second) < 3  # the ear said 8 and 11 degrees off
    assert not search(flows((first, 1.0)), vectors((0, first, 0.3))).any()


def test_two_classes_near_each_other_are_two_events():
    found = search(flows((towards(0), 1.0), (towards(35), 1.0)), vectors((0, towards(0), 0.95), (1, towards(35), 0.9)))
    assert (np.linalg.norm(found, axis=-1) > 0).sum(0).tolist() == [2] * FRAMES


def test_a_mean_does_not_go_to_what_was_told():
    """A loud source was told; near it is a quiet one, at which the anchor points with an error of 10 degrees towards the loud."""
    mean = SteeredMean(SteeringConfig())
    loud, quiet = towards(0), towards(45)
    cells = mean.cells(flows((loud, 1.0), (quiet, 0.6)), FRAMES)
    anchor, told = torch.from_numpy(towards(35)).expand(1, FRAMES, 3), torch.zeros(1, 2, FRAMES, 3)
    with torch.no_grad():
        alone, _ = mean(cells, anchor, told)
        told[0, 0] = torch.from_numpy(loud)
        beside, support = mean(cells, anchor, told)
    assert apart_deg(beside[0].numpy(), quiet) < 4 and apart_deg(beside[0].numpy(), quiet) < apart_deg(alone[0].numpy(), quiet)
    assert ((support >= 0) & (support <= 1)).all()


def test_a_direction_is_named_by_what_the_ear_says_along_it():
    classifier = EarClassifier(ColocEarConfig(), CLASSES).eval()
    heard = vectors((0, towards(0), 0.9), (3, towards(40), 0.6))
    directions = torch.zeros(1, 3, FRAMES, 3)
    directions[0, 0], directions[0, 1] = torch.from_numpy(towards(5)), torch.from_numpy(towards(30))
    with torch.no_grad():
        logits = classifier(heard, directions)
        assert logits[0, :2].argmax(2).tolist() == [[0] * FRAMES, [3] * FRAMES]
        assert logits[0, 2].argmax(1).tolist() == [CLASSES] * FRAMES  # no direction: nothing
        lone = classifier(heard, directions[:, 1:2])
    # Alone, a direction between both is named by the stronger one: who stands there depends on who else was found.
    assert lone[0, 0].argmax(1).tolist() == [0] * FRAMES


def test_what_was_heard_there_shortly_before_counts():
    classifier = EarClassifier(ColocEarConfig(), CLASSES).eval()
    heard = vectors((1, towards(90), 0.9), frames=slice(0, 4))
    directions = torch.from_numpy(towards(90)).expand(1, 1, FRAMES, 3)
    with torch.no_grad():
        logits = classifier(heard, directions)[0, 0]
    assert (logits[4:6, 1] > logits[4:6, [0, 2, 3]].max(1).values).all()
    assert (logits[:4, 1] > logits[4:, 1].max()).all()
