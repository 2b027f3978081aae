# Finds LibTorch: the user's own through CMAKE_PREFIX_PATH, else the wheel that scripts/setup put
# into .venv. The libraries are imported as they are, so that a CUDA build needs no CUDA toolkit.
file(GLOB _wheels ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
find_path(LibTorch_INCLUDE_DIR ATen/ATen.h HINTS ${_wheels} PATH_SUFFIXES include
          torch/include)
find_library(LibTorch_CPU torch_cpu HINTS ${_wheels} PATH_SUFFIXES lib torch/lib)
find_library(LibTorch_C10 c10 HINTS ${_wheels} PATH_SUFFIXES lib torch/lib)
find_library(LibTorch_CUDA torch_cuda HINTS ${_wheels} PATH_SUFFIXES lib torch/lib)
find_library(LibTorch_C10_CUDA c10_cuda HINTS ${_wheels} PATH_SUFFIXES lib torch/lib)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_INCLUDE_DIR LibTorch_CPU LibTorch_C10
  REASON_FAILURE_MESSAGE "run scripts/setup, or set CMAKE_PREFIX_PATH to your LibTorch")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  get_filename_component(LibTorch_LIBRARY_DIR ${LibTorch_CPU} DIRECTORY)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  # -idirafter: LibTorch carries its own fmt, which must not shadow the system's.
  target_compile_options(LibTorch::LibTorch INTERFACE
    "SHELL:-idirafter ${CMAKE_CURRENT_LIST_DIR}/lean"
    "SHELL:-idirafter ${LibTorch_INCLUDE_DIR}"
    "SHELL:-idirafter ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
  target_link_libraries(LibTorch::LibTorch INTERFACE ${LibTorch_CPU} ${LibTorch_C10})
  if(LibTorch_CUDA AND LibTorch_C10_CUDA)
    target_compile_definitions(LibTorch::LibTorch INTERFACE HFT_CUDA)
    # Nothing of ours names a symbol of torch_cuda; it registers its operators when loaded.
    target_link_libraries(LibTorch::LibTorch INTERFACE -Wl,--no-as-needed ${LibTorch_CUDA}
                          ${LibTorch_C10_CUDA} -Wl,--as-needed)
  endif()
endif()
