# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
find_package(Qt6 6.4 REQUIRED COMPONENTS Gui Qml Quick)

# console_qml_module(<Name> [QML <files>] [SINGLETONS <files>] [SOURCES <files>] [USES <Names>] [LINK <libraries>])
# The QML module Assistiv.<Name> as a static library assistiv_<name> with the plugin assistiv_<name>plugin. In Qt 6.4 a
# static module is found only when it lies under the prefix that the engine imports from, when its output folder equals
# its URI, and when the program imports its plugin (app/console/console.cpp does).
function(console_qml_module name)
    cmake_parse_arguments(ARG "" "" "QML;SINGLETONS;SOURCES;USES;LINK" ${ARGN})
    string(TOLOWER ${name} lower)
    set(target assistiv_${lower})

    set_source_files_properties(${ARG_SINGLETONS} PROPERTIES QT_QML_SINGLETON_TYPE TRUE)
    # Files from sub-folders would be looked for under their folder's name.
    foreach(file IN LISTS ARG_QML ARG_SINGLETONS)
        get_filename_component(alias ${file} NAME)
        set_source_files_properties(${file} PROPERTIES QT_RESOURCE_ALIAS ${alias})
    endforeach()
    set(imports ${ARG_USES})
    list(TRANSFORM imports PREPEND "Assistiv.")
    # Debug builds interpret the QML: quicker to build, and a change needs no compiler.
    set(options)
    if(CMAKE_BUILD_TYPE STREQUAL "Debug")
        set(options NO_CACHEGEN)
    endif()

    qt_add_qml_module(${target} STATIC
        URI Assistiv.${name}
        VERSION 1.0
        RESOURCE_PREFIX /qt/qml
        OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/qml/Assistiv/${name}
        DEPENDENCIES QtQuick
        IMPORT_PATH ${PROJECT_BINARY_DIR}/qml
        PLUGIN_TARGET ${target}plugin
        CLASS_NAME Assistiv_${name}Plugin
        QML_FILES ${ARG_QML} ${ARG_SINGLETONS}
        SOURCES ${ARG_SOURCES}
        ${options})
    target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/app)
    target_link_libraries(${target} PRIVATE assistiv_warnings)
    # What Qt generates from QML shadows its own parameters.
    get_target_property(generated ${target} SOURCES)
    list(FILTER generated INCLUDE REGEX "/qmlcache/")
    set_source_files_properties(${generated} PROPERTIES COMPILE_OPTIONS -Wno-shadow)
    target_link_libraries(${target} PUBLIC Qt6::Gui Qt6::Qml Qt6::Quick ${ARG_LINK})
    foreach(used IN LISTS ARG_USES)
        string(TOLOWER ${used} used_lower)
        target_link_libraries(${target} PRIVATE assistiv_${used_lower})
        # qmllint and the compiler read the type information that the other module writes while it is built.
        add_dependencies(${target} assistiv_${used_lower})
    endforeach()
endfunction()
