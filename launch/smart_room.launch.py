"""One room: its microphone array and its camera on this machine, and the pipeline on both.

ros2 launch avloc_ros smart_room.launch.py namespace:=kitchen array_file:=array.yaml camera_file:=camera.yaml
"""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

ARGUMENTS = {
    "namespace": ("room", "namespace of the room"),
    "array_file": (None, "microphone array file; `avloc arrays` lists the shipped ones"),
    "audio_device": ("", "sound device, by number or part of its name; empty: the default one"),
    "camera_device": ("0", "camera by number, device path or URL"),
    "camera_file": ("", "calibration of the camera"),
    "image_transport": ("raw", "raw or compressed, of the camera and of those that take its pictures"),
    "frame_prefix": (
        # no name in TF begins with /
        PythonExpression(["('", LaunchConfiguration("namespace"), "'.strip('/') + '/').lstrip('/')"]),
        "put before the names of TF frames, so that rooms do not mix",
    ),
    "rviz_frame": (
        [LaunchConfiguration("frame_prefix"), "microphone_array"],
        "fixed frame of RViz, if rviz is on: that of the array",
    ),
}
TOPICS = ("audio", "image", "camera_info", "microphone_array")


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    arguments += [
        DeclareLaunchArgument(f"{topic}_topic", default_value=topic, description="name of this topic")
        for topic in TOPICS
    ]
    pipeline = PathJoinSubstitution([FindPackageShare("avloc_ros"), "launch", "localize.launch.py"])
    return LaunchDescription(
        [
            *arguments,
            capture(
                "audio_capture", device="audio_device", array_file="array_file", frame_prefix="frame_prefix"
            ),
            capture(
                "camera_capture",
                device="camera_device",
                camera_file="camera_file",
                image_transport="image_transport",
                frame_prefix="frame_prefix",
            ),
            IncludeLaunchDescription(pipeline),
        ]
    )


def capture(name: str, **parameters: str) -> Node:
    return Node(
        package="avloc_ros",
        executable=name,
        name=name,
        namespace=LaunchConfiguration("namespace"),
        parameters=[
            {
                key: ParameterValue(LaunchConfiguration(argument), value_type=str)
                for key, argument in parameters.items()
            }
        ],
        remappings=[  # as the pipeline's
            *((topic, LaunchConfiguration(f"{topic}_topic")) for topic in TOPICS),
            ("image/compressed", [LaunchConfiguration("image_topic"), "/compressed"]),
        ],
        output="screen",
    )
