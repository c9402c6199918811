"""Eyes that point: places in the picture against the formula of the pixels, their loss against loops, vectors against loops."""

# ruff: noqa: E402
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.geometry import direction_from_angles
from avloc_ros.losses.seen_events import OFFSET_WEIGHT, events_of_adpit, seen_events_loss
from avloc_ros.models.sound_events.pointing import PACE, QUIET, SHARPNESS, Pointing
from avloc_ros.models.sound_events.seen_events import (
    SeenEvents,
    SeenEventsConfig,
    cells_of,
    moved,
    seen_directions,
)
from avloc_ros.types import InputError

CONFIG = SeenEventsConfig(picture_width=64, picture_height=32, belt_px=16, channels=(4, 8), context_channels=8)
CLASSES = 3


def test_cells_are_where_the_pixels_are():
    """azimuth = 180 - (x + 0.5) * 360 / width; the middle row looks straight ahead."""
    config = SeenEventsConfig()
    for x, y in ((0, 56), (223, 30), (100, 80), (111, 55)):
        azimuth_deg, elevation_deg = 180 - (x + 0.5) * 360 / 224, 90 - (y + 0.5) * 180 / 112
        direction = torch.from_numpy(direction_from_angles(np.radians(azimuth_deg), np.radians(elevation_deg))).float()
        cell, offset = cells_of(direction, config)
        assert divmod(int(cell), config.columns) == ((y - 28) // 8, x // 8)
        assert offset.tolist() == pytest.approx([((x + 0.5) / 4) % 2 - 1, ((y - 28 + 0.5) / 4) % 2 - 1], abs=1e-3)
    up = torch.tensor([0.0, 0.0, 1.0])
    assert cells_of(up, config)[0] == -1


def test_a_place_in_a_cell_is_told_as_the_direction_that_it_was_made_of():
    chance = np.random.default_rng(0)
    angles = chance.uniform((-np.pi, -0.7), (np.pi, 0.7), (50, 2))
    directions = torch.from_numpy(direction_from_angles(angles[:, 0], angles[:, 1])).float()
    cells, offsets = cells_of(directions, CONFIG)
    maps = torch.zeros(50, 1, 2, CONFIG.rows * CONFIG.columns)
    maps[torch.arange(50), 0, :, cells] = offsets
    found = seen_directions(maps.unflatten(3, (CONFIG.rows, CONFIG.columns)), CONFIG).flatten(2, 3)[torch.arange(50), 0, cells]
    assert torch.allclose(found, directions, atol=1e-5)


def test_what_stands_at_the_seam_is_seen_from_both_sides():
    torch.manual_seed(0)
    eyes, pictures = SeenEvents(CLASSES, CONFIG).eval(), torch.rand(1, 2, 3, 32, 64)
    lit = pictures.clone()
    lit[..., 60:] = 1.0  # the last cell
    changed = (eyes(lit)[0] != eyes(pictures)[0]).flatten(0, 3).any(0)
    assert changed[15] and changed[0] and not changed[7]
    above = pictures.clone()
    above[:, :, :, :4] = 1.0  # out of the belt
    assert torch.equal(eyes(above)[0], eyes(pictures)[0])


def test_only_what_moves_has_moved():
    pictures = torch.full((1, 3, 3, 8, 8), 0.5)
    pictures[0, 2, :, 4:6, 2:4] = 1.0
    changes = moved(pictures)
    assert changes.shape == (1, 3, 1, 4, 4) and not changes[0, 0].any()
    assert changes[0, 1, 0].nonzero().tolist() == [[2, 1]] == changes[0, 2, 0].nonzero().tolist()
    assert float(changes.max()) == pytest.approx(0.5)


def test_the_loss_is_that_of_loops_over_cells():
    torch.manual_seed(1)
    logits, offsets = torch.randn(1, 2, CLASSES, 4, 16), torch.rand(1, 2, 2, 4, 16)
    angles = torch.tensor([[[0.3, 0.2], [1.5, -0.3]], [[-2.0, 0.1], [0.0, 1.5]]])  # looks, slots; the last is above the belt
    directions = torch.from_numpy(direction_from_angles(*angles.numpy().transpose(2, 0, 1))).float()[None]
    classes = torch.tensor([[[0, 2], [1, 1]]])
    width = 2 * np.pi / 16
    wanted, errors = np.zeros((2, CLASSES, 4, 16)), []
    for look, slot, name in ((0, 0, 0), (0, 1, 2), (1, 0, 1)):
        azimuth, elevation = (float(v) for v in angles[look, slot])
        x, y = (np.pi - azimuth) / width, 2 - elevation / width
        wanted[look, name, int(y), int(x)] = 1
        own = np.array([x % 1, y % 1]) * 2 - 1
        errors.append(np.abs(offsets[0, look, :, int(y), int(x)].numpy() - own).sum())
    chances = 1 / (1 + np.exp(-logits[0].numpy()))
    entropy = -np.log(np.where(wanted > 0, chances, 1 - chances)).sum() / 2
    found = seen_events_loss(logits, offsets, directions, classes, CONFIG)
    assert float(found) == pytest.approx(entropy + OFFSET_WEIGHT * np.mean(errors), rel=1e-5)


def test_events_of_adpit_labels():
    labels = torch.zeros(1, 1, 6, 4, CLASSES)
    labels[0, 0, 1, :, 2] = torch.tensor([1.0, 1, 0, 0])
    labels[0, 0, 2, :, 2] = torch.tensor([1.0, 0, 1, 0])
    directions, classes = events_of_adpit(labels)
    told = classes[0, 0] < CLASSES
    assert classes[0, 0][told].tolist() == [2, 2] and directions[0, 0][told].tolist() == [[1, 0, 0], [0, 1, 0]]


def random_view(batch=2, looks=2):
    torch.manual_seed(2)
    vectors = torch.tanh(torch.randn(batch, 3 * looks, 9 * CLASSES))
    places = torch.nn.functional.normalize(torch.randn(batch, looks, 4, 16, 3), dim=4)
    return vectors, torch.randn(batch, looks, CLASSES, 4, 16), places


def test_pointing_changes_nothing_at_first_and_is_that_of_loops_later():
    vectors, logits, places = random_view()
    vectors.view(2, 6, 3, 3, CLASSES)[..., 1] *= 0.01  # all of class 1 is quiet
    pointing = Pointing(CLASSES)
    assert torch.equal(pointing(vectors, logits, places), vectors)
    for value in pointing.learnt.values():
        torch.nn.init.normal_(value, std=0.5 / PACE)
    learnt = {name: PACE * value.detach().flatten().numpy() for name, value in pointing.learnt.items()}
    with torch.no_grad():
        found = pointing(vectors, logits, places).view(2, 6, 3, 3, CLASSES).numpy()
    given = vectors.view(2, 6, 3, 3, CLASSES).numpy()
    for batch, frame, track, k in np.ndindex(2, 6, 3, CLASSES):
        vector, look = given[batch, frame, track, :, k], frame // 3
        loudest = np.linalg.norm(given[batch, 3 * look : 3 * look + 3, :, :, k], axis=2).max()
        expected = vector
        if loudest > QUIET:
            length, cells = np.linalg.norm(vector), places[batch, look].flatten(0, 1).numpy()
            ahead = vector / length
            left = np.array([-ahead[1], ahead[0], 0.0])
            near = np.exp(SHARPNESS + learnt["sharpness"][k] + learnt["sharpness_by_length"][k] * length)
            scores = logits[batch, look, k].flatten().numpy() + near * (cells @ ahead - 1)
            scores = scores + learnt["side"][k] * (1 - track) * (cells @ left)
            weights = np.exp(scores) / (np.exp(scores).sum() + np.exp(learnt["doubt"][k]))
            seen, share = weights @ cells, weights.sum()
            longer = (1 + learnt["lengthened"][k] * share) * length
            expected = vector + learnt["drawn"][k] * (longer * seen - share * vector)
        assert found[batch, frame, track, :, k] == pytest.approx(expected, abs=1e-5)


def test_two_of_one_class_that_are_heard_as_one_are_told_apart_by_what_is_seen():
    """Three equal vectors ahead, a thing 40 degrees to the left and one to the right: the outer tracks take one each."""
    pointing = Pointing(1)
    with torch.no_grad():
        pointing.learnt["drawn"].fill_(1 / PACE)
        pointing.learnt["side"].fill_(10 / PACE)
    things = torch.tensor([[np.cos(a), np.sin(a), 0.0] for a in np.radians([40, -40, 180])], dtype=torch.float32)
    logits = torch.tensor([6.0, 6.0, -9.0]).view(1, 1, 1, 1, 3)
    vectors = torch.tensor([0.7, 0, 0]).repeat(3).view(1, 1, 9)
    told = pointing(vectors, logits, things.view(1, 1, 1, 3, 3))[0, 0].view(3, 3)
    azimuths = torch.rad2deg(torch.atan2(told[:, 1], told[:, 0])).tolist()
    assert azimuths[0] == pytest.approx(40, abs=2) and azimuths[2] == pytest.approx(-40, abs=2)
    assert azimuths[1] == pytest.approx(0, abs=2)


def test_pictures_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="half of picture_width"):
        SeenEventsConfig(picture_width=200)
    with pytest.raises(InputError, match="multiples of 8"):
        SeenEventsConfig(belt_px=52)
