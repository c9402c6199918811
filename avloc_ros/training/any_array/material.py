"""What any_array and mixture are taught with: simulated rooms, and speech and sounds, apart for training and validation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avloc_ros.config import setting
from avloc_ros.datasets.mixtures.any_array_mix import MixDraws, Mixer
from avloc_ros.datasets.mixtures.held_out import recording_of, shares, talker_of
from avloc_ros.datasets.mixtures.room_bank import RoomResponses, load_bank, make_bank
from avloc_ros.datasets.mixtures.sounds import SoundLibrary
from avloc_ros.simulation.kit import SOUND_SUFFIXES
from avloc_ros.simulation.measured_rooms import share_of_split
from avloc_ros.sources.arrays import every_shipped_array
from avloc_ros.types import InputError


@dataclass(frozen=True)
class MaterialConfig:
    """Settings of both recipes."""

    rooms: int = setting(160, "simulated rooms, each with an array of its own", low=1, high=100000)
    validation_rooms: int = setting(24, "other rooms, with other talkers, that validate", low=1, high=10000)
    frames: int = setting(100, "frames of 40 ms in a mixture", low=20, high=2000)
    synthetic_voices: int = setting(120, "utterances of espeak-ng beside the recorded ones", low=0, high=100000)
    seed_of_rooms: int = setting(1, "rooms of another seed are other rooms", low=0, high=2**31 - 1)


@dataclass(frozen=True)
class Material:
    """Mixers of both parts, and how much they hold, for the card."""

    training: Mixer
    validation: Mixer
    facts: dict[str, Any]


def gather(
    config: MaterialConfig, folder: Path, rooms_folder: Path, *, rooms_on_gpu: int = 0, draws: MixDraws | None = None
) -> Material:
    """Sounds below folder/speech, folder/events and folder/music, and room banks, made where they are not there yet.

    rooms_on_gpu: so many training rooms are made on the GPU later, in place of config.rooms now, and music is among the other
    sounds. draws: what mixtures hold. Raises InputError where there is no speech.
    """
    speech = _sounds(folder / "speech")
    if not speech:
        raise InputError(f"no speech files in {folder / 'speech'}: need {', '.join(SOUND_SUFFIXES)}, named SPEAKER-*.*")
    voices, other_voices = shares(speech, talker_of)
    events, music = _sounds(folder / "events"), _sounds(folder / "music")
    tested = set(share_of_split(events + music, "test"))
    sounds, other_sounds = shares(events, recording_of, [path for path in events if path in tested])
    if rooms_on_gpu:
        sounds = sounds + [path for path in music if path not in tested]
    validation_rooms = _bank(rooms_folder, config.seed_of_rooms + 1, config.validation_rooms)
    rooms = [] if rooms_on_gpu else _bank(rooms_folder, config.seed_of_rooms, config.rooms)
    training = Mixer(SoundLibrary(voices, sounds, config.synthetic_voices, 0), rooms, config.frames, draws)
    validation = Mixer(SoundLibrary(other_voices, other_sounds, 0, 1), validation_rooms, config.frames, draws)
    count = rooms_on_gpu or len(rooms)
    facts = {
        "training": {"rooms": count, "speech_files": len(voices), "sound_files": len(sounds)},
        "validation": {"rooms": len(validation_rooms), "speech_files": len(other_voices), "sound_files": len(other_sounds)},
        "synthetic_voices": config.synthetic_voices,
        "rooms": "simulated rectangular rooms: image sources and a diffuse tail; no measured response",
        "held_out": "every third talker and sound (the test split of avloc simulate), and every fourth (benchmarks)",
    }
    return Material(training, validation, facts)


def _bank(folder: Path, seed: int, count: int) -> list[RoomResponses]:
    path = folder / f"rooms_{seed}_{count}.npz"
    if not path.is_file():
        make_bank(path, seed, count, every_shipped_array())
    return load_bank(path)


def _sounds(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix in SOUND_SUFFIXES) if folder.is_dir() else []
