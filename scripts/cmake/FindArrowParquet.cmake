# Finds Apache Arrow and Parquet for C++: in CMAKE_PREFIX_PATH, else in the pyarrow wheel that scripts/setup put into
# .venv, whose libraries are imported as they are.
file(GLOB _wheels ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/pyarrow)
find_path(ArrowParquet_INCLUDE_DIR parquet/arrow/reader.h HINTS ${_wheels} PATH_SUFFIXES include)
# The wheel's libraries have their version alone for a suffix.
foreach(_name arrow parquet)
  file(GLOB _versioned ${ArrowParquet_INCLUDE_DIR}/../lib${_name}.so.*)
  get_filename_component(_wanted "${_versioned}" NAME)
  find_library(ArrowParquet_${_name} NAMES ${_name} ${_wanted} HINTS ${_wheels})
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ArrowParquet
  REQUIRED_VARS ArrowParquet_INCLUDE_DIR ArrowParquet_arrow ArrowParquet_parquet
  REASON_FAILURE_MESSAGE "Parquet and Arrow files will not be read: run scripts/setup for that")

if(ArrowParquet_FOUND AND NOT TARGET ArrowParquet::ArrowParquet)
  get_filename_component(ArrowParquet_LIBRARY_DIR ${ArrowParquet_arrow} DIRECTORY)
  add_library(ArrowParquet::ArrowParquet INTERFACE IMPORTED)
  target_include_directories(ArrowParquet::ArrowParquet SYSTEM INTERFACE ${ArrowParquet_INCLUDE_DIR})
  target_link_libraries(ArrowParquet::ArrowParquet INTERFACE ${ArrowParquet_parquet} ${ArrowParquet_arrow})
endif()
