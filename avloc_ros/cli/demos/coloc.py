"""The demo of coloc: what sounds, where, since when; events one after the other."""

from __future__ import annotations

from avloc_ros.cli.demos.sound_events import event_demo

DEMO = event_demo("coloc")
