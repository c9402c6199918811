"""When the first voice of the demo scene is told by its right name, by where the label frames fall, and as how many events.

usage: python benchmarks/sound_events_first_voice.py --system coloc

The voice begins 1 s after the scene. The stream begins 0 to 175 ms into it, so that label frames and runs of the network fall
differently on the voice. Printed are seconds from its beginning to the end of the newest sound when female_speech is
first told (without processing), and identities until 2.2 s; before: two frames begin an event and its class stands.
"""

from __future__ import annotations

import argparse

import numpy as np

SHIFTS_MS, CLASS, ONSET_S, FRAMES = range(0, 200, 25), "female_speech", 1.0, 22
BEFORE = {"onset_frames": 2, "onset_score": 0.0, "class_frames": 0}


def told_after(system: str, settings: dict[str, float], samples: np.ndarray, rate_hz: int) -> tuple[list[float], list[int]]:
    """Of each shift: seconds until the class is told (infinite: never), and identities."""
    from avloc_ros.systems.event_network import EventNetworkConfig
    from avloc_ros.systems.sound_events import SoundEventsConfig, SoundEventSystem
    from avloc_ros.tracking.event_tracker import EventTrackerConfig
    from avloc_ros.types import AudioWindow

    network, events = EventNetworkConfig(device="cpu"), EventTrackerConfig(**settings)  # type: ignore[arg-type]
    live, size = SoundEventSystem(SoundEventsConfig(system, network=network, events=events)), rate_hz // 10
    delays, identities = [], []
    for shift_ms in SHIFTS_MS:
        live.reset()
        heard, times, found = samples[shift_ms * rate_hz // 1000 :], [np.inf], set()
        for frame in range(FRAMES):
            window = AudioWindow(frame * 100_000_000, heard[frame * size : (frame + 1) * size], rate_hz)
            for event in (event for events in live.step(window) for event in events.events):
                found.add(event.id)
                if event.class_id == CLASS:
                    times.append((frame + 1) * 0.1 + shift_ms / 1000 - ONSET_S)
        delays.append(round(min(times), 3))
        identities.append(len(found))
    return delays, identities


def main() -> None:
    from avloc_ros.datasets.events.event_recording import read_sound
    from avloc_ros.simulation.events.event_demo import event_demo_scene

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", choices=("av_seld", "coloc"), default="av_seld", help="the network, as it ships")
    options = parser.parse_args()
    samples, rate_hz = read_sound(event_demo_scene().folder / "audio.wav")
    for name, settings in (("before", BEFORE), ("now", {})):
        delays, identities = told_after(options.system, settings, samples[:, :4], rate_hz)
        print(options.system, name, "told after", delays, "events", identities, flush=True)


if __name__ == "__main__":
    main()
