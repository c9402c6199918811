"""Who is speaking, and where: audio-visual speaker localisation for ROS 2."""
