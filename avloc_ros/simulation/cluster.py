"""Work spread over machines with dask.distributed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from avloc_ros.types import InputError

Item = TypeVar("Item")
CONNECT_S = 20.0


def over_machines(work: Callable[[Item], Any], items: Sequence[Item], address: str) -> Iterator[Any]:
    """The results of work(item) as the workers of the scheduler at `address` finish them, in any order.

    The first error of a worker is raised here and the rest is given up. Raises InputError where `distributed` is not
    installed or nobody answers.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise InputError(
            "--dask needs the package distributed, here and on the workers: pip install distributed"
        ) from error
    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no dask scheduler answers at {address}: {error}; start one with `dask scheduler`"
        ) from error
    with client:
        # Writing a scene twice would fail, so that nothing is tried again and no two calls are taken for one
        futures = [client.submit(work, item, pure=False, retries=0) for item in items]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            client.cancel(futures)
