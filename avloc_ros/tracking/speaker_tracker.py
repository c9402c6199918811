"""The speaker tracker: faces and peaks of sound in, speakers with identities out. Deterministic; time is the stamps'."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from avloc_ros.geometry import CameraModel, angle_between, angles_from_direction, wrap_angle
from avloc_ros.runtime.speaking_network import SpeakingEngine, load_speaking
from avloc_ros.tracking.association import associate
from avloc_ros.tracking.beliefs import is_speaking_after
from avloc_ros.tracking.config import SpeakerTrackerConfig
from avloc_ros.tracking.evidence import (
    Bearing,
    RangeReading,
    beside_outside,
    face_bearings,
    is_refined,
    outside_the_picture,
    sound_bearings,
)
from avloc_ros.tracking.sphere_filter import initial_state, squared_distances
from avloc_ros.tracking.talk_facts import FACTS, talk_facts
from avloc_ros.tracking.track import NS, Track
from avloc_ros.types import FaceDetections, Modality, SpeakerGrid, Speakers

FactsTaker = Callable[[Sequence[Track], np.ndarray], None]


class SpeakerTracker:
    """Follows talkers over frames.

    Faces give places, peaks of sound say who speaks and where somebody speaks whom the camera does not see. Peaks are
    assigned to tracks jointly, so that of two faces side by side the one nearer to the sound gets it.
    """

    def __init__(
        self,
        config: SpeakerTrackerConfig | None = None,
        on_facts: FactsTaker | None = None,
    ) -> None:
        """on_facts: is called with all tracks and their facts (tracks, FACTS) in each moment for which there are any.

        Raises InputError where the weights of the speaking network are missing or unfit.
        """
        self.config = config or SpeakerTrackerConfig()
        self._on_facts = on_facts
        speaking = self.config.speaking
        self._network = load_speaking(len(FACTS), speaking.weights) if speaking.judge == "network" else None
        self._identities = 0  # never given twice: after a reset nobody must take a new talker for an old one
        self.reset()

    def reset(self) -> None:
        """Forget every track; identities go on where they were."""
        self._tracks: list[Track] = []
        self._births = 0
        self._camera: CameraModel | None = None
        self._stamp_ns: int | None = None
        self._last = Speakers(0, ())

    def step(
        self,
        stamp_ns: int,
        fused: SpeakerGrid | None,
        faces: FaceDetections | None,
        sphere: SpeakerGrid | None,
        camera: CameraModel | None,
        face_ranges: tuple[RangeReading | None, ...] = (),
    ) -> Speakers:
        """All speakers at `stamp_ns`. Any input may be None: what is missing is not held against anybody.

        fused: IMAGE grid of the fusion (its modality tells what it rests on); sphere: SPHERE grid of the audio tracker;
        face_ranges: a depth reading per face, or None. A stamp that goes back, or a long gap, resets the tracker and
        says so in `events`; a repeated stamp changes nothing.
        """
        if stamp_ns == self._stamp_ns:
            return self._last
        events = self._start_afresh_if_needed(stamp_ns)
        duration_s = 0.0 if self._stamp_ns is None else (stamp_ns - self._stamp_ns) * NS
        self._stamp_ns, self._camera = stamp_ns, camera
        for track in self._tracks:
            track.predict(duration_s, self.config)
        if faces is not None and camera is not None:
            self._take_faces(face_bearings(faces, camera, self.config.face, face_ranges), stamp_ns)
        sounds = self._sounds(fused, sphere, camera)
        if sounds is not None:
            self._take_sounds(sounds, stamp_ns)
        self._conclude(sounds is not None, duration_s)
        self._say_who_speaks(fused, sphere, duration_s)
        self._settle(stamp_ns)
        published = tuple(track.speaker(self.config) for track in self._tracks if track.confirmed)
        self._last = Speakers(stamp_ns, published, events=tuple(events))
        return self._last

    def _start_afresh_if_needed(self, stamp_ns: int) -> list[str]:
        if self._stamp_ns is None:
            return []
        passed_s = (stamp_ns - self._stamp_ns) * NS
        if 0 <= passed_s <= self.config.life.reset_after_s:
            return []
        self.reset()
        what = f"went back by {-passed_s:.3f} s" if passed_s < 0 else f"jumped ahead by {passed_s:.3f} s"
        return [f"time {what}: all speakers forgotten"]

    def _take_faces(self, bearings: list[Bearing], stamp_ns: int) -> None:
        """Give faces to tracks; a face of nobody starts a track."""
        pairs = associate(self._costs(self._tracks, bearings, face=True), self.config.life.gate)
        for row, column in pairs:
            self._tracks[row].see(bearings[column], stamp_ns, self.config)
        for column in sorted(set(range(len(bearings))) - {column for _, column in pairs}):
            track = self._birth(bearings[column], stamp_ns)
            track.see(bearings[column], stamp_ns, self.config)
        seen = [track for track in self._tracks if track.face is not None]
        for track in seen:
            track.others |= {other.order for other in seen if other is not track}

    def _sounds(
        self, fused: SpeakerGrid | None, sphere: SpeakerGrid | None, camera: CameraModel | None
    ) -> list[Bearing] | None:
        """Peaks of sound; None where nothing was heard of.

        They are the sphere's where there is one, but inside the picture those of a fusion that was trained, if so set and
        both senses are there; without a sphere, the image grid's.
        """
        range_m = self.config.face.assumed_range_m
        if sphere is None:
            if fused is None or fused.modality == Modality.VIDEO or camera is None:
                return None
            return sound_bearings(fused, camera, self.config.audio, range_m)
        around = sound_bearings(sphere, None, self.config.audio, range_m)
        by_fusion = self.config.audio.inside_picture == "fused"
        if not by_fusion or fused is None or camera is None or not is_refined(fused):
            return around
        inside = sound_bearings(fused, camera, self.config.audio, range_m)
        outside = outside_the_picture(around, camera, range_m)
        return beside_outside(inside, outside, self.config.audio.echo_odds_across) + outside

    def _take_sounds(self, bearings: list[Bearing], stamp_ns: int) -> None:
        """Give peaks to tracks; a peak far from every track starts one."""
        pairs = associate(self._costs(self._tracks, bearings, face=False), self.config.life.gate)
        for row, column in pairs:
            self._tracks[row].hear(bearings[column], stamp_ns, self.config)
        for column in sorted(set(range(len(bearings))) - {column for _, column in pairs}):
            if (
                self._is_far_from_tracks(bearings[column])
                and bearings[column].probability > self.config.life.prior
            ):
                track = self._birth(bearings[column], stamp_ns)
                track.hear(bearings[column], stamp_ns, self.config)

    def _costs(self, tracks: list[Track], bearings: list[Bearing], face: bool) -> np.ndarray:
        """Squared Mahalanobis distances (tracks, bearings); a track that was only heard may be off by a sound's error."""
        costs = np.empty((len(tracks), len(bearings)))
        if not costs.size:
            return costs
        directions = np.stack([bearing.direction for bearing in bearings])  # (bearings, 3)
        noises = np.stack([bearing.noise for bearing in bearings])  # (bearings, 2, 2)
        sound_error = np.diag(
            np.radians([self.config.audio.azimuth_sigma_deg, self.config.audio.elevation_sigma_deg]) ** 2
        )
        for row, track in enumerate(tracks):
            more = sound_error if face and not track.was_seen else 0.0
            costs[row] = squared_distances(track.state, directions, noises + more)
        return costs

    def _is_far_from_tracks(self, bearing: Bearing) -> bool:
        limit = np.radians(self.config.life.birth_distance_deg)
        return all(angle_between(track.state.direction, bearing.direction) > limit for track in self._tracks)

    def _birth(self, bearing: Bearing, stamp_ns: int) -> Track:
        self._births += 1
        rate_sigma = np.radians(self.config.motion.initial_rate_deg_s)
        state = initial_state(bearing.direction, bearing.noise, rate_sigma)
        life = self.config.life
        is_outside = bearing.face is None and self._is_outside(bearing.direction)
        credible = life.birth_outside if is_outside else life.birth
        track = Track(self._births, state, credible, stamp_ns, is_outside=is_outside)
        self._tracks.append(track)
        return track

    def _is_outside(self, direction: np.ndarray) -> bool:
        """Whether the camera cannot see somebody in that direction; without a camera it sees nobody."""
        if self._camera is None:
            return True
        _, inside = self._camera.project(direction * self.config.face.assumed_range_m)
        return not bool(inside)

    def _conclude(self, had_sound: bool, duration_s: float) -> None:
        for track in self._tracks:
            heard = track.sound.probability if track.sound is not None else 0.0
            track.is_outside = self._is_outside(track.state.direction)
            track.conclude(heard if had_sound else None, duration_s, self.config)

    def _say_who_speaks(self, fused: SpeakerGrid | None, sphere: SpeakerGrid | None, duration_s: float) -> None:
        """By the speaking network where all is there that it learnt from, else by the chain of turns and pauses."""
        is_wanted = self._network is not None or self._on_facts is not None
        facts = self._facts(fused, sphere, duration_s) if is_wanted else None
        if facts is not None and self._on_facts is not None:
            self._on_facts(self._tracks, facts)
        if facts is not None and self._network is not None:
            self._judge(facts, self._network)
            return
        for track in self._tracks:
            track.memory = None
            track.is_speaking = is_speaking_after(track.is_speaking, track.chain_probability, self.config.speaking)

    def _facts(self, fused: SpeakerGrid | None, sphere: SpeakerGrid | None, duration_s: float) -> np.ndarray | None:
        """What the network wants to know of each track; None where it cannot be known, or would mean something else to it."""
        if fused is None or not is_refined(fused) or sphere is None or self._camera is None or not self._tracks:
            return None
        if self._network is not None and not self._network.knows(sphere.system, fused.system):
            return None
        return talk_facts(self._tracks, fused, sphere, self._camera, duration_s, self.config.face.assumed_range_m)

    def _judge(self, facts: np.ndarray, network: SpeakingEngine) -> None:
        memories = [track.memory if track.memory is not None else network.first_memory() for track in self._tracks]
        probabilities, memories_after = network.judge(facts, np.stack(memories))
        for track, probability, memory in zip(self._tracks, probabilities, memories_after, strict=True):
            track.speaking_probability, track.memory = float(probability), memory
            threshold = self.config.speaking.judged_outside if track.is_outside else network.threshold
            track.is_speaking = track.speaking_probability >= threshold

    def _settle(self, stamp_ns: int) -> None:
        """Join tracks that are one, number those that are credible now, drop those that are over."""
        self._merge()
        for track in self._tracks:
            if not track.confirmed and track.existence >= self.config.life.confirm:
                self._identities += 1
                track.number = self._identities
        self._tracks = [track for track in self._tracks if not track.is_over(stamp_ns, self.config)]

    def _merge(self) -> None:
        """Two tracks in one place become one, which keeps the older identity, unless their faces were seen side by side."""
        limit = np.radians(self.config.life.merge_deg)
        for younger in reversed(self._tracks.copy()):
            for older in self._tracks:
                if older.order >= younger.order:
                    break
                if older.order not in younger.others and _azimuth_apart(older, younger) < limit:
                    self._unite(older, younger)
                    break

    def _unite(self, older: Track, younger: Track) -> None:
        """Keep the better informed track under the older number."""
        stays, goes = (younger, older) if younger.face is not None or not older.was_seen else (older, younger)
        stays.existence = max(stays.existence, goes.existence)
        stays.chain_probability = max(stays.chain_probability, goes.chain_probability)
        stays.speaking_probability = max(stays.speaking_probability, goes.speaking_probability)
        stays.is_speaking = stays.is_speaking or goes.is_speaking
        stays.last_heard_ns = max(stays.last_heard_ns, goes.last_heard_ns)
        self._rename(goes.order, older.order)
        self._rename(stays.order, older.order)
        stays.others |= goes.others
        stays.order = older.order
        stays.number = older.number or younger.number
        self._tracks = sorted((t for t in self._tracks if t is not goes), key=lambda track: track.order)


    def _rename(self, before: int, after: int) -> None:
        """One birth takes another's place in what tracks know of each other."""
        for track in self._tracks:
            if before in track.others:
                track.others = (track.others - {before}) | {after}


def _azimuth_apart(first: Track, second: Track) -> float:
    a, _ = angles_from_direction(first.state.direction)
    b, _ = angles_from_direction(second.state.direction)
    return float(abs(wrap_angle(a - b)))
