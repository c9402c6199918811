"""Which sense this robot has, where it has but one: then the nodes of the other one have a right to be idle."""

from __future__ import annotations

from rclpy.node import Node

SIGHT = ("image", "image/compressed", "camera_info")
SOUND = ("audio",)


def works_by(node: Node) -> str:
    """`ear` where somebody publishes sound and nobody pictures, `eye` the other way round, else "".

    Topics are those of `node`, with its remappings; a publisher that sends nothing counts as a sense that is there.
    """
    hears, sees = is_published(node, SOUND), is_published(node, SIGHT)
    return "" if hears == sees else "ear" if hears else "eye"


def is_published(node: Node, topics: tuple[str, ...]) -> bool:
    """Whether any of the topics has a publisher."""
    return any(node.count_publishers(node.resolve_topic_name(topic)) > 0 for topic in topics)
