# The PyPI wheels of ROS message packages export the include folders of the machine that built them
# (/opt/python/cpXY-cpXY/...). CMake refuses an imported target whose include folder is missing. Here such a folder is
# mapped to the running interpreter's; a folder that exists is left alone, so on a distro this changes nothing.
function(repair_imported_includes)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT folders)
      continue()
    endif()
    set(repaired "")
    foreach(folder IN LISTS folders)
      if(folder MATCHES "^/opt/python/" AND NOT EXISTS "${folder}")
        if(folder MATCHES "/numpy/")
          list(APPEND repaired ${Python3_NumPy_INCLUDE_DIRS})
        else()
          list(APPEND repaired ${Python3_INCLUDE_DIRS})
        endif()
      else()
        list(APPEND repaired "${folder}")
      endif()
    endforeach()
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${repaired}")
  endforeach()
endfunction()

# rosidl exports the include folders of the Python it ran with. Ours may lie in this source tree (.venv), which CMake
# refuses to export, and on another machine they mean nothing, so they serve this build only.
function(keep_python_includes_private package)
  set(target ${package}__rosidl_generator_py)
  get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
  set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "$<BUILD_INTERFACE:${folders}>")
endfunction()
