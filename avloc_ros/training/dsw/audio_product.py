"""From an audio recipe to weights: responses and voices, training, threshold, ONNX file and card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from avloc_ros.config import to_mapping
from avloc_ros.datasets.grids.grid_recordings import GridRecording
from avloc_ros.datasets.mixtures.dsw_audio import MixedSound
from avloc_ros.datasets.mixtures.response_bank import make_bank
from avloc_ros.datasets.mixtures.voices import load_voices
from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.models.dsw.audio import AudioNetwork
from avloc_ros.sources.arrays import named_array
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.dsw.audio_training import AudioRecipe, train_audio
from avloc_ros.training.dsw.fusion_product import CHOICE, training_facts
from avloc_ros.training.dsw.grid_scores import GridScores
from avloc_ros.training.onnx_export import export_onnx, largest_difference, stored_as_float16
from avloc_ros.training.trainer import RunOptions, is_first_process
from avloc_ros.types import InputError

DEFAULT_CAMERA = CameraModel(720, 450, 318.5, 268.1, 360.0, 225.0)  # 97 x 80 degrees, at the array (docs/papers.md: dsw)
SYSTEM = "dsw_audio"
Tell = Callable[[str, int, int], None]  # what is made, how much is done, of how much


def make_audio_weights(
    recipe: AudioRecipe, speech: Path | None, options: RunOptions, command: str, tell: Tell = lambda *_: None
) -> Path | None:
    """Simulate, train, choose the threshold and write both files; their path in the first process.

    Raises InputError, before any room is simulated, where the array has another number of microphones than the recipe's
    input, or a batch is no whole number of clips.
    """
    array, camera = named_array(recipe.array), camera_of(recipe.camera)
    _ = recipe.clips  # raises InputError
    if array.channels != recipe.input.microphones:
        raise InputError(
            f"array '{array.name}' has {array.channels} microphones, the recipe's input.microphones says "
            f"{recipe.input.microphones}: set it to {array.channels}"
        )
    training, validation = (
        mixed_sound(recipe, array, camera, speech, held_out, options.seed, tell, options.jobs)
        for held_out in (False, True)
    )
    network, fitted = train_audio(recipe, training, validation, options)
    if not is_first_process():
        return None
    card = audio_card(network, recipe, validation) | {"training": training_facts(fitted)}
    card |= {"array": array.to_mapping(), "camera": camera.to_mapping(), "input": asdict(recipe.input)}
    full = export_audio(network, recipe)
    half = stored_as_float16(full)
    inputs = {"spectra": torch.from_numpy(validation.spectra_of(validation.clips_of(0)[0]))}
    card["largest_difference_to_torch"] = {
        "fp32": largest_difference(network, full, inputs),
        "fp16": largest_difference(network, half, inputs),
    }
    data = {"speech": speech.name if speech else "espeak-ng", "voices": len(training.voices)}
    provenance = Provenance(to_mapping(recipe), data, command, options.seed)
    chosen = half if recipe.precision == "fp16" else full
    return write_weights(options.out / f"{recipe.name}.onnx", chosen, card, provenance)


def mixed_sound(
    recipe: AudioRecipe,
    array: MicrophoneArray,
    camera: CameraModel,
    speech: Path | None,
    held_out: bool,
    seed: int,
    tell: Tell = lambda *_: None,
    jobs: int = 1,
) -> MixedSound:
    """Sound of training, or of other rooms, places and voices (held_out)."""
    rate = recipe.input.sample_rate_hz
    rooms = recipe.bank.validation_rooms if held_out else recipe.bank.rooms
    seed = 2 * seed + held_out
    bank = make_bank(
        array, camera, rate, recipe.bank, rooms, seed, lambda done, total: tell("rooms", done, total), jobs
    )
    voices = load_voices(speech, rate, held_out, max(1, recipe.voices // 4) if held_out else recipe.voices, seed)
    count = {"count": recipe.validation_steps} if held_out else {}
    return MixedSound(
        bank,
        voices,
        recipe.input,
        recipe.mix,
        recipe.target,
        (recipe.network.rows, recipe.network.cols),
        (camera.width, camera.height),
        recipe.clips,
        seed,
        **count,
    )


@torch.no_grad()
def audio_card(network: AudioNetwork, recipe: AudioRecipe, validation: MixedSound) -> dict[str, Any]:
    """Threshold and scores on the validation clips, where it is chosen."""
    recordings: list[GridRecording] = []
    for index in range(len(validation)):
        for clip in validation.clips_of(index):
            grids = network(torch.from_numpy(validation.spectra_of(clip))).numpy().astype(np.float16)
            reliability = np.zeros((len(grids), 2, *grids.shape[1:]), np.float16)
            recordings.append(
                GridRecording(
                    f"clip{len(recordings)}", grids, np.zeros_like(grids), reliability, clip.u_px, clip.v_px,
                    clip.speaking, clip.speaking, validation.image_size, recipe.input.frame_rate_hz,
                )
            )
    scores = GridScores(recordings, [recording.audio for recording in recordings])
    threshold = scores.best_threshold()
    return {
        "name": recipe.name,
        "system": SYSTEM,
        "grid": [recipe.network.rows, recipe.network.cols],
        "threshold": threshold,
        "threshold_choice": CHOICE,
        "metrics": {"validation": scores.summary(threshold)},
    }


def export_audio(network: AudioNetwork, recipe: AudioRecipe) -> bytes:
    """ONNX: spectra (batch, maps, frames, bins) to probability (batch, rows, cols)."""
    example = {"spectra": torch.zeros(2, recipe.input.maps, recipe.input.frames, recipe.input.bins)}
    free = {"spectra": {0: "batch"}, "probability": {0: "batch"}}
    return export_onnx(network, example, ("probability",), free)


def camera_of(path: str) -> CameraModel:
    """The camera of a YAML file (its keys, or a block `camera` of them); the default one where no path is given."""
    if not path:
        return DEFAULT_CAMERA
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"no camera file at {file}: need width, height, fx, fy, cx, cy, and where it sits on the array")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        return CameraModel.from_mapping(content.get("camera", content))
    except (yaml.YAMLError, AttributeError, TypeError) as error:
        raise InputError(f"{file} is no camera description: {error}") from error
