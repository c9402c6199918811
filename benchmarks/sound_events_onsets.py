"""How soon sound events are told live, by the settings of their tracker: delays after the onset, false events, live SELD.

usage; the network runs once, and the tracker with each setting on what it said:
  python benchmarks/sound_events_onsets.py hear HEARD SCENES --system coloc [--first N] [--count N]
  python benchmarks/sound_events_onsets.py score HEARD... --processing-s 0.12 --out FILE.json --name NAME [--test]

An event is told in time when its class is told within 20 degrees of it at most 0.6 s after it began in the room: that is
when the newest sound of the run of the network had come, and the processing. On an idle core it takes 0.09 s (av_seld) or 0.12 s
(coloc) from the newest sound to the message. False events are identities that are never right; wrong
names are identities with a class that are never right, so an event that is corrected counts there once.
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOOK = 8  # label frames told of before that are kept of every run
BEFORE: dict[str, float] = {"onset_frames": 2, "onset_score": 0.0, "class_frames": 0}
SHIPPED = "as it ships (.85, 8)"
SETTINGS: dict[str, dict[str, float]] = {
    "two frames, class stands (before)": BEFORE,
    "one frame, class stands": BEFORE | {"onset_frames": 1},
    "two frames, class_frames 5": BEFORE | {"class_frames": 5},
    "two frames, class_frames 8": BEFORE | {"class_frames": 8},
    "onset_score .85, class stands": {"class_frames": 0},
    "onset_score .7": {"onset_score": 0.7},
    "onset_score .8": {"onset_score": 0.8},
    "onset_score .85, class_frames 3": {"class_frames": 3},
    "onset_score .85, class_frames 5": {"class_frames": 5},
    SHIPPED: {},
    "onset_score .9": {"onset_score": 0.9},
    "onset_score 1": {"onset_score": 1.0},
    "onset_score 1.2": {"onset_score": 1.2},
}


def hear(out: Path, scenes: Path, system: str, query: str, first: int, count: int) -> None:
    """What each run of the network says, live, of the frames that are judged and the LOOK before them: OUT/scene.pkl."""
    import numpy as np

    from avloc_ros.datasets.events.event_scenes import scene_recordings
    from avloc_ros.evaluation.seld.event_runs import events_live
    from avloc_ros.systems.event_network import EventNetworkConfig
    from avloc_ros.systems.sound_events import SoundEventsConfig, SoundEventSystem
    from avloc_ros.tracking.event_tracker import EventTrackerConfig
    from avloc_ros.types import SoundEvents

    class Recorder:
        """In the tracker's place."""

        def reset(self) -> None:
            self.said: list[Any] = []

        def step(self, stamp_ns: int, heard: list, level_db: float, earlier: list) -> SoundEvents:
            self.said.append((stamp_ns, _plain(heard), level_db, [_plain(frame) for frame in earlier]))
            return SoundEvents(stamp_ns, ())

    def _plain(events: list) -> list[tuple[int, Any, float]]:
        return [(event.class_index, np.asarray(event.direction), float(event.score)) for event in events]

    settings = SoundEventsConfig(
        system, network=EventNetworkConfig(device="cpu", query=query), events=EventTrackerConfig(class_frames=LOOK)
    )
    live, recorder = SoundEventSystem(settings), Recorder()
    live._tracker = recorder  # type: ignore[assignment]
    out.mkdir(parents=True, exist_ok=True)
    per_run = round(settings.hop_s * 10)
    for recording in scene_recordings([scenes])[first : first + count]:
        run = events_live(live, recording)
        said = recorder.said
        runs = []
        for start in range(0, len(said), per_run):
            judged = said[start : start + per_run]
            newest_ns = judged[-1][0] + round((0.1 + settings.lookahead_s) * 1e9)
            runs.append((newest_ns, [frame[:3] for frame in judged], judged[0][3]))
        network = live.network
        kept = {"runs": runs, "truth": recording.rows(), "frames": run.frames, "on": network.on, "off": network.off}
        (out / f"{Path(recording.name).name}.pkl").write_bytes(pickle.dumps(kept | {"classes": network.classes}))


