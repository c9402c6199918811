"""The base of nodes that give out sound and pictures: player, audio capture, camera capture."""

from __future__ import annotations

import threading
from dataclasses import replace

import tf2_ros
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from avloc_ros.msg import AudioFrame, MicrophoneArray as MicrophoneArrayMessage
from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.nodes.messages.conversions import (
    array_to_message,
    audio_to_message,
    camera_to_message,
    image_to_compressed,
    image_to_message,
    stamp_message,
    transform_from_mount,
)
from avloc_ros.nodes.messages.quality_of_service import audio_quality, image_quality, latched_quality
from avloc_ros.sources.stream import Source
from avloc_ros.types import AudioChunk, InputError, VideoFrame

STATUS_PERIOD_S = 0.5
TRANSPORTS = {"raw": ("image",), "compressed": ("image/compressed",), "both": ("image", "image/compressed")}


class SourceNode(PipelineNode):
    """Opens a Source in `build` (by `open`), and runs `play` on a thread of its own while active."""

    def open(self) -> Source:
        """The source to publish. May raise InputError."""
        raise InputError(f"{type(self).__name__} says nothing about its source")

    def play(self) -> None:
        """Publish the source, until its end or until `self.stopping` is set."""
        stopping = self.stopping
        for item in self.source:
            if stopping.is_set():
                return
            self.publish_item(item)

    # -------------------------------------------------------------------------------------------- life cycle
    def build(self) -> None:
        """Open the source and create the topics that it can fill."""
        self.stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._static_tf: tf2_ros.StaticTransformBroadcaster | None = None
        self.source: Source = self.open()
        self._is_closed = False
        self._prefix = getattr(self.config, "frame_prefix", "").lstrip("/")  # TF has no names that begin with it
        self._topics = TRANSPORTS[getattr(self.config, "image_transport", "raw")]
        self._announce_all()
        self.every(STATUS_PERIOD_S, self._tell_status)

    def release(self) -> None:
        """Close the source."""
        if hasattr(self, "source"):
            self.source.close()
            del self.source
        static_tf = getattr(self, "_static_tf", None)
        if static_tf is not None:
            self.destroy_publisher(static_tf.pub_tf)
            self._static_tf = None

    def start(self) -> None:
        """Publish from now on."""
        self.stopping = threading.Event()  # of this run: one before that is slow to end stays told to stop
        if self._is_closed:
            self.source = self.open()
            self._is_closed = False
        self._thread = threading.Thread(target=self._play_guarded, args=(self.stopping,), name=self.NAME, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop publishing; a device is let go of."""
        self.stopping.set()
        self.source.close()  # first: a device that gives nothing would keep its reader waiting
        self._is_closed = True
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5.0)

    def _tell_status(self) -> None:
        self.health.problems("device", filter(None, [getattr(self.source, "problem", "")]))

    def _play_guarded(self, stopping: threading.Event) -> None:
        try:
            self.play()
        except Exception as error:
            if not stopping.is_set():  # else the source was closed under the thread's hands, as it should be
                self.report_failure(self.NAME, error)

    # -------------------------------------------------------------------------------------------- topics
    def _announce_all(self) -> None:
        source, reliability = self.source, getattr(self.config, "reliability", "reliable")
        if source.sample_rate_hz:
            self.announce(AudioFrame, "audio", audio_quality(reliability))
            if source.array is None:
                self.health.problem("array", "the microphone array is not known: set array_file")
            else:
                self.announce(MicrophoneArrayMessage, "microphone_array", latched_quality(), is_promised=False)
        if source.fps:
            if source.camera is None:
                self.health.problem("camera", "the camera is not calibrated: camera_info has no K matrix")
            self.announce(CameraInfo, "camera_info", image_quality(reliability, 10), is_promised=False)
            for topic in self._topics:
                self.announce(Image if topic == "image" else CompressedImage, topic, image_quality(reliability))
        if getattr(self.config, "publish_tf", False) and source.camera is not None and source.array is not None:
            self._static_tf = tf2_ros.StaticTransformBroadcaster(self)

    def tell_geometry(self, stamp: int) -> None:
        """Publish the microphone array, latched, and where the camera sits on it, as static TF."""
        array, camera = self.source.array, self.source.camera
        if array is None:
            return
        array = replace(array, frame_id=self._prefix + array.frame_id)
        self.send("microphone_array", array_to_message(array, stamp), stamp)
        if camera is not None and self._static_tf is not None:
            transform = TransformStamped(child_frame_id=self._prefix + camera.frame_id)
            transform.transform = transform_from_mount(camera)
            transform.header.frame_id = array.frame_id
            transform.header.stamp = stamp_message(stamp)
            self._static_tf.sendTransform(transform)

    def publish_item(self, item: AudioChunk | VideoFrame) -> None:
        """Publish sound, or a picture with its camera_info, in the frame of the array or camera where that is known."""
        geometry = self.source.camera if isinstance(item, VideoFrame) else self.source.array
        item = replace(item, frame_id=self._prefix + (geometry.frame_id if geometry is not None else item.frame_id))
        if isinstance(item, VideoFrame):
            self._publish_frame(item)
        else:
            self.send("audio", audio_to_message(item, getattr(self.config, "encoding", "S16LE")), item.stamp_ns)

    def _publish_frame(self, frame: VideoFrame) -> None:
        self.send("camera_info", self._camera_info(frame), frame.stamp_ns)  # first: it is the clock of the windows
        for topic in self._topics:
            convert = image_to_message if topic == "image" else image_to_compressed
            self.send(topic, convert(frame), frame.stamp_ns)

    def _camera_info(self, frame: VideoFrame) -> CameraInfo:
        width, height = frame.size
        if self.source.camera is not None:
            camera = replace(self.source.camera.scaled_to(width, height), frame_id=frame.frame_id)
            return camera_to_message(camera, frame.stamp_ns)
        info = CameraInfo(width=width, height=height)  # K all zero: not calibrated, but still the frame clock
        info.header.stamp, info.header.frame_id = stamp_message(frame.stamp_ns), frame.frame_id
        return info
