# SPDX-License-Identifier: Apache-2.0
# A stand-in for Zephyr's build, for machines without a Zephyr tree: the functions that a module and a sample call, building
# for this machine. TREE: `old` (Zephyr 2.6) or `new` (3.5 and later); CONFIG_... come from the command line.
macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC)
  # What Zephyr compiles with unless a module asks for something else.
  target_compile_options(${name} PRIVATE -std=c++11 -Os -fno-exceptions -fno-rtti)
endmacro()
macro(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGV})
endmacro()
macro(zephyr_library_include_directories)
  target_include_directories(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGV})
endmacro()
macro(zephyr_library_compile_options)
  target_compile_options(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGV})
endmacro()
macro(zephyr_compile_definitions)
  add_compile_definitions(${ARGV})
endmacro()
macro(zephyr_include_directories)
  include_directories(${ARGV})
endmacro()

enable_language(CXX)
include_directories("${CMAKE_CURRENT_LIST_DIR}/include_${TREE}")
# Modules are read in the application's project, as Zephyr does; the `app` target is there when its CMakeLists.txt goes on.
include("${MODULE}/zephyr/CMakeLists.txt")
add_executable(app)
target_compile_options(app PRIVATE -std=c++17)
if(TREE STREQUAL old)
  target_sources(app PRIVATE "${CMAKE_CURRENT_LIST_DIR}/main_old.cpp")
endif()
