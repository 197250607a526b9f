# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# Icons and fonts of the console, linked with the target assistiv_console.
set(icon_folder ${PROJECT_SOURCE_DIR}/resources/icons)
file(GLOB icons CONFIGURE_DEPENDS ${icon_folder}/*.svg)

# Inter and JetBrains Mono come from Debian's packages, with their licence texts, so that pictures and users do not depend
# on installed fonts.
set(font_folder ${PROJECT_BINARY_DIR}/fonts)
set(inter /usr/share/fonts/opentype/inter)
set(jetbrains /usr/share/fonts/truetype/jetbrains-mono)
set(fonts)
foreach(font
        ${inter}/Inter-Regular.otf ${inter}/Inter-Medium.otf ${inter}/Inter-SemiBold.otf
        ${jetbrains}/JetBrainsMono-Regular.ttf ${jetbrains}/JetBrainsMono-Medium.ttf)
    get_filename_component(name ${font} NAME)
    if(EXISTS ${font})
        configure_file(${font} ${font_folder}/${name} COPYONLY)
        list(APPEND fonts ${font_folder}/${name})
    else()
        message(STATUS "Font ${name} is not installed (fonts-inter, fonts-jetbrains-mono): the system's fonts are used")
    endif()
endforeach()
foreach(package fonts-inter fonts-jetbrains-mono)
    if(EXISTS /usr/share/doc/${package}/copyright)
        configure_file(/usr/share/doc/${package}/copyright ${font_folder}/${package}.txt COPYONLY)
        list(APPEND fonts ${font_folder}/${package}.txt)
    endif()
endforeach()

qt_add_resources(assistiv_console console_icons PREFIX /icons BASE ${icon_folder} FILES ${icons})
if(fonts)
    qt_add_resources(assistiv_console console_fonts PREFIX /fonts BASE ${font_folder} FILES ${fonts})
endif()

# English needs a translation too, for its plurals. Renew it with: lupdate -pluralonly -locations none app/models app/console
# qml -ts resources/i18n/console_en.ts
find_package(Qt6 6.4 QUIET COMPONENTS LinguistTools)
if(TARGET Qt6::lrelease)
    set(translations ${PROJECT_SOURCE_DIR}/resources/i18n/console_en.ts)
    set_source_files_properties(${translations} PROPERTIES OUTPUT_LOCATION ${PROJECT_BINARY_DIR}/i18n)
    qt_add_lrelease(assistiv_console TS_FILES ${translations} QM_FILES_OUTPUT_VARIABLE compiled_translations)
    qt_add_resources(assistiv_console console_i18n PREFIX /i18n BASE ${PROJECT_BINARY_DIR}/i18n FILES ${compiled_translations})
else()
    message(STATUS "Qt's LinguistTools are not installed: plurals are shown as \"call(s)\"")
endif()
