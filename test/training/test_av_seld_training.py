# ruff: noqa: E402
"""av_seld learns four chunks by heart, and a training leaves what it promises."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
soundfile = pytest.importorskip("soundfile")

from torch.utils.data import default_collate

from avloc_ros.config import from_mapping, to_mapping
from avloc_ros.datasets.events import event_chunks
from avloc_ros.datasets.events.event_chunks import ChunkConfig, EventChunks, PictureSize
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.features.inputs.foa_features import FoaFeatureConfig
from avloc_ros.geometry import direction_from_angles
from avloc_ros.models.sound_events.av_seld import AvSeldConfig
from avloc_ros.models.sound_events.av_seld_audio import AudioEncoderConfig
from avloc_ros.models.sound_events.av_seld_fusion import FusionConfig
from avloc_ros.models.sound_events.av_seld_visual import VisualEncoderConfig
from avloc_ros.models.sound_events.conformer import ConformerConfig
from avloc_ros.models.sound_events.crnn import CrnnConfig, SeldCrnnConfig
from avloc_ros.models.sound_events.seen_events import SeenEventsConfig
from avloc_ros.sources.dcase_csv import EventRow, read_events, write_events
from avloc_ros.sources.video_file import VideoWriter
from avloc_ros.training.sound_events import av_seld
from avloc_ros.training.sound_events.av_seld import (
    AvSeldTraining,
    labels_of,
    make_features,
    make_network,
    network_output,
    pictures_of,
    train_av_seld,
)
from avloc_ros.training.sound_events.loop import Machine
from avloc_ros.training.sound_events.recipes import AvSeldRecipe, SeldOptimizerConfig
from avloc_ros.types import InputError

RATE, CLASSES = 24000, 3
CONFORMER = ConformerConfig(layers=1, heads=2, feed_forward=32, kernel=5, dropout=0.0)
RECIPE = AvSeldRecipe(
    features=FoaFeatureConfig(mel_bands=32),
    network=AvSeldConfig(
        classes=CLASSES,
        bands=32,
        head_units=32,
        audio_encoder=AudioEncoderConfig(channels=(8, 16, 16, 32), conformer=CONFORMER),
        visual_encoder=VisualEncoderConfig(
            width=32,
            picture_width=64,
            picture_height=32,
            plain_channels=(8, 8, 16),
            plain_columns=8,
            conformer=CONFORMER,
        ),
        fusion=FusionConfig(layers=1, heads=2, conformer_units=32, kernel=5, dropout=0.0),
    ),
    chunks=ChunkConfig(swaps="none", chunk_s=1.5, step_s=1.5),
    optimizer=SeldOptimizerConfig(learning_rate=3e-3, batch_size=4, epochs=44, constant_epochs=44),
)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Two recordings of 3 s: per second a tone of its class from its direction, and a bright bar in the picture there."""
    folder = tmp_path_factory.mktemp("events")
    return tuple(make_recording(folder, f"mix{k}", k) for k in range(2))


def make_recording(folder, name, seed):
    rng = np.random.default_rng(seed)
    samples, rows = 0.001 * rng.normal(size=(3 * RATE, 4)), []
    times = np.arange(RATE) / RATE
    with VideoWriter(folder / f"{name}.mp4", (64, 32), 10.0) as video:
        for second in range(3):
            k, azimuth = int(rng.integers(CLASSES)), float(rng.uniform(-180, 180))
            x, y, z = direction_from_angles(np.radians(azimuth), 0.0)
            tone = 0.2 * np.sin(2 * np.pi * (400, 1500, 5000)[k] * times)
            samples[second * RATE : (second + 1) * RATE] += tone[:, None] * np.array([1, y, z, x])
            rows += [EventRow(10 * second + f, k, second, azimuth, 0) for f in range(10)]
            picture = np.zeros((32, 64, 3), np.uint8)
            picture[:, int((180 - azimuth) * 64 / 360) % 64] = 255
            for _ in range(10):
                video.write(picture)
    soundfile.write(folder / f"{name}.wav", samples, RATE, subtype="PCM_16")
    write_events(folder / f"{name}.csv", rows)
    path = folder / f"{name}.csv"
    return EventRecording(
        name, folder / f"{name}.wav", partial(read_events, path), "train", pictures=folder / f"{name}.mp4"
    )


