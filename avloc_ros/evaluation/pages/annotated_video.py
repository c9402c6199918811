"""An H.264 video of the overlay's pictures with the scene's sound."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

AUDIO_RATE_HZ = 48_000
AAC_FRAME = 1024


def write_video(path: Path, pictures: Iterable[tuple[float, np.ndarray]], sound: np.ndarray | None, rate_hz: int) -> int:
    """Write an mp4 (H.264, AAC, yuv420p). Returns the number of pictures written.

    pictures: (time_s from the start of the sound, uint8 (rows, cols, 3) BGR) in order. sound: float (samples,) mono, or
    None.
    Odd picture sizes lose their last row or column, since yuv420p needs even ones.
    """
    import av

    count = 0
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        video = None
        audio = container.add_stream("aac", rate=AUDIO_RATE_HZ, layout="mono") if sound is not None else None
        for time_s, picture in pictures:
            if video is None:
                video = container.add_stream("libx264", rate=25, options={"crf": "21", "preset": "veryfast"})
                video.height, video.width = (size - size % 2 for size in picture.shape[:2])
                video.pix_fmt = "yuv420p"
                video.codec_context.time_base = Fraction(1, 1000)
            frame = av.VideoFrame.from_ndarray(picture[: video.height, : video.width], format="bgr24")
            frame.pts, frame.time_base = max(round(time_s * 1000), count), Fraction(1, 1000)
            container.mux(video.encode(frame))
            count += 1
        if video is not None:
            container.mux(video.encode())
        if audio is not None and sound is not None:
            for block in audio_frames(sound, rate_hz):
                container.mux(audio.encode(block))
            container.mux(audio.encode())
    return count


def audio_frames(sound: np.ndarray, rate_hz: int) -> Iterable[object]:
    """The sound as frames of the AAC encoder's size at 48 kHz."""
    import av

    resampler = av.AudioResampler(format="fltp", layout="mono", rate=AUDIO_RATE_HZ, frame_size=AAC_FRAME)
    block = av.AudioFrame.from_ndarray(sound.astype(np.float32)[None], format="fltp", layout="mono")
    block.sample_rate, block.pts, block.time_base = rate_hz, 0, Fraction(1, rate_hz)
    yield from resampler.resample(block)
    yield from resampler.resample(None)
