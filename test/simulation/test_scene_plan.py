"""What is drawn for measured scenes, without rendering."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.kit import Kit, open_kit
from avloc_ros.simulation.looks.camera_draw import WIDTH, face_column
from avloc_ros.simulation.measured_plan import draw_plan
from avloc_ros.simulation.measured_rooms import parse_response
from avloc_ros.simulation.scene_plan import Wishes, seen_faces
from avloc_ros.types import InputError


@pytest.fixture(scope="module")
def kit() -> Kit:
    names = [f"lab_S{azimuth:03d}-{cm}.flac" for azimuth in range(0, 360, 60) for cm in (150, 200)]
    responses = [parse_response(Path(name)) for name in [*names, "lab_SBG1.flac"]]
    array = MicrophoneArray(np.array([[0.05, 0, 0], [-0.05, 0, 0]]))
    clips = (Path("av/a.mpg"), Path("av/b.mpg"))
    voices = tuple(Path(f"speech/{speaker}-1.flac") for speaker in range(5))
    return Kit("test", array, tuple(responses), clips, voices, (Path("events/dog.ogg"),), None)  # type: ignore[arg-type]


def _plans(kit: Kit, count: int, wishes: Wishes = Wishes()) -> list:  # noqa: B008
    return [draw_plan(np.random.default_rng([3, index]), kit, index, wishes) for index in range(count)]


def test_half_of_the_scenes_have_trouble_of_every_kind(kit: Kit) -> None:
    plans = _plans(kit, 64)
    assert sum(plan.condition == "clean" for plan in plans) == 32
    assert all((plan.noise is not None) == ("noisy" in plan.condition) for plan in plans)
    for kind in ("dark", "blur", "glare", "occluded", "turned"):
        found = [plan for plan in plans if kind in plan.condition]
        assert len(found) >= 4 and all([t.kind for t in plan.troubles] == [kind] for plan in found)
    assert all(not plan.troubles for plan in plans if plan.condition in ("clean", "noisy"))


def test_talkers_come_in_the_stated_shares(kit: Kit) -> None:
    counts = np.bincount([len(plan.talkers) for plan in _plans(kit, 600)], minlength=5)[1:] / 600
    np.testing.assert_allclose(counts, (0.30, 0.35, 0.20, 0.15), atol=0.05)


def test_no_voice_without_a_face_stands_in_the_picture(kit: Kit) -> None:
    plans = _plans(kit, 200, Wishes(talkers=4))
    assert all(len([t for t in plan.talkers if not t.has_face]) == 2 for plan in plans)
    columns = [face_column(p.camera, t.response) for p in plans for t in p.talkers if not t.has_face]
    assert np.mean([u is not None and 0 <= u < WIDTH for u in columns]) < 0.02


def test_trouble_of_one_face_has_a_face(kit: Kit) -> None:
    for condition in ("occluded", "turned"):
        for plan in _plans(kit, 60, Wishes(condition=condition)):
            assert len(seen_faces(plan.talkers, plan.camera, plan.frames)) > 0


def test_faces_stand_in_any_column_and_some_talkers_are_off_camera(kit: Kit) -> None:
    columns = []
    for plan in _plans(kit, 300):
        columns += [face_column(plan.camera, t.response) for t in plan.talkers if t.clip]
    inside = np.array([u for u in columns if u is not None and 0 <= u < WIDTH])
    per_sixth = np.histogram(inside, bins=6, range=(0, WIDTH))[0]
    assert per_sixth.min() > 0.5 * per_sixth.mean() * 0.8
    assert 0.1 < 1 - len(inside) / len(columns) < 0.6
    assert np.minimum(inside, WIDTH - inside).min() > 20


def test_talkers_stand_at_different_azimuths_and_someone_speaks(kit: Kit) -> None:
    for plan in _plans(kit, 60):
        azimuths = [t.response.azimuth_rad for t in plan.talkers]
        assert len({round(a, 3) for a in azimuths}) == len(azimuths)
        assert any(not t.silent for t in plan.talkers)
        assert len({t.name for t in plan.talkers}) == len(plan.talkers)


def test_wishes_are_kept(kit: Kit) -> None:
    wishes = Wishes(audio_only=True, talkers=2, condition="noisy", snr_db=3.0, duration_s=4.0)
    for plan in _plans(kit, 10, wishes):
        assert (
            len(plan.talkers) == 2
            and plan.noise is not None
            and plan.noise.snr_db == 3.0
            and plan.frames == 100
        )
        assert all(t.clip is None for t in plan.talkers)
        assert plan.noise.responses[0].corner == "BG1"


def test_wrong_wishes_are_refused() -> None:
    with pytest.raises(InputError, match="'foggy' is not known"):
        Wishes(condition="foggy")
    with pytest.raises(InputError, match="0 talkers"):
        Wishes(talkers=0)


def test_a_missing_kit_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no data kit"):
        open_kit(tmp_path / "none", "test")
    with pytest.raises(InputError, match="no measured responses"):
        open_kit(tmp_path, "test")
