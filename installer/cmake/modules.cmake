# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# Unity is for the engine's modules only: tests include their own moc output, and Qt generates the sources of QML modules.
option(ASSISTIV_UNITY "Compile each engine module as one source file (fast full builds)" OFF)

# The program is found at the top of every build folder, too: build/<preset>/assistiv-gateway.
file(CREATE_LINK bin/assistiv-gateway ${CMAKE_BINARY_DIR}/assistiv-gateway SYMBOLIC)

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
    if(ASSISTIV_UNITY)
        # One compiler call per module, whatever its size: a name that two files of a module both use in an anonymous
        # namespace is then found at once and not when the batches happen to fall differently.
        set_target_properties(gateway_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
    endif()
endfunction()

# gateway_test(<name> SOURCES <files> LINK <libraries> [LABELS <labels>] [TIMEOUT <seconds>] [DATABASES both|postgresql])
# A QtTest executable known to ctest under its own name. DATABASES: it is run (also) as <name>.postgresql, with the URL of a
# PostgreSQL server in ASSISTIV_TEST_POSTGRES.
function(gateway_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT;DATABASES" "SOURCES;LINK;LABELS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${name} PRIVATE assistiv_warnings Qt6::Test ${ARG_LINK})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    if(NOT ARG_DATABASES STREQUAL postgresql)
        add_test(NAME ${name} COMMAND ${name})
        set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
    endif()
    find_package(Python3 3.11 COMPONENTS Interpreter QUIET)
    if(ARG_DATABASES AND Python3_FOUND)
        add_test(NAME ${name}.postgresql
            COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/tests/e2e/pgcluster.py run
                    --url-file ${PROJECT_BINARY_DIR}/tests/e2e/postgres.url -- $<TARGET_FILE:${name}>)
        set_tests_properties(${name}.postgresql PROPERTIES
            TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}" SKIP_RETURN_CODE 77 FIXTURES_REQUIRED postgres)
    endif()
endfunction()
