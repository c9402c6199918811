"""The pipeline: sound and pictures on topics in, speakers out. Each node is a process of its own.

    ros2 launch avloc_ros localize.launch.py namespace:=head image_topic:=/head/camera/image_rect array_file:=array.yaml
"""

from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

ARGUMENTS = {
    "namespace": ("", "namespace of the robot or room"),
    "params_file": (
        PathJoinSubstitution([FindPackageShare("avloc_ros"), "config", "localize.yaml"]),
        "ROS parameter file",
    ),
    "use_sim_time": ("false", "take time from /clock"),
    "autostart": ("true", "configure and activate the nodes at start"),
    "device": ("auto", "where to infer: auto, cpu, cuda, cuda:N"),
    "array_file": ("", "microphone array file; empty: the topic microphone_array"),
    "image_transport": ("raw", "raw or compressed"),
    "frame_prefix": ("", "put before the names of TF frames voice_<id>"),
    "overlay": ("true", "draw what was found on the picture"),
    "rviz": ("false", "show it in RViz"),
    "audio_topic": ("audio", "AudioFrame"),
    "image_topic": ("image", "rectified picture"),
    "camera_info_topic": ("camera_info", "calibration of the rectified picture"),
    "microphone_array_topic": ("microphone_array", "geometry of the microphone array, latched"),
}
NODES = ("audio_tracker", "visual_detector", "fusion", "speaker_tracker", "attention")


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    overlay = pipeline_node("overlay", condition=IfCondition(LaunchConfiguration("overlay")))
    return LaunchDescription([*arguments, *map(pipeline_node, NODES), overlay, rviz()])


def pipeline_node(name: str, **options) -> Node:
    return Node(
        package="avloc_ros",
        executable=name,
        name=name,
        namespace=LaunchConfiguration("namespace"),
        parameters=[ParameterFile(LaunchConfiguration("params_file")), chosen_parameters(name)],
        remappings=[
            *((topic, LaunchConfiguration(f"{topic}_topic")) for topic in ("audio", "image", "camera_info", "microphone_array")),
            ("image/compressed", [LaunchConfiguration("image_topic"), "/compressed"]),
        ],
        output="screen",
        **options,
    )


def chosen_parameters(name: str) -> dict:
    """What the launch arguments say, as parameters of those nodes that have them."""
    chosen = {
        "use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool),
        "autostart": ParameterValue(LaunchConfiguration("autostart"), value_type=bool),
    }
    own = {
        "audio_tracker": ("device", "array_file"),
        "visual_detector": ("device", "image_transport"),
        "overlay": ("image_transport",),
        "speaker_tracker": ("frame_prefix",),
    }
    return chosen | {key: ParameterValue(LaunchConfiguration(key), value_type=str) for key in own.get(name, ())}


def rviz() -> Node:
    return Node(
        package="rviz2",
        executable="rviz2",
        namespace=LaunchConfiguration("namespace"),
        arguments=["-d", PathJoinSubstitution([FindPackageShare("avloc_ros"), "config", "rviz", "avloc.rviz"])],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
