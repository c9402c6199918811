"""The rows of the DSW paper's Table 1, with the paper's figures (docs/papers.md: dsw)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from avloc_ros.evaluation.chain.contestants import Contestant
from avloc_ros.evaluation.chain.fusions import open_fusion_of, weights_in_settings
from avloc_ros.systems.audio_tracker import DEFAULT_TRACKER
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.types import InputError

PAPER_DATA = "AVDIAR, not this data"
BY_EAR = "by ear (sphere)"  # beside the table: the audio tracker all around, for talkers off camera


@dataclass(frozen=True)
class PaperFigures:
    """What the paper reports on AVDIAR's test split at threshold 0.75; by_talkers: (LE px, FR) by number of talkers."""

    le_px: float
    frame_recall: float
    false_positives: float | None
    note: str = ""
    by_talkers: tuple[tuple[int, float, float], ...] = ()


@dataclass(frozen=True)
class Row:
    """One row of the table: its systems, one per weight file (seeds of one training), all of one kind."""

    label: str
    contestants: tuple[Contestant, ...]
    paper: PaperFigures | None = None


ROWS = (
    Row("audio only", (Contestant("audio", "none"),), PaperFigures(11.93, 0.24, 0.072, "FP in the text: 1.07")),
    Row("video only", (Contestant("video", "none"),), PaperFigures(19.95, 0.83, 0.006)),
    Row("flat raw", (Contestant("flat", "none"),), PaperFigures(7.65, 0.82, 0.003)),
    Row("flat refined", (Contestant("flat", "none", refine=True),)),
    Row(
        "scalar",
        (Contestant("scalar", "none", refine=True),),
        PaperFigures(10.1, 0.82, None, by_talkers=((1, 1.31, 1.0), (4, 10.4, 0.81))),
    ),
    Row(
        "spatial",
        (Contestant("spatial", "none", refine=True),),
        PaperFigures(4.10, 0.92, 0.028, "LE in the conclusion: 3.83", ((1, 1.31, 1.0), (4, 0.53, 0.99))),
    ),
)
LABELS = tuple(row.label for row in ROWS)


def parse_weights(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """`ROW=FILE[,FILE...]` of the command line as {row: files}. Raises InputError on unknown rows and missing files."""
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        label, separator, files = word.partition("=")
        paths = tuple(part for part in files.split(",") if part)
        if label not in LABELS or not separator or not paths:
            raise InputError(f"--weights {word}: give ROW=FILE[,FILE...], ROW one of {', '.join(LABELS)}")
        missing = [path for path in paths if not Path(path).is_file()]
        if missing:
            raise InputError(f"--weights {word}: no file {', '.join(missing)}")
        found[label] = paths
    return found


def rows_to_run(
    config: LocalizerConfig, weights: Mapping[str, tuple[str, ...]], audio_tracker: str = DEFAULT_TRACKER
) -> tuple[list[Row], dict[str, str]]:
    """The rows that can be opened here, with their weight files; and {row: why not} for the others.

    weights: {row: files}; a row that is not in it takes what the settings name for its kind, else the shipped file.
    Raises InputError where weights that were asked for by name cannot be opened.
    """
    rows, left_out = [], {}
    for row in ROWS:
        one = row.contestants[0]
        files = weights.get(row.label) or (weights_in_settings(one.fusion, one.refine, config.fusion),)
        ready = _with_weights(row, files, audio_tracker)
        try:
            for contestant in ready.contestants:
                if contestant.choice is not None:
                    open_fusion_of(contestant.choice, config)
        except InputError as error:
            if any(files):
                raise
            left_out[row.label] = str(error)
            continue
        rows.append(ready)
    return rows, left_out


def _with_weights(row: Row, files: Sequence[str], audio_tracker: str) -> Row:
    contestants = [
        replace(
            row.contestants[0],
            weights=file,
            audio_tracker=audio_tracker,
            label=row.label if len(files) == 1 else f"{row.label} #{number} ({Path(file).stem})",
        )
        for number, file in enumerate(files, 1)
    ]
    return replace(row, contestants=tuple(contestants))
