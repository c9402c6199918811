"""Talkers on the move in a shoebox room, in torch: what moving_sound.heard_along gives, of several talkers and on a GPU."""

from __future__ import annotations

import torch
from torch import Tensor

from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom
from avloc_ros.simulation.sound.shoebox_tensors import FULL_SINC, image_responses, shoeboxes_of


def heard_along_batch(
    dry: Tensor, path_m: Tensor, room: ShoeboxRoom, microphones_m: Tensor, sample_rate_hz: int, hop: int, length: int
) -> Tensor:
    """What the array hears of several talkers of one room, each alone: (talkers, mics, samples).

    dry (talkers, samples); path_m (talkers, steps, 3): where each is at every hop samples, array frame. As
    moving_sound.heard_along: pieces of two hops under triangular windows, each through the response of its own place.
    length: of the responses, samples.
    """
    talkers, samples = dry.shape
    pieces = _pieces(dry, hop)  # (talkers, pieces, 2 hop)
    count = pieces.shape[1]
    steps = torch.arange(count, device=dry.device).clamp(max=path_m.shape[1] - 1)
    spectrum_length = _fft_length(2 * hop + length)
    heard = dry.new_zeros(talkers, len(microphones_m), samples)
    rooms = shoeboxes_of([room], dry.device)
    for talker in range(talkers):  # one at a time: all delays of a talker are in memory at once
        places = path_m[talker][None]
        response = image_responses(rooms, places, microphones_m[None], sample_rate_hz, length, FULL_SINC)[0]
        spectra = torch.fft.rfft(response, spectrum_length)[steps]  # (pieces, mics, bins)
        spectra = spectra * torch.fft.rfft(pieces[talker], spectrum_length)[:, None]
        wet = torch.fft.irfft(spectra, spectrum_length)  # (pieces, mics, spectrum_length)
        heard[talker] = _overlapped(wet, hop)[:, hop : hop + samples]
    return heard


def _pieces(dry: Tensor, hop: int) -> Tensor:
    window = 1 - (torch.arange(-hop, hop, device=dry.device) + 0.5).abs() / hop
    padded = torch.nn.functional.pad(dry, (hop, 2 * hop))
    return padded.unfold(1, 2 * hop, hop)[:, : dry.shape[1] // hop + 2] * window


def _overlapped(wet: Tensor, hop: int) -> Tensor:
    """Sum of pieces (pieces, mics, length) that begin a hop after one another: (mics, (pieces + length / hop) hop)."""
    pieces, mics, length = wet.shape
    parts = -(-length // hop)
    cut = torch.nn.functional.pad(wet, (0, parts * hop - length)).view(pieces, mics, parts, hop)
    total = wet.new_zeros(mics, pieces + parts, hop)
    for part in range(parts):
        total[:, part : part + pieces] += cut[:, :, part].transpose(0, 1)
    return total.flatten(1)


def _fft_length(least: int) -> int:
    """A power of two, or three quarters of one, that is no less."""
    power = 1 << (least - 1).bit_length()
    return power * 3 // 4 if power * 3 // 4 >= least else power
