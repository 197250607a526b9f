# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# gateway_module(<name> SOURCES <files> [USES <modules>] [LINK <libraries>])
# One static library per engine module; includes are written "module/file.h".
function(gateway_module name)
    cmake_parse_arguments(ARG "" "" "SOURCES;USES;LINK" ${ARGN})
    add_library(gateway_${name} STATIC ${ARG_SOURCES})
    add_library(gateway::${name} ALIAS gateway_${name})
    target_include_directories(gateway_${name} PUBLIC ${PROJECT_SOURCE_DIR}/gateway)
    target_link_libraries(gateway_${name} PRIVATE assistiv_warnings PUBLIC Qt6::Core ${ARG_LINK})
    foreach(used IN LISTS ARG_USES)
        target_link_libraries(gateway_${name} PUBLIC gateway::${used})
    endforeach()
endfunction()

# gateway_test(<name> SOURCES <files> LINK <libraries> [LABELS <labels>] [TIMEOUT <seconds>])
# A QtTest executable known to ctest under its own name.
function(gateway_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${name} PRIVATE assistiv_warnings Qt6::Test ${ARG_LINK})
    add_test(NAME ${name} COMMAND ${name})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
