"""The demo of av_seld: what sounds, where, since when; events by multi-ACCDOA."""

from __future__ import annotations

from avloc_ros.cli.demos.sound_events import event_demo

DEMO = event_demo("av_seld", "av_seld_baseline_small")
