"""Opens whatever holds sound and pictures as one `Source`: by the look of its path."""

from __future__ import annotations

from pathlib import Path

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.bags.bag import BagSource
from avloc_ros.sources.devices.live import open_live
from avloc_ros.sources.media import MediaSource
from avloc_ros.sources.scene import SceneSource
from avloc_ros.sources.stream import Source
from avloc_ros.types import InputError

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".aiff")
VIDEO_SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".mpg", ".mpeg", ".m4v")
BAG_SUFFIXES = (".mcap", ".db3")


def open_source(
    spec: str | Path,
    *,
    array: MicrophoneArray | None = None,
    camera: CameraModel | None = None,
    start_ns: int = 0,
) -> Source:
    """Open what `spec` names: a scene folder, a bag, media files (`sound.wav,clip.mp4` or one of them), `live`.

    `live` takes devices as `live:audio=NAME,camera=0` (`none` leaves one out). array, camera: geometry that
    overrides what the source knows. start_ns: capture time of t = 0 for scenes and files. Raises InputError.
    """
    text = str(spec)
    if text == "live" or text.startswith("live:"):
        return open_live(text[5:], array, camera)
    parts = [Path(part) for part in text.split(",")] if not Path(text).exists() else [Path(text)]
    missing = [str(part) for part in parts if not part.exists()]
    if missing:
        raise InputError(
            f"{' and '.join(missing)}: no such file or folder; "
            "give a scene folder, a bag, a wav, an mp4, or 'live'"
        )
    path = parts[0]
    if path.is_dir() and (path / "scene.json").is_file():
        return SceneSource(path, start_ns=start_ns, array=array, camera=camera)
    if path.suffix.lower() in BAG_SUFFIXES or (path.is_dir() and _looks_like_bag(path)):
        return BagSource(path, array=array, camera=camera)
    if path.is_dir():
        raise InputError(f"{path} holds neither scene.json nor a bag (metadata.yaml, *.mcap, *.db3)")
    audio = [part for part in parts if part.suffix.lower() in AUDIO_SUFFIXES]
    video = [part for part in parts if part.suffix.lower() in VIDEO_SUFFIXES]
    if len(audio) + len(video) != len(parts) or len(audio) > 1 or len(video) > 1:
        raise InputError(
            f"{text}: give one sound file ({', '.join(AUDIO_SUFFIXES)}) "
            f"and/or one video file ({', '.join(VIDEO_SUFFIXES)})"
        )
    return MediaSource(
        audio[0] if audio else None,
        video[0] if video else None,
        array=array,
        camera=camera,
        start_ns=start_ns,
    )


def _looks_like_bag(folder: Path) -> bool:
    return (folder / "metadata.yaml").is_file() or any(p.suffix in BAG_SUFFIXES for p in folder.iterdir())
