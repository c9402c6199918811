"""Records sound, pictures and results into an mcap bag; pictures as JPEG. Ends with Ctrl-C, or after `duration`.

    ros2 launch avloc_ros record.launch.py out:=my_bag
"""

from launch.actions import DeclareLaunchArgument, ExecuteProcess
from launch.substitutions import LaunchConfiguration
from launch_ros.substitutions import ExecutableInPackage

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            DeclareLaunchArgument("out", description="folder of the new bag"),
            DeclareLaunchArgument("duration", default_value="0", description="seconds; 0: until Ctrl-C"),
            ExecuteProcess(  # a command, no node: it would be given --ros-args, which it does not know
                cmd=[
                    ExecutableInPackage(executable="avloc", package="avloc_ros"),
                    *("record", "--out", LaunchConfiguration("out"), "--duration", LaunchConfiguration("duration")),
                ],
                output="screen",
            ),
        ]
    )
