"""Who is speaking, and where: audio-visual speaker localisation for ROS 2."""

import os
from pkgutil import extend_path

# numpy's products are small here: threads that wait for each other cost more than they give, and take the cores of the other
# nodes (on two cores the demo lagged by 1.4 s). It counts where numpy is not loaded yet, and the user's own setting stays.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Python started in the source tree finds this folder first; the messages, which rosidl generates, are in the installed
# package of the same name. Both are one package.
__path__ = extend_path(__path__, __name__)
