# Made by polyarch for {target}. CMake reads it through CMAKE_TOOLCHAIN_FILE.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR {machine})
set(CMAKE_LIBRARY_ARCHITECTURE {triple})

set(CMAKE_C_COMPILER "{bin}/{triple}-cc")
set(CMAKE_CXX_COMPILER "{bin}/{triple}-c++")
set(CMAKE_ASM_COMPILER "{bin}/{triple}-cc")
set(CMAKE_AR "{bin}/{triple}-ar" CACHE FILEPATH "Archiver")
set(CMAKE_C_COMPILER_AR "{bin}/{triple}-ar" CACHE FILEPATH "Archiver")
set(CMAKE_CXX_COMPILER_AR "{bin}/{triple}-ar" CACHE FILEPATH "Archiver")
set(CMAKE_RANLIB "{bin}/{triple}-ranlib" CACHE FILEPATH "Archive index")
set(CMAKE_C_COMPILER_RANLIB "{bin}/{triple}-ranlib" CACHE FILEPATH "Archive index")
set(CMAKE_CXX_COMPILER_RANLIB "{bin}/{triple}-ranlib" CACHE FILEPATH "Archive index")
set(CMAKE_STRIP "{bin}/{triple}-strip" CACHE FILEPATH "Strip")
set(CMAKE_NM "{bin}/{triple}-nm" CACHE FILEPATH "Symbols")
set(CMAKE_OBJCOPY "{bin}/{triple}-objcopy" CACHE FILEPATH "Copy objects")
set(CMAKE_OBJDUMP "{bin}/{triple}-objdump" CACHE FILEPATH "Show objects")
set(CMAKE_READELF "{bin}/{triple}-readelf" CACHE FILEPATH "Show ELF files")

# There is no scanner for C++20 modules; without this, newer projects ask for one whether they have
# modules or not.
if(NOT DEFINED CMAKE_CXX_SCAN_FOR_MODULES)
  set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
endif()

# Programs are the host's; headers, libraries and packages are the target's alone.
list(APPEND CMAKE_FIND_ROOT_PATH "{sysroot}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} "{pkgconfig}")
set(ENV{PKG_CONFIG_PATH} "")
