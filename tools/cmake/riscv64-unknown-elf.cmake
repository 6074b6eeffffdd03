# SPDX-License-Identifier: Apache-2.0
# Cross-compiles for a bare-metal RISC-V with the GNU toolchain, whose one compiler serves 32 and 64 bits:
#   cmake -DCMAKE_TOOLCHAIN_FILE=<here>/riscv64-unknown-elf.cmake -DMICROPLAN_ARCH=rv32imc -DMICROPLAN_ABI=ilp32 ...
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_CXX_COMPILER riscv64-unknown-elf-g++)
set(CMAKE_ASM_COMPILER riscv64-unknown-elf-gcc)

set(MICROPLAN_ARCH rv32imc CACHE STRING "The instruction set, as GCC's -march names it")
set(MICROPLAN_ABI ilp32 CACHE STRING "The ABI, as GCC's -mabi names it")
set(MICROPLAN_SPECS "" CACHE STRING "GCC's --specs, where the C library needs one: picolibc.specs on Debian")

set(flags "-march=${MICROPLAN_ARCH} -mabi=${MICROPLAN_ABI}")
if(MICROPLAN_SPECS)
  string(APPEND flags " --specs=${MICROPLAN_SPECS}")
endif()
foreach(language C CXX ASM)
  set(CMAKE_${language}_FLAGS_INIT "${flags}")
endforeach()

# CMake tries the compiler in projects of their own. They have no start-up code to link.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MICROPLAN_ARCH MICROPLAN_ABI MICROPLAN_SPECS)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
