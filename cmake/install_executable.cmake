# Installs a two-line Python program NAME, which calls main() of MODULE, into DESTINATION, to be run by the interpreter
# that the package is built with.
function(install_executable name module destination)
  set(program "${CMAKE_CURRENT_BINARY_DIR}/executables/${destination}/${name}")
  file(WRITE "${program}" "#!${Python3_EXECUTABLE}
import sys

from ${module} import main

sys.exit(main())
")
  install(PROGRAMS "${program}" DESTINATION ${destination})
endfunction()
