"""The pipeline: sound and pictures on topics in, speakers out. Each node is a process of its own.

ros2 launch avloc_ros localize.launch.py namespace:=head image_topic:=/head/camera/image_rect array_file:=array.yaml
"""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
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
    # Those that are empty are left to params_file: a default here would override what the user's file says.
    "use_sim_time": ("", "take time from /clock: true or false; empty: as in params_file"),
    "autostart": ("", "configure and activate the nodes at start: true or false; empty: as in params_file"),
    "device": ("", "where to infer: auto, cpu, cuda, cuda:N; empty: as in params_file"),
    "array_file": ("", "microphone array file; empty: as in params_file, else the topic microphone_array"),
    "image_transport": ("", "raw or compressed; empty: as in params_file"),
    "audio_type": ("", "ROS type of the sound, as audio_utils_msgs/msg/AudioFrame; empty: as in params_file, else AudioFrame"),
    "frame_prefix": ("", "put before the names of TF frames voice_<id>; empty: as in params_file"),
    "overlay": ("true", "draw what was found on the picture"),
    "active_speaker": (
        "false",
        "true: a pair of glasses; active_speaker (asl_unet) gives speaker_grid in place of fusion, and the wearer's voice",
    ),
    "sound_events": ("", "also what sounds and where: av_seld or coloc; empty: not"),
    "rviz": ("false", "show it in RViz"),
    "rviz_frame": ("microphone_array", "fixed frame of RViz: that of the array"),
    "audio_topic": ("audio", "sound, of the type audio_type"),
    "audio_info_topic": ("audio_info", "AudioInfo, where audio_type is AudioDataStamped"),
    "image_topic": ("image", "rectified picture"),
    "camera_info_topic": ("camera_info", "calibration of the rectified picture"),
    "microphone_array_topic": ("microphone_array", "geometry of the microphone array, latched"),
    "depth_image_topic": (
        "depth_image",
        "depth picture registered to the colour camera, if use_depth of speaker_tracker is on",
    ),
}
TOPICS = ("audio", "audio_info", "image", "camera_info", "microphone_array", "depth_image")
OF_ALL = ("use_sim_time", "autostart")  # parameters that every node has
OF_NODE = {
    "active_speaker": ("device", "audio_type", "image_transport"),
    "audio_tracker": ("device", "array_file", "audio_type"),
    "visual_detector": ("device", "image_transport"),
    "fusion": ("device",),
    "overlay": ("image_transport",),
    "speaker_tracker": ("frame_prefix",),
    "sound_events": ("device", "array_file", "audio_type", "image_transport"),
}
NODES = ("audio_tracker", "visual_detector", "fusion", "speaker_tracker", "attention")


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=pipeline_nodes), rviz()])


def pipeline_nodes(context) -> list[Node]:
    """The nodes, once it is known which arguments are given."""
    overlay = pipeline_node("overlay", context, condition=IfCondition(LaunchConfiguration("overlay")))
    has_glasses = LaunchConfiguration("active_speaker").perform(context).lower() in ("true", "1")
    names = ["active_speaker" if has_glasses and name == "fusion" else name for name in NODES]
    backend = LaunchConfiguration("sound_events").perform(context)
    events = [pipeline_node("sound_events", context, {"system.backend": backend})] if backend else []
    return [*(pipeline_node(name, context) for name in names), overlay, *events]


def pipeline_node(name: str, context, own: dict | None = None, **options) -> Node:
    return Node(
        package="avloc_ros",
        executable=name,
        name=name,
        namespace=LaunchConfiguration("namespace"),
        parameters=[ParameterFile(LaunchConfiguration("params_file")), chosen_parameters(name, context), own or {}],
        remappings=[
            *((topic, LaunchConfiguration(f"{topic}_topic")) for topic in TOPICS),
            ("image/compressed", [LaunchConfiguration("image_topic"), "/compressed"]),
        ],
        output="screen",
        **options,
    )


def chosen_parameters(name: str, context) -> dict:
    """What the launch arguments say, where they say something, as parameters of those nodes that have them."""
    given = [key for key in (*OF_ALL, *OF_NODE.get(name, ())) if LaunchConfiguration(key).perform(context)]
    return {
        key: ParameterValue(LaunchConfiguration(key), value_type=bool if key in OF_ALL else str)
        for key in given
    }


def rviz() -> Node:
    return Node(
        package="rviz2",
        executable="rviz2",
        namespace=LaunchConfiguration("namespace"),
        arguments=[
            "-d",
            PathJoinSubstitution([FindPackageShare("avloc_ros"), "config", "rviz", "avloc.rviz"]),
            "-f",
            LaunchConfiguration("rviz_frame"),
        ],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