def score(folders: list[Path], processing_s: float, names: tuple[str, ...]) -> dict[str, Any]:
    """Of each of these settings: onset figures, and micro SELD of what is told live."""
    from avloc_ros.evaluation.seld.folders import score_recordings
    from avloc_ros.evaluation.seld.onset_delays import OnsetCounts

    heard = {str(path): pickle.loads(path.read_bytes()) for folder in folders for path in sorted(folder.glob("*.pkl"))}
    found: dict[str, Any] = {"scenes": len(heard)}
    for name in names:
        settings = SETTINGS[name]
        counts, pairs, frames = OnsetCounts(), {}, {}
        for scene, kept in heard.items():
            told = list(_told(kept, settings))
            rows = [event.row for event in told]
            counts.add(kept["truth"], told, kept["frames"])
            pairs[scene] = (kept["truth"], rows)
            frames[scene] = 1 + max((row.frame for row in (*kept["truth"], *rows)), default=0)
        micro = score_recordings(pairs, len(kept["classes"]), frames)["micro"]
        found[name] = {"settings": settings, "onsets": counts.summary(processing_s), "live_micro": micro}
        _show(name, found[name])
    return found


def _told(kept: dict[str, Any], settings: dict[str, Any]) -> Iterator[Any]:
    from avloc_ros.decode.frame_event import FrameEvent
    from avloc_ros.evaluation.seld.event_runs import told_events
    from avloc_ros.tracking.event_tracker import EventTracker, EventTrackerConfig

    tracker = EventTracker(kept["classes"], kept["on"], kept["off"], EventTrackerConfig(**settings))
    for newest_ns, judged, before in kept["runs"]:
        look = [[FrameEvent(*event) for event in frame] for frame in before]
        for stamp_ns, events, level_db in judged:
            frame = [FrameEvent(*event) for event in events]
            yield from told_events(tracker.step(stamp_ns, frame, level_db, look), kept["classes"], newest_ns / 1e9)
            look = [*look, frame]


def _show(name: str, found: dict[str, Any]) -> None:
    onsets, micro = found["onsets"], found["live_micro"]
    print(
        f"{name:34s} told {onsets['events_told']:.3f} median {onsets['onset_delay_s_median']:.2f} s, within 0.6 s "
        f"{onsets['onset_within_0.6s']:.3f}, a minute false {onsets['false_events_per_minute']:.2f}, wrong names "
        f"{onsets['wrong_names_per_minute']:.2f}, corrected {onsets['corrected_per_minute']:.2f}, wrong frames "
        f"{onsets['wrong_frames']:.3f}; live F20 {micro['f20']:.3f} LE {micro['le_cd_deg']:.1f} LR {micro['lr_cd']:.3f} "
        f"SELD {micro['seld']:.4f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("hear", "score"))
    parser.add_argument("folders", type=Path, nargs="+", help="hear: where to, and scenes; score: those of `hear`")
    parser.add_argument("--system", choices=("av_seld", "coloc"), default="av_seld", help="the network, as it ships")
    parser.add_argument("--query", choices=("auto", "none"), default="auto", help="none: the network by itself")
    parser.add_argument("--first", type=int, default=0, help="number of the first scene")
    parser.add_argument("--count", type=int, default=1000, help="at most so many scenes")
    parser.add_argument("--processing-s", type=float, default=0.1, help="time from the newest sound to the message")
    parser.add_argument("--test", action="store_true", help="score only what was before and what ships: nothing to choose from")
    parser.add_argument("--name", default="scores", help="of this table in the JSON")
    parser.add_argument("--out", type=Path, help="JSON of the scores: tables of other names in it stay")
    options = parser.parse_args()
    if options.step == "hear":
        out, scenes = options.folders
        hear(out, scenes, options.system, options.query, options.first, options.count)
        return
    names = (next(iter(SETTINGS)), SHIPPED) if options.test else tuple(SETTINGS)
    found = score(options.folders, options.processing_s, names)
    if options.out:
        tables = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
        options.out.write_text(json.dumps(tables | {options.name: found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