@pytest.mark.parametrize("kind", ["both senses", "eyes that point", "baseline"])
def test_four_chunks_are_learned_by_heart(recordings, tmp_path, kind):
    recipe = RECIPE
    if kind == "eyes that point":
        seen = SeenEventsConfig(picture_width=64, picture_height=32, belt_px=16, channels=(8, 16), context_channels=16)
        recipe = replace(RECIPE, network=replace(RECIPE.network, visual="seen", seen=seen))
    if kind == "baseline":
        recipe = replace(
            RECIPE,
            system="seld_crnn",
            features=FoaFeatureConfig(mel_bands=32, hop_length=480, fft_length=1024, window_length=960, intensity="energy"),
            crnn=SeldCrnnConfig(
                bands=32, classes=CLASSES, dense_units=32, heads=2,
                trunk=CrnnConfig(filters=16, gru_units=16, dropout=0.0, frequency_pools=(4, 4, 2)),
            ),
            optimizer=replace(RECIPE.optimizer, learning_rate=1e-2, epochs=56, constant_epochs=56),
        )  # fmt: skip
    trained = train_av_seld(
        recipe, recordings, recordings, tmp_path, seed=1, machine=Machine("cpu", threads=1)
    )
    assert len(EventChunks(recordings, recipe.chunks, labels_of(recipe), training=True)) == 4
    micro = trained.scores["micro"]
    assert micro["f20"] > 0.9 and micro["er20"] < 0.2 and micro["le_cd_deg"] < 10
    kept = json.loads((tmp_path / "scores.json").read_text())
    assert kept["micro"] == micro and kept["seed"] == 1
    state = torch.load(tmp_path / "network.pt", weights_only=True)
    assert (
        state["feature_deviation"].min() > 0 and state["feature_mean"].abs().max() > 1
    )  # the scaler is in it
    log = (tmp_path / "log" / "metrics.csv").read_text().splitlines()
    assert "macro_seld" in log[0] and len(log) > 10


