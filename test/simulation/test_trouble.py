"""Trouble of the eye: what is seen of it in a picture, inside and outside of its region, before and after."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from avloc_ros.simulation.looks.back_of_head import with_back_of_head
from avloc_ros.simulation.looks.backdrop import Room
from avloc_ros.simulation.looks.occluder import Occluder
from avloc_ros.simulation.looks.picture import render
from avloc_ros.simulation.looks.soft_region import SoftRegion
from avloc_ros.simulation.looks.trouble import Blur, Darkness, Glare, Span, Turned, VisualTrouble
from avloc_ros.simulation.looks.trouble_draw import SeenFace, draw_trouble

WIDTH, HEIGHT = 720, 450
REGION = SoftRegion(200, 100, 160, 140)
INSIDE, OUTSIDE = (slice(110, 230), slice(210, 350)), (slice(0, 450), slice(400, 720))
FACE = np.array([265.0, 150.0, 30.0, 40.0])  # in the middle of the region
ELSEWHERE = np.array([500.0, 150.0, 30.0, 40.0])
NO_NOISE = np.zeros((HEIGHT, WIDTH, 3), np.float32)


@pytest.fixture(scope="module")
def textured() -> Room:
    blocks = np.random.default_rng(1).uniform(0.2, 0.8, (HEIGHT // 5, WIDTH // 5, 3)).astype(np.float32)
    background = cv2.resize(blocks, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    return Room(background, np.full((50, WIDTH, 3), 0.4, np.float32))


def _pictures(room: Room, trouble: VisualTrouble, frame: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """(spoiled, clean), float."""
    spoiled, clean = (render(room, [], t, frame, NO_NOISE).astype(float) for t in ([trouble], []))
    return spoiled, clean


def _sharpness(picture: np.ndarray, part: tuple[slice, slice]) -> float:
    return float(cv2.Laplacian(picture.mean(axis=2)[part], cv2.CV_64F).var())


def test_blur_takes_the_detail_inside_only(textured: Room) -> None:
    spoiled, clean = _pictures(textured, Blur(REGION, 8.0))
    assert _sharpness(spoiled, INSIDE) < 0.1 * _sharpness(clean, INSIDE)
    np.testing.assert_array_equal(spoiled[OUTSIDE], clean[OUTSIDE])
    assert spoiled[INSIDE].mean() == pytest.approx(clean[INSIDE].mean(), rel=0.05)  # light is kept


def test_blur_is_a_gaussian_of_the_stated_width() -> None:
    """An edge smeared by sigma rises from 16 to 84 % over two sigma."""
    image = np.zeros((200, 300, 3), np.float32)
    image[:, 150:] = 1.0
    Blur(SoftRegion(-50, -50, 400, 300), 10.0).apply(image, 0)
    row = image[100, :, 0]
    assert np.interp(0.84, row, np.arange(300)) - np.interp(0.16, row, np.arange(300)) == pytest.approx(
        20, abs=2
    )


def test_only_blur_that_is_wide_for_the_face_hides_it() -> None:
    assert Blur(REGION, 8.0).hides(FACE, 0, 0) and not Blur(REGION, 8.0).hides(ELSEWHERE, 0, 0)
    assert not Blur(REGION, 2.0).hides(FACE, 0, 0)


def test_glare_saturates_its_core_and_leaves_the_rest(textured: Room) -> None:
    glare = Glare(SoftRegion(200, 100, 160, 140, True, 40.0), 1.3)
    spoiled, clean = _pictures(textured, glare)
    core = slice(150, 190), slice(260, 300)
    assert spoiled[core].min() == 255 and clean[core].min() < 230
    np.testing.assert_array_equal(spoiled[OUTSIDE], clean[OUTSIDE])
    assert glare.hides(FACE, 0, 0) and not glare.hides(ELSEWHERE, 0, 0)


def test_the_dark_side_has_a_mean_near_zero(textured: Room) -> None:
    spoiled, clean = _pictures(textured, Darkness(300.0, True, 0.03))
    assert spoiled[:, :290].mean() < 0.05 * clean[:, :290].mean()
    np.testing.assert_allclose(spoiled[:, 310:], clean[:, 310:], atol=1)


@pytest.mark.parametrize("round_thing", [True, False])
def test_a_thing_before_the_face_covers_its_box(textured: Room, round_thing: bool) -> None:
    thing = Occluder(280.0, 170.0, 90, 110, 0.0, round_thing, 4, HEIGHT, Span(0, 40))
    spoiled, clean = _pictures(textured, thing, frame=20)
    left, top, width, height = FACE.astype(int)
    changed = np.abs(spoiled - clean).max(axis=2)[top : top + height, left : left + width] > 3
    assert changed.mean() > 0.95
    assert thing.hides(FACE, 20, 0) and not thing.hides(FACE, 0, 0) and not thing.hides(FACE, 40, 0)
    np.testing.assert_array_equal(spoiled[OUTSIDE], clean[OUTSIDE])


def test_a_passing_thing_hides_the_face_when_it_is_there(textured: Room) -> None:
    thing = Occluder(-30.0, 170.0, 60, 200, 6.0, False, 4, HEIGHT, Span(0, 130))
    hidden = [frame for frame in range(130) if thing.hides(FACE, frame, 0)]
    arrives = (280 + 30) / 6.0
    assert hidden[0] < arrives < hidden[-1] and np.ptp(hidden) + 1 == len(hidden)
    assert len(hidden) == pytest.approx(
        60 / 6.0, abs=1
    )  # half a face is covered for as long as the thing is wide
    centre = _thing_column(*_pictures(textured, thing, 60))
    assert centre == pytest.approx(-30 + 6 * 60, abs=1.5)


def _thing_column(spoiled: np.ndarray, clean: np.ndarray) -> float:
    return float(np.flatnonzero((np.abs(spoiled - clean).max(axis=2) > 3).sum(axis=0) > 50).mean() + 0.5)


def test_the_back_of_a_head_covers_the_face_with_hair() -> None:
    picture = np.zeros((200, 120, 4), np.uint8)
    picture[120:, 20:100] = (90, 40, 40, 255)  # clothes
    cv2.ellipse(picture, (60, 80), (26, 36), 0, 0, 360, (130, 160, 210, 255), cv2.FILLED)
    cv2.ellipse(picture, (60, 52), (24, 12), 0, 0, 360, (20, 25, 40, 255), cv2.FILLED)
    picture[86:92, 48:72] = (60, 60, 160, 255)  # mouth
    box = np.array([38.0, 56.0, 44.0, 56.0])
    turned = with_back_of_head(picture, box, 1.0)
    face = turned[60:100, 42:78].astype(float)
    assert np.abs(face[..., :3].mean(axis=(0, 1)) - [20, 25, 40]).max() < 15 and face[..., 3].min() > 250
    np.testing.assert_array_equal(turned[140:], picture[140:])
    assert (turned[..., :3] <= turned[..., 3:]).all()  # still premultiplied
    half = with_back_of_head(picture, box, 0.5).astype(float)
    np.testing.assert_allclose(half[75, 60], (picture[75, 60].astype(float) + turned[75, 60]) / 2, atol=2)


def test_turning_takes_its_time_and_concerns_one_talker() -> None:
    turned = Turned(1, Span(10, 30))
    shares = [turned.share(frame) for frame in range(40)]
    assert shares[9] == 0 and shares[20] == 1 and shares[30] == 0
    assert np.abs(np.diff(shares)).max() <= 0.25
    assert turned.hides(FACE, 20, 1) and not turned.hides(FACE, 20, 0) and not turned.hides(FACE, 5, 1)


@pytest.mark.parametrize("kind", ["blur", "glare", "occluded", "turned", "dark"])
def test_drawn_trouble_mostly_hides_the_face_it_is_aimed_at(kind: str) -> None:
    face = SeenFace(1, 250.0, 180.0, 28.0)
    box = np.array([236.0, 162.0, 28.0, 36.0])
    hidden_scenes, shares = 0, []
    for seed in range(60):
        trouble = draw_trouble(np.random.default_rng(seed), kind, [face], WIDTH, HEIGHT, 200)
        hidden = [trouble.hides(box, frame, 1) for frame in range(0, 200, 4)]
        hidden_scenes += any(hidden)
        shares.append(np.mean(hidden))
        assert 0 <= trouble.span.first < trouble.span.end
    assert hidden_scenes > {"dark": 20, "blur": 36, "glare": 36}.get(kind, 56)
    assert np.mean(shares) < 0.9
