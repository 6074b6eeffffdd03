# SPDX-License-Identifier: Apache-2.0
# microplan_embed(TARGET target MODEL file.tflite... [FORM compiled|interpreted] [NAME name]
#                 [FEATURES names] [PREFER balanced|speed|ram|flash] [BUDGET_RAM bytes] [BUDGET_FLASH bytes])
#
# Makes `target` compile the model as C++, find <name>.h, and link the library. The model is embedded again whenever it
# changes. Without NAME the name is the file's. Call it in the folder that makes the target.
#
# Several models share one arena: <name>.h has its size and includes their headers; without NAME the name is models. The
# build fails, and tells what to cut, when the models need more bytes than BUDGET_RAM or BUDGET_FLASH (20480 or 20K); the
# runtime's code and static variables come on top.
#
# Kernels are chosen for the core that CMAKE_CXX_COMPILER compiles for with CMAKE_CXX_FLAGS. FEATURES names the core's
# features instead (`microplan embed --help` lists them; `none`), for projects that pass -mcpu in another way. PREFER is what
# kernels are chosen by. The variables MICROPLAN_FEATURES and MICROPLAN_PREFER serve all models of a project.
function(microplan_embed)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "TARGET;FORM;NAME;FEATURES;PREFER;BUDGET_RAM;BUDGET_FLASH" "MODEL")
  # A list of models takes up whatever is no keyword.
  list(LENGTH arg_MODEL count)
  set(strangers "${arg_MODEL}")
  list(FILTER strangers EXCLUDE REGEX "\\.tflite$")
  if(NOT arg_TARGET OR NOT arg_MODEL OR arg_UNPARSED_ARGUMENTS OR (count GREATER 1 AND strangers))
    message(FATAL_ERROR "Use: microplan_embed(TARGET target MODEL file.tflite... [FORM compiled|interpreted] [NAME "
                        "name] [FEATURES names] [PREFER balanced|speed|ram|flash] [BUDGET_RAM bytes] "
                        "[BUDGET_FLASH bytes])")
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
  foreach(memory RAM FLASH)
    if(arg_BUDGET_${memory})
      string(TOLOWER ${memory} option)
      list(APPEND options --budget-${option} "${arg_BUDGET_${memory}}")
    endif()
  endforeach()
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
  set(models "")
  set(names "")
  foreach(file IN LISTS arg_MODEL)
    get_filename_component(model "${file}" ABSOLUTE)
    list(APPEND models "${model}")
    get_filename_component(name "${file}" NAME_WLE)
    string(REGEX REPLACE "[^0-9A-Za-z]+" "_" name "${name}")
    string(REGEX REPLACE "^_|_$" "" name "${name}")
    list(APPEND names "${name}")
  endforeach()
  if(count EQUAL 1)
    if(arg_NAME)
      set(names "${arg_NAME}")
    endif()
    set(option_name "${names}")
  else()
    if(NOT arg_NAME)
      set(arg_NAME models)
    endif()
    list(APPEND names "${arg_NAME}")
    set(option_name "${arg_NAME}")
  endif()
  # A folder for each target, because two may embed one model in different forms.
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${arg_TARGET}.microplan")
  set(files "")
  foreach(name IN LISTS names)
    list(APPEND files "${folder}/${name}.h" "${folder}/${name}.cpp")
  endforeach()
  add_custom_command(
    OUTPUT ${files}
    COMMAND "${MICROPLAN_COMMAND}" embed ${models} ${options} --name "${option_name}" --out "${folder}"
    # The command leaves files alone that would not change; without a new time they would stay out of date.
    COMMAND "${CMAKE_COMMAND}" -E touch_nocreate ${files}
    DEPENDS ${models} "${MICROPLAN_COMMAND}"
    COMMENT "Embedding ${arg_MODEL}"
    VERBATIM)
  target_sources("${arg_TARGET}" PRIVATE ${files})
  target_include_directories("${arg_TARGET}" PRIVATE "${folder}")
  target_link_libraries("${arg_TARGET}" PRIVATE microplan::microplan)
endfunction()
