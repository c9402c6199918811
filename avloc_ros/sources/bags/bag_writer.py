"""Writes rosbag2 bags (mcap or sqlite3) without ROS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from avloc_ros.sources.bags.bag_types import message_types, serialized
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

STORAGES = ("mcap", "sqlite3")
BAG_VERSION: Literal[8] = 8  # the newest that Humble reads too


class RawBagWriter:
    """A new bag: add topics, write serialized messages in the order of their receive times, close.

    Raises InputError where the folder exists, the type is unknown or the topic was not added.
    """

    def __init__(self, path: str | Path, storage: str = "mcap") -> None:
        message_types()  # names the missing package before rosbags is imported here
        from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

        if storage not in STORAGES:
            raise InputError(f"bag storage '{storage}': take one of {', '.join(STORAGES)}")
        plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        try:
            self._writer = Writer(path, version=BAG_VERSION, storage_plugin=plugin)
            self._writer.open()
        except WriterError as error:
            raise InputError(f"cannot write a bag at {path}: {error}") from error
        self._topics: dict[str, Any] = {}
        self.path = Path(path)
        self.is_open = True

    def add_topic(self, name: str, type_name: str, latched: bool = False) -> None:
        """Announce a topic; a latched one is stored as transient local, as its publisher offered it."""
        if name in self._topics:
            return
        from rosbags.typesys import TypesysError

        try:
            self._topics[name] = self._writer.add_connection(
                name, type_name, typestore=message_types(), offered_qos_profiles=[_quality(latched)]
            )
        except (TypesysError, KeyError) as error:
            raise InputError(f"topic {name}: message type {type_name} is not known here") from error

    def write(self, name: str, receive_ns: int, data: bytes) -> None:
        """Append a serialized (CDR) message."""
        if name not in self._topics:
            raise InputError(f"topic {name} was not added to the bag {self.path}")
        self._writer.write(self._topics[name], receive_ns, data)

    def close(self) -> None:
        """Finish the bag; a second call does nothing."""
        if self.is_open:
            self._writer.close()
            self.is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BagWriter(RawBagWriter):
    """A bag whose messages are given as nested dicts of their fields."""

    def __init__(self, path: str | Path, storage: str = "mcap") -> None:
        super().__init__(path, storage)
        self._type_names: dict[str, str] = {}

    def add_topic(self, name: str, type_name: str, latched: bool = False) -> None:
        super().add_topic(name, type_name, latched)
        self._type_names.setdefault(name, type_name)

    def write_fields(self, name: str, receive_ns: int, fields: dict[str, Any]) -> None:
        """Append a message, e.g. {"channels": 4, "encoding": "S16LE"}; the rest is zero or empty."""
        if name not in self._type_names:
            raise InputError(f"topic {name} was not added to the bag {self.path}")
        self.write(name, receive_ns, serialized(self._type_names[name], fields))


def _quality(latched: bool) -> Any:
    from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

    forever = QosTime(2147483647, 4294967295)
    return Qos(
        QosHistory.KEEP_LAST,
        1 if latched else 10,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        forever,
        forever,
        QosLiveliness.AUTOMATIC,
        forever,
        False,
    )
