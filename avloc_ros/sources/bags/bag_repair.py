"""mcap files whose recorder was killed: what is in them, and a finished copy of it.

An mcap file is a magic number and then records, each an opcode, a length and that many bytes; messages may be packed
into chunks. A killed recorder leaves out the closing records, and the end of the last one (MCAP specification 0).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from avloc_ros.types import InputError

MAGIC = b"\x89MCAP0\r\n"
OPCODE_FOOTER, OPCODE_MESSAGE, OPCODE_CHUNK, OPCODE_DATA_END = 0x02, 0x05, 0x06, 0x0F
RECORD_HEAD = struct.Struct("<BQ")  # opcode, length
CHUNK_HEAD = struct.Struct(
    "<QQQII"
)  # first time, last time, size, checksum, length of the compression's name


@dataclass(frozen=True)
class UnfinishedFile:
    """What is whole in a file: byte ranges of records, the messages outside and the number of chunks."""

    path: Path
    ranges: tuple[tuple[int, int], ...]
    messages: int
    chunks: int

    @property
    def contents(self) -> str:
        """In words."""
        return f"{self.messages} messages and {self.chunks} chunks of messages"


def scan_mcap(path: str | Path) -> UnfinishedFile | None:
    """What is whole in an mcap file without its end; None where the file is finished or is no mcap."""
    path = Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return None
        file.seek(max(0, size - len(MAGIC)))
        if size > 2 * len(MAGIC) and file.read() == MAGIC:
            return None
        outer = list(_records(file, len(MAGIC), size))
        end = outer[-1][2] if outer else len(MAGIC)
        inner = list(_records(file, _inside_chunk(file, end, size), size))
    ranges = [(len(MAGIC), end)]
    if inner:
        ranges.append((inner[0][1], inner[-1][2]))
    opcodes = [opcode for opcode, _, _ in (*outer, *inner)]
    return UnfinishedFile(path, tuple(ranges), opcodes.count(OPCODE_MESSAGE), opcodes.count(OPCODE_CHUNK))


def repair_mcap(path: str | Path, repaired: str | Path) -> UnfinishedFile:
    """Write a finished copy of the whole records of a file, or of the only one in a bag's folder.

    Raises InputError where there is nothing to repair.
    """
    path = Path(path)
    files = sorted(path.glob("*.mcap")) if path.is_dir() else [path]
    if len(files) != 1:
        raise InputError(f"{path} holds {len(files)} mcap files: name the one that was cut off")
    path = files[0]
    if not path.is_file():
        raise InputError(f"no mcap file at {path}")
    found = scan_mcap(path)
    if found is None:
        raise InputError(f"{path} is finished, or is no mcap file: there is nothing to repair")
    if Path(repaired).exists():
        raise InputError(f"{repaired} exists: name a new file")
    with path.open("rb") as source, Path(repaired).open("wb") as target:
        target.write(MAGIC)
        for start, end in found.ranges:
            _copy(source, target, start, end)
        target.write(RECORD_HEAD.pack(OPCODE_DATA_END, 4) + bytes(4))  # no checksum
        target.write(RECORD_HEAD.pack(OPCODE_FOOTER, 20) + bytes(20))  # no summary: readers scan the file
        target.write(MAGIC)
    return found


def unfinished_mcap_words(path: Path) -> str:
    """For an error message: how much of a bag can be saved, and how; empty for other bags."""
    files = sorted(path.glob("*.mcap")) if path.is_dir() else [path]
    found = [
        part for file in files if file.suffix == ".mcap" for part in [scan_mcap(file)] if part is not None
    ]
    words = [
        f"; {part.path.name} was not finished, {part.contents} in it are whole: save them with "
        f"`avloc convert --repair {part.path} repaired.mcap`"
        for part in found
    ]
    return "".join(words)


def _records(file: BinaryIO, start: int, size: int) -> Iterator[tuple[int, int, int]]:
    """(opcode, start, end) of the whole records from a position on, until the data's end or where the file stops."""
    while start + RECORD_HEAD.size <= size:
        file.seek(start)
        opcode, length = RECORD_HEAD.unpack(file.read(RECORD_HEAD.size))
        end = start + RECORD_HEAD.size + length
        if opcode in (0, OPCODE_DATA_END) or end > size:
            return
        yield opcode, start, end
        start = end


def _inside_chunk(file: BinaryIO, start: int, size: int) -> int:
    """Where the records of the chunk that was cut off begin; the file's size where there is none, or a packed one."""
    header = RECORD_HEAD.size + CHUNK_HEAD.size
    if start + header > size:
        return size
    file.seek(start)
    opcode, _ = RECORD_HEAD.unpack(file.read(RECORD_HEAD.size))
    name_length = CHUNK_HEAD.unpack(file.read(CHUNK_HEAD.size))[-1]
    is_plain = opcode == OPCODE_CHUNK and name_length == 0
    return start + header + 8 if is_plain else size  # eight bytes of the records' total size


def _copy(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    while start < end:
        data = source.read(min(1 << 20, end - start))
        target.write(data)
        start += len(data)
