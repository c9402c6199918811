"""cv_bridge: arrays to messages and back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from cv_bridge import CvBridge, CvBridgeError
from sensor_msgs.msg import Image
from std_msgs.msg import Header

BRIDGE = CvBridge()


def random_image(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    generator = np.random.default_rng(1)
    if np.issubdtype(dtype, np.floating):
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(0, 2 ** (8 * np.dtype(dtype).itemsize - 1), shape).astype(dtype)


@pytest.mark.parametrize(
    ("encoding", "channels", "dtype"),
    [
        ("mono8", 1, np.uint8), ("bgr8", 3, np.uint8), ("rgb8", 3, np.uint8), ("bgra8", 4, np.uint8),
        ("rgba8", 4, np.uint8), ("mono16", 1, np.uint16), ("16UC1", 1, np.uint16), ("32FC1", 1, np.float32),
        ("64FC1", 1, np.float64), ("8UC3", 3, np.uint8), ("bayer_rggb8", 1, np.uint8),
    ],
)  # fmt: skip
def test_round_trip_keeps_every_pixel(encoding: str, channels: int, dtype: type) -> None:
    image = random_image(5, 7, channels, dtype=dtype) if channels > 1 else random_image(5, 7, dtype=dtype)
    message = BRIDGE.cv2_to_imgmsg(image, encoding)
    assert (message.height, message.width, message.encoding) == (5, 7, encoding)
    assert message.step == 7 * channels * np.dtype(dtype).itemsize
    back = BRIDGE.imgmsg_to_cv2(message)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, image)


def test_passthrough_is_a_view_of_the_message() -> None:
    message = BRIDGE.cv2_to_imgmsg(random_image(4, 6, 3), "bgr8")
    image = BRIDGE.imgmsg_to_cv2(message, "passthrough")
    assert np.shares_memory(image, np.frombuffer(message.data, np.uint8))


def test_rows_with_padding_are_copied_without_it() -> None:
    padded = random_image(4, 8, 3)
    message = Image(height=4, width=6, encoding="bgr8", step=24, data=padded.tobytes())
    image = BRIDGE.imgmsg_to_cv2(message)
    np.testing.assert_array_equal(image, padded[:, :6])
    assert image.flags.c_contiguous
    assert not np.shares_memory(image, np.frombuffer(message.data, np.uint8))


def test_header_is_kept() -> None:
    header = Header(frame_id="camera")
    header.stamp.sec = 12
    assert BRIDGE.cv2_to_imgmsg(random_image(2, 2), "mono8", header=header).header == header


def test_array_that_is_a_slice_is_sent_whole() -> None:
    image = random_image(6, 8, 3)[::2, ::2]
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(image, "bgr8")), image)


def test_passthrough_to_message_names_the_plain_type() -> None:
    assert BRIDGE.cv2_to_imgmsg(random_image(2, 3, 3)).encoding == "8UC3"
    assert BRIDGE.cv2_to_imgmsg(random_image(2, 3, dtype=np.float32)).encoding == "32FC1"


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("bgr8", "rgb8", cv2.COLOR_BGR2RGB), ("rgb8", "bgr8", cv2.COLOR_RGB2BGR), ("bgr8", "mono8", cv2.COLOR_BGR2GRAY),
        ("rgb8", "mono8", cv2.COLOR_RGB2GRAY), ("mono8", "bgr8", cv2.COLOR_GRAY2BGR),
        ("bgra8", "bgr8", cv2.COLOR_BGRA2BGR), ("bgr8", "rgba8", cv2.COLOR_BGR2RGBA),
    ],
)  # fmt: skip
def test_colours_convert_as_in_opencv(source: str, target: str, code: int) -> None:
    channels = {"mono8": 1, "bgra8": 4}.get(source, 3)
    image = random_image(5, 7, channels) if channels > 1 else random_image(5, 7)
    converted = BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(image, source), target)
    np.testing.assert_array_equal(converted, cv2.cvtColor(image, code))


@pytest.mark.parametrize(
    ("pattern", "first_row", "second_row"),
    [("rggb", "rg", "gb"), ("bggr", "bg", "gr"), ("gbrg", "gb", "rg"), ("grbg", "gr", "bg")],
)
def test_bayer_patterns_give_back_an_even_colour(pattern: str, first_row: str, second_row: str) -> None:
    colour = {"b": 10, "g": 100, "r": 200}
    tile = np.array([[colour[name] for name in row] for row in (first_row, second_row)], np.uint8)
    message = BRIDGE.cv2_to_imgmsg(np.tile(tile, (4, 4)), f"bayer_{pattern}8")
    inside = BRIDGE.imgmsg_to_cv2(message, "bgr8")[2:-2, 2:-2]
    np.testing.assert_array_equal(inside, np.broadcast_to([10, 100, 200], inside.shape))


def test_grey_yuv422_is_grey() -> None:
    message = Image(height=2, width=4, encoding="yuv422_yuy2", step=8, data=bytes([120, 128] * 8))
    image = BRIDGE.imgmsg_to_cv2(message, "bgr8")  # (2, 4, 3)
    assert image.shape == (2, 4, 3)
    assert np.ptp(image) == 0


def test_sixteen_bits_scale_to_eight() -> None:
    image = np.array([[0, 32768, 65535]], np.uint16)
    converted = BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(image, "mono16"), "mono8")
    np.testing.assert_array_equal(converted, [[0, 128, 255]])


def test_wrong_type_for_the_encoding_is_refused() -> None:
    with pytest.raises(CvBridgeError):
        BRIDGE.cv2_to_imgmsg(random_image(4, 4), "bgr8")
    with pytest.raises(CvBridgeError):
        BRIDGE.cv2_to_imgmsg(random_image(4, 4, 3, dtype=np.float32), "bgr8")
    with pytest.raises(TypeError):
        BRIDGE.cv2_to_imgmsg([[1, 2], [3, 4]], "mono8")


def test_unknown_encoding_is_refused() -> None:
    message = BRIDGE.cv2_to_imgmsg(random_image(4, 4, 3), "bgr8")
    with pytest.raises(CvBridgeError):
        BRIDGE.imgmsg_to_cv2(message, "no_such_encoding")


def test_png_is_lossless() -> None:
    image = random_image(8, 9, 3)
    message = BRIDGE.cv2_to_compressed_imgmsg(image, "png")
    assert message.format == "png"
    np.testing.assert_array_equal(BRIDGE.compressed_imgmsg_to_cv2(message), image)
    np.testing.assert_array_equal(BRIDGE.compressed_imgmsg_to_cv2(message, "rgb8"), image[..., ::-1])


def test_jpeg_is_near() -> None:
    image = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None], (1, 64, 3))
    back = BRIDGE.compressed_imgmsg_to_cv2(BRIDGE.cv2_to_compressed_imgmsg(image, "jpg"), "bgr8")
    assert np.abs(back.astype(int) - image).max() <= 8