def test_a_chunk_holds_what_the_recording_holds(recordings):
    chunks = EventChunks(recordings, ChunkConfig(chunk_s=2.5, step_s=0.5), labels_of(RECIPE))
    assert [first for index, first in chunks.starts if index == 0] == [0, 25]  # the last one is filled up
    chunk = chunks[1]
    samples = recordings[0].samples(RATE)
    assert np.abs(chunk["samples"][:, : RATE // 2].T - samples[5 * RATE // 2 :]).max() < 1e-4
    assert not chunk["samples"][:, RATE // 2 :].any()
    truth = [r for r in recordings[0].rows() if r.frame >= 25]
    (k,) = np.unique(chunk["labels"][:5, 0, 0].argmax(-1))
    assert k == truth[0].class_index and not chunk["labels"][5:].any()
    assert chunk["labels"][3, 0, 1:, k] == pytest.approx(truth[0].direction, abs=1e-5)


def test_pictures_that_are_not_looked_at_are_not_brought(recordings, tmp_path, monkeypatch):
    """Every third, turned alike; the answer is that to all of them. An odd number of frames, and the last chunk filled."""
    shown = np.random.default_rng(0).integers(0, 256, (30, 16, 32, 3), np.uint8)
    monkeypatch.setattr(event_chunks, "cached_pictures", lambda *_: shown)
    eyes = VisualEncoderConfig(picture_width=32, picture_height=16, plain_channels=(4, 8), plain_columns=4, every=3)
    recipe = replace(RECIPE, network=replace(RECIPE.network, visual="plain", visual_encoder=eyes))
    config = replace(RECIPE.chunks, chunk_s=1.6, swaps="avcs")
    recipe = replace(recipe, chunks=config)
    for training in (True, False):
        brought, every = (
            EventChunks(recordings, config, labels_of(recipe), pictures=size, training=training, seed=2)
            for size in (pictures_of(recipe, tmp_path), PictureSize(tmp_path, 32, 16))
        )
        few, all_of_them = default_collate(list(brought)), default_collate(list(every))
        assert few["pictures"].shape[1] == 6 and torch.equal(few["pictures"], all_of_them["pictures"][:, ::3])
        torch.manual_seed(0)
        network = make_network(recipe).eval()
        features = make_features(recipe)
        answer = network(features(all_of_them["samples"]), all_of_them["pictures"].float() / 255.0)
        assert torch.equal(network_output(network, features, recipe, few), answer)


def test_training_chunks_are_turned_with_their_labels(recordings):
    config = ChunkConfig(chunk_s=1.0, step_s=1.0, swaps="rotations", lowest_gain=0.5, highest_gain=1.5)
    chunks = EventChunks(recordings, config, labels_of(RECIPE), training=True, seed=3)
    seen = set()
    for item in range(6):  # three of each recording
        for chunks.epoch in range(4):
            chunk = chunks[item]
            w, y, z, x = chunk["samples"]
            flow = np.array([w @ x, w @ y, w @ z]) / (w @ w)
            k = int(chunk["labels"][5, 0, 0].argmax())
            assert flow == pytest.approx(chunk["labels"][5, 0, 1:, k], abs=0.05)
            seen.add((item, round(float(np.degrees(np.arctan2(flow[1], flow[0]))) / 5)))
    assert len(seen) > 12  # more directions than the six that were recorded
    assert np.array_equal(chunks[2]["samples"], chunks[2]["samples"])  # the same epoch gives the same chunk


def test_a_recipe_is_its_mapping_and_unknown_keys_fail():
    assert from_mapping(AvSeldRecipe, to_mapping(RECIPE)) == RECIPE
    with pytest.raises(InputError, match="did you mean 'network.fusion.kind'"):
        from_mapping(AvSeldRecipe, {"network": {"fusion": {"kindd": "gru"}}})
    crossed = replace(
        RECIPE, network=replace(RECIPE.network, visual="none", fusion=FusionConfig(kind="cmaf"))
    )
    with pytest.raises(InputError, match="two embeddings"):
        AvSeldTraining(crossed, None)
    seen = replace(RECIPE, network=replace(RECIPE.network, visual="seen"), chunks=replace(RECIPE.chunks, chunk_s=1.6))
    with pytest.raises(InputError, match="no multiple of the 3 from look to look"):
        make_network(seen)


def test_the_rate_is_constant_and_then_falls():
    recipe = replace(
        RECIPE, optimizer=SeldOptimizerConfig(learning_rate=1e-3, epochs=5, constant_epochs=2, decay=0.5)
    )
    configured = AvSeldTraining(recipe, None).configure_optimizers()
    rates = []
    for _ in range(4):
        rates.append(configured["optimizer"].param_groups[0]["lr"])
        configured["optimizer"].step()
        configured["lr_scheduler"]["scheduler"].step()
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4, 2.5e-4])


def test_the_threshold_is_searched_from_the_longest_vectors_until_it_gets_no_better(monkeypatch):
    seld = dict(zip(av_seld.THRESHOLDS, (0.1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.4, 0.45, 0.35, 0.5, 0.6), strict=True))
    asked = []

    def scores_at(vectors, recipe, chunks, threshold):
        asked.append(threshold)
        return {"micro": {"seld": seld[threshold]}}

    monkeypatch.setattr(av_seld, "scores_at", scores_at)
    assert av_seld.choose_threshold([], None, None) == 0.4  # .45 and .5 were no better than .55, but .4 is
    assert asked == [0.7, 0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25]
