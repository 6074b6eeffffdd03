# SPDX-License-Identifier: Apache-2.0
# microplan_embed(TARGET target MODEL file.tflite [FORM compiled|interpreted] [NAME name]
#                 [FEATURES names] [PREFER balanced|speed|ram|flash])
#
# Makes `target` compile the model as C++, find <name>.h, and link the library. The model is embedded again whenever it
# changes. Without NAME the name is the file's. Call it in the folder that makes the target.
#
# Kernels are chosen for the core that CMAKE_CXX_COMPILER compiles for with CMAKE_CXX_FLAGS. FEATURES names the core's
# features instead (`microplan embed --help` lists them; `none`), for projects that pass -mcpu in another way. PREFER is what
# kernels are chosen by. The variables MICROPLAN_FEATURES and MICROPLAN_PREFER serve all models of a project.
function(microplan_embed)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "TARGET;MODEL;FORM;NAME;FEATURES;PREFER" "")
  if(NOT arg_TARGET OR NOT arg_MODEL OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "Use: microplan_embed(TARGET target MODEL file.tflite [FORM compiled|interpreted] [NAME name] "
                        "[FEATURES names] [PREFER balanced|speed|ram|flash])")
  endif()
  find_program(MICROPLAN_COMMAND microplan DOC "The command that embeds models")
  if(NOT MICROPLAN_COMMAND)
    message(FATAL_ERROR "microplan_embed needs the command `microplan`, which is not on the PATH: pip install microplan, "
                        "or name it by -DMICROPLAN_COMMAND=<path>.")
  endif()
  if(NOT arg_FORM)
    set(arg_FORM compiled)
  endif()
  foreach(option FEATURES PREFER)
    if(NOT arg_${option})
      set(arg_${option} "${MICROPLAN_${option}}")
    endif()
  endforeach()
  set(options --form "${arg_FORM}")
  if(arg_PREFER)
    list(APPEND options --prefer "${arg_PREFER}")
  endif()
  if(arg_FEATURES)
    list(APPEND options --features "${arg_FEATURES}")
  elseif(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    set(compiler "\"${CMAKE_CXX_COMPILER}\" ${CMAKE_CXX_FLAGS}")
    if(CMAKE_CXX_COMPILER_TARGET)
      string(APPEND compiler " --target=${CMAKE_CXX_COMPILER_TARGET}")
    endif()
    if(MICROPLAN_CMSIS_NN)
      string(APPEND compiler " -DMICROPLAN_CMSIS_NN=1")
    endif()
    list(APPEND options --compiler "${compiler}")
  endif()
  # The names of the files must be known before the command runs, so they are told to it. It refuses a name that C++ does.
  if(NOT arg_NAME)
    get_filename_component(arg_NAME "${arg_MODEL}" NAME_WLE)
    string(REGEX REPLACE "[^0-9A-Za-z]+" "_" arg_NAME "${arg_NAME}")
    string(REGEX REPLACE "^_|_$" "" arg_NAME "${arg_NAME}")
  endif()
  get_filename_component(model "${arg_MODEL}" ABSOLUTE)
  # A folder for each target, because two may embed one model in different forms.
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${arg_TARGET}.microplan")
  set(files "${folder}/${arg_NAME}.h" "${folder}/${arg_NAME}.cpp")
  add_custom_command(
    OUTPUT ${files}
    COMMAND "${MICROPLAN_COMMAND}" embed "${model}" ${options} --name "${arg_NAME}" --out "${folder}"
    # The command leaves files alone that would not change; without a new time they would stay out of date.
    COMMAND "${CMAKE_COMMAND}" -E touch ${files}
    DEPENDS "${model}" "${MICROPLAN_COMMAND}"
    COMMENT "Embedding ${arg_MODEL}"
    VERBATIM)
  target_sources("${arg_TARGET}" PRIVATE ${files})
  target_include_directories("${arg_TARGET}" PRIVATE "${folder}")
  target_link_libraries("${arg_TARGET}" PRIVATE microplan::microplan)
endfunction()
