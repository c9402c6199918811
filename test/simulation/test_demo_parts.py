"""The demo's voices, faces and script; the whole scene is built by `make demo`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avloc_ros.geometry import angles_from_direction
from avloc_ros.simulation.demo_script import DURATION_S, ROLES
from avloc_ros.sources.scene import write_scene
from avloc_ros.types import InputError


def test_voices_differ() -> None:
    pytest.importorskip("espeakng_loader", reason="the demo's voices come from espeakng-loader")
    from avloc_ros.simulation.sound.espeak import SyntheticVoice, speak

    first, rate = speak("Who is speaking?", ROLES[0].voice)
    other, _ = speak("Who is speaking?", ROLES[1].voice)
    again, _ = speak("Who is speaking?", ROLES[0].voice)
    assert rate == 22050 and 0.5 * rate < len(first) < 3 * rate
    assert np.array_equal(again, first)  # whatever was said before
    assert len(other) != len(first) or np.abs(other - first).max() > 0.05
    with pytest.raises(InputError, match="no voice"):
        speak("Hello", SyntheticVoice("xx-nowhere"))


def test_lines_fit_and_overlap_a_little() -> None:
    pytest.importorskip("espeakng_loader", reason="the demo's voices come from espeakng-loader")
    from avloc_ros.simulation.sound.espeak import speak

    spoken = np.zeros((len(ROLES), round(DURATION_S * 100)), bool)
    for number, role in enumerate(ROLES):
        for line in role.lines:
            samples, rate = speak(line.text, role.voice)
            end = line.start_s + len(samples) / rate
            assert end < DURATION_S
            assert not spoken[number, round(line.start_s * 100) : round(end * 100)].any(), (
                "talks over herself"
            )
            spoken[number, round(line.start_s * 100) : round(end * 100)] = True
    both = spoken.all(axis=0).mean() * DURATION_S
    assert 0.5 < both < 4.0


def test_one_leaves_the_picture_while_speaking_and_both_stay_in_the_room() -> None:
    pytest.importorskip("skimage", reason="the demo's faces come from scikit-image and matplotlib")
    from avloc_ros.simulation.demo_scene import CAMERA, ROOM

    times = np.arange(0, DURATION_S, 0.1)
    inside = {}
    for role in ROLES:
        places = role.position_m(times)
        assert all(ROOM.holds(place) for place in places)
        inside[role.name] = CAMERA.project(places)[1]
        steps = np.linalg.norm(np.diff(places, axis=0), axis=1) / 0.1
        assert steps.max() < 1.6  # walking pace
    assert inside["hopper"].all()
    away = times[~inside["collins"]]
    assert 9.0 < away.min() < 12.0 and away.max() < 17.0
    azimuth, _ = angles_from_direction(ROLES[0].position_m(12.0))
    assert np.rad2deg(azimuth) > 60


def test_portraits_are_cut_out_and_open_their_mouths() -> None:
    pytest.importorskip("skimage", reason="the demo's faces come from scikit-image and matplotlib")
    pytest.importorskip("matplotlib", reason="the demo's faces come from scikit-image and matplotlib")
    from avloc_ros.simulation.looks.portraits import load_portraits

    for portrait in load_portraits():
        u, v = np.round(portrait.face_centre).astype(int)
        alpha = portrait.picture[..., 3]
        assert alpha[v, u] > 0.99 and alpha[:10, :10].max() < 0.01 and 0.2 < alpha.mean() < 0.95
        mouth_u, mouth_v = np.round(portrait.mouth.mean(axis=0)).astype(int)
        around = slice(mouth_v, mouth_v + 12), slice(mouth_u - 5, mouth_u + 5)
        assert portrait.speaking(1.0)[around][..., :3].mean() < portrait.picture[around][..., :3].mean() - 0.1
        np.testing.assert_array_equal(
            portrait.speaking(1.0)[: mouth_v - 10], portrait.picture[: mouth_v - 10]
        )


def test_the_demo_scene_is_built_once_and_never_left_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from avloc_ros.simulation import demo_scene as demo

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built: list[Path] = []

    def build(folder: Path, **_: object) -> object:
        built.append(folder)
        if len(built) == 1:
            (folder / "audio.wav").write_bytes(b"half")
            raise KeyboardInterrupt
        return write_scene(folder, audio=np.zeros((1600, 2)))

    monkeypatch.setattr(demo, "build_demo_scene", build)
    with pytest.raises(KeyboardInterrupt):
        demo.demo_scene()
    assert not list((tmp_path / "avloc_ros").iterdir())
    first, second = demo.demo_scene(), demo.demo_scene()
    assert first.folder == second.folder and len(built) == 2
    assert list((tmp_path / "avloc_ros").iterdir()) == [first.folder]
