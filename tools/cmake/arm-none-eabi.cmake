# SPDX-License-Identifier: Apache-2.0
# Cross-compiles for an Arm Cortex-M with the Arm GNU toolchain:
#   cmake -DCMAKE_TOOLCHAIN_FILE=<here>/arm-none-eabi.cmake -DMICROPLAN_CPU=cortex-m4 ...
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)

set(MICROPLAN_CPU "" CACHE STRING "The core as GCC's -mcpu names it, such as cortex-m4 or cortex-m33+nodsp")
# For cores that are sold with and without an FPU; `soft` is for those without.
if(MICROPLAN_CPU MATCHES "^cortex-m(4|7|33|35p|55|85)")
  set(MICROPLAN_FLOAT_ABI hard CACHE STRING "GCC's -mfloat-abi: soft, softfp or hard")
else()
  set(MICROPLAN_FLOAT_ABI soft CACHE STRING "GCC's -mfloat-abi: soft, softfp or hard")
endif()
if(NOT MICROPLAN_CPU)
  message(FATAL_ERROR "Name the core to compile for: -DMICROPLAN_CPU=cortex-m4")
endif()

foreach(language C CXX ASM)
  set(CMAKE_${language}_FLAGS_INIT "-mthumb -mcpu=${MICROPLAN_CPU} -mfpu=auto -mfloat-abi=${MICROPLAN_FLOAT_ABI}")
endforeach()

# CMake tries the compiler in projects of their own. They have no start-up code to link.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MICROPLAN_CPU MICROPLAN_FLOAT_ABI)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
