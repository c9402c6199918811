"""Speakers as RViz markers: an arrow towards each, its name, and a cone as wide as the bearing is uncertain."""

from __future__ import annotations

import itertools

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from avloc_ros.geometry import angles_from_direction, direction_from_angles
from avloc_ros.nodes.messages.conversions import point_message
from avloc_ros.types import Speaker, Speakers

BEARING_LENGTH_M = 1.5  # only how long an arrow is drawn where no range is known
SPEAKING, SILENT = (0.10, 0.75, 0.30), (0.55, 0.58, 0.62)  # red, green, blue
CONE_SIDES = 24
CONE_SIGMAS = 2.0


def speaker_markers(speakers: Speakers, stamp: Time) -> MarkerArray:
    """All markers of one moment; the first one removes those of the moment before."""
    markers = [_marker(speakers.frame_id, stamp, "speakers", 0, action=Marker.DELETEALL)]
    for number, speaker in enumerate(speakers.speakers):
        red, green, blue = SPEAKING if speaker.is_speaking else SILENT
        tip = _tip(speaker)
        arrow = _marker(speakers.frame_id, stamp, "bearing", number, type=Marker.ARROW)
        arrow.points = [Point(), point_message(tip)]
        arrow.scale.x, arrow.scale.y, arrow.scale.z = 0.03, 0.07, 0.12
        arrow.color = ColorRGBA(r=red, g=green, b=blue, a=1.0)
        label = _marker(speakers.frame_id, stamp, "name", number, type=Marker.TEXT_VIEW_FACING)
        label.pose.position = point_message(tip + [0.0, 0.0, 0.15])
        label.scale.z = 0.12
        label.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
        label.text = _words(speaker)
        cone = _marker(speakers.frame_id, stamp, "uncertainty", number, type=Marker.TRIANGLE_LIST)
        cone.points = _cone(speaker, float(np.linalg.norm(tip)))
        cone.scale.x = cone.scale.y = cone.scale.z = 1.0
        cone.color = ColorRGBA(r=red, g=green, b=blue, a=0.25)
        markers += [arrow, label, cone] if cone.points else [arrow, label]
    return MarkerArray(markers=markers)


def _tip(speaker: Speaker) -> np.ndarray:
    return speaker.position if speaker.position is not None else speaker.direction * BEARING_LENGTH_M


def _words(speaker: Speaker) -> str:
    azimuth, _ = angles_from_direction(speaker.direction)
    far = f" {np.linalg.norm(speaker.position):.1f} m" if speaker.position is not None else ""
    return f"{speaker.id} {np.degrees(azimuth):+.0f} deg{far}{' speaking' if speaker.is_speaking else ''}"


def _cone(speaker: Speaker, length_m: float) -> list[Point]:
    """Triangles from the origin to the ellipse of CONE_SIGMAS around the bearing; none where it is not known."""
    covariance = np.asarray(speaker.direction_covariance, float)
    if covariance[0, 0] < 0:
        return []
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors * np.sqrt(np.maximum(values, 0.0))  # columns: semi-axes of one sigma, (azimuth, elevation)
    around = np.linspace(0, 2 * np.pi, CONE_SIDES + 1)
    offsets = CONE_SIGMAS * (axes @ np.stack([np.cos(around), np.sin(around)]))  # (2, sides + 1)
    azimuth, elevation = angles_from_direction(speaker.direction)
    rim = direction_from_angles(azimuth + offsets[0], np.clip(elevation + offsets[1], -np.pi / 2, np.pi / 2)) * length_m
    corners = [point_message(corner) for corner in rim]
    return [point for first, second in itertools.pairwise(corners) for point in (Point(), first, second)]


def _marker(frame_id: str, stamp: Time, namespace: str, number: int, **fields: int) -> Marker:
    marker = Marker(ns=namespace, id=number, **fields)
    marker.header.frame_id = frame_id
    marker.header.stamp = stamp
    marker.pose.orientation.w = 1.0
    return marker
