# SPDX-License-Identifier: Apache-2.0
# find_package(microplan): the library microplan::microplan and the function microplan_embed().
include("${CMAKE_CURRENT_LIST_DIR}/microplan-targets.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/microplan_embed.cmake")
