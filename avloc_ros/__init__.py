"""Who is speaking, and where: audio-visual speaker localisation for ROS 2."""

from pkgutil import extend_path

# Python started in the source tree finds this folder first; the messages, which rosidl generates, are in the installed
# package of the same name. Both are one package.
__path__ = extend_path(__path__, __name__)
