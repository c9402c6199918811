"""Where sound and pictures come from: scenes, bags, files, devices; all yield one stamped stream."""
