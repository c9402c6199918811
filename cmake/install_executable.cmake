# Installs a small Python program NAME, which calls main() of MODULE, into DESTINATION, to be run by the interpreter
# that the package is built with. Until main() minds signals itself, Ctrl-C ends it without a traceback. numpy's products are
# small here: threads that wait for each other cost more than they give, and take the cores of the other nodes.
function(install_executable name module destination)
  set(program "${CMAKE_CURRENT_BINARY_DIR}/executables/${destination}/${name}")
  file(WRITE "${program}" "#!${Python3_EXECUTABLE}
import os
import signal
import sys

os.environ.setdefault(\"OPENBLAS_NUM_THREADS\", \"1\")
signal.signal(signal.SIGINT, signal.SIG_DFL)
from ${module} import main  # noqa: E402

sys.exit(main())
")
  install(PROGRAMS "${program}" DESTINATION ${destination})
endfunction()
