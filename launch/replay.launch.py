"""A bag, a scene folder or media files, played in real time through the pipeline.

ros2 launch avloc_ros replay.launch.py path:=my_scene rviz:=true
"""

from launch.actions import DeclareLaunchArgument, EmitEvent, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

PLAYER_ARGUMENTS = {  # name: default, type, description
    "path": (None, str, "scene folder, bag, or sound.wav,clip.mp4"),
    "rate": ("1.0", float, "times real time"),
    "loop": ("false", bool, "start again at the end"),
    "publish_clock": ("false", bool, "publish /clock; set use_sim_time too"),
    "image_transport": ("raw", str, "raw or compressed"),
}

TOPICS = ("audio", "image", "camera_info", "microphone_array")


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, _, description) in PLAYER_ARGUMENTS.items()
    ]
    arguments += [
        DeclareLaunchArgument("namespace", default_value="", description="namespace of the robot or room"),
        *(
            DeclareLaunchArgument(f"{topic}_topic", default_value=topic, description="name of this topic")
            for topic in TOPICS
        ),
        DeclareLaunchArgument(
            "exit_at_end", default_value="false", description="end everything with the source"
        ),
    ]
    ends_with_source = IfCondition(LaunchConfiguration("exit_at_end"))
    pipeline = PathJoinSubstitution([FindPackageShare("avloc_ros"), "launch", "localize.launch.py"])
    player = Node(
        package="avloc_ros",
        executable="player",
        name="player",
        namespace=LaunchConfiguration("namespace"),
        parameters=[
            {
                name: ParameterValue(LaunchConfiguration(name), value_type=kind)
                for name, (_, kind, _) in PLAYER_ARGUMENTS.items()
            },
            {
                "exit_at_end": ParameterValue(LaunchConfiguration("exit_at_end"), value_type=bool),
                "start_after_s": 3.0,
            },
        ],
        remappings=[  # as the pipeline's
            *((topic, LaunchConfiguration(f"{topic}_topic")) for topic in TOPICS),
            ("image/compressed", [LaunchConfiguration("image_topic"), "/compressed"]),
        ],
        output="screen",
        on_exit=[EmitEvent(event=Shutdown(reason="end of the source"), condition=ends_with_source)],
    )
    return LaunchDescription([*arguments, IncludeLaunchDescription(pipeline), player])
