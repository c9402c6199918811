"""Why a transform cannot be had."""

from __future__ import annotations


class TransformException(Exception):  # noqa: N818 - the official names
    """Base of all of them."""


class LookupException(TransformException):
    """A frame does not exist."""


class ConnectivityException(TransformException):
    """Both frames exist, but not in one tree."""


class ExtrapolationException(TransformException):
    """The time asked for is outside what is buffered."""


class InvalidArgumentException(TransformException):
    """The frame's name cannot be one."""


class TimeoutException(TransformException):
    """Waiting took too long."""
