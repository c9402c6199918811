# Installs a small Python program NAME, which calls main() of MODULE, into DESTINATION, to be run by the interpreter
# that the package is built with. Until main() minds signals itself, Ctrl-C ends it without a traceback.
function(install_executable name module destination)
  set(program "${CMAKE_CURRENT_BINARY_DIR}/executables/${destination}/${name}")
  file(WRITE "${program}" "#!${Python3_EXECUTABLE}
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)
from ${module} import main  # noqa: E402

sys.exit(main())
")
  install(PROGRAMS "${program}" DESTINATION ${destination})
endfunction()
