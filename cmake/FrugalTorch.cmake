# LibTorch from the PyPI wheel, as imported targets. `find_package(Torch)` of the wheel insists on a CUDA
# toolkit because the wheel is a CUDA build; the libraries themselves need none, so they are imported directly.
#   frugal::torch        libtorch_cpu + libc10: compiles and runs without any CUDA header
#   frugal::torch_cuda   adds libtorch_cuda + libc10_cuda and the toolkit's runtime headers
set(FRUGAL_HAS_CUDA OFF)
if(NOT FRUGAL_TORCH)
  return()
endif()

file(GLOB _torch_roots "${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
list(GET _torch_roots 0 _torch_default)
set(FRUGAL_TORCH_ROOT "${_torch_default}" CACHE PATH "Folder of the torch wheel (holds include/ and lib/)")
if(NOT EXISTS "${FRUGAL_TORCH_ROOT}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "LibTorch not found in FRUGAL_TORCH_ROOT='${FRUGAL_TORCH_ROOT}': run scripts/setup, or set -DFRUGAL_TORCH_ROOT=<folder of the torch wheel>, or configure with -DFRUGAL_TORCH=OFF")
endif()
file(STRINGS "${FRUGAL_TORCH_ROOT}/version.py" _torch_version_line REGEX "^__version__")
string(REGEX MATCH "[0-9][^'\"]*" FRUGAL_TORCH_VERSION "${_torch_version_line}")

add_library(frugal_c10 SHARED IMPORTED)
set_target_properties(frugal_c10 PROPERTIES IMPORTED_LOCATION "${FRUGAL_TORCH_ROOT}/lib/libc10.so")
add_library(frugal_torch_iface INTERFACE)
add_library(frugal::torch ALIAS frugal_torch_iface)
target_include_directories(frugal_torch_iface SYSTEM INTERFACE
  "${FRUGAL_TORCH_ROOT}/include" "${FRUGAL_TORCH_ROOT}/include/torch/csrc/api/include")
# Linked first and directly: a BLAS that OpenCV drags in would otherwise replace LibTorch's own without a word.
target_link_libraries(frugal_torch_iface INTERFACE
  "-Wl,--push-state,--no-as-needed,${FRUGAL_TORCH_ROOT}/lib/libtorch_cpu.so,--pop-state" frugal_c10)
get_filename_component(_site "${FRUGAL_TORCH_ROOT}" DIRECTORY)
target_link_options(frugal_torch_iface INTERFACE
  "-Wl,-rpath-link,${_site}/nvidia/cu13/lib" "-Wl,--allow-shlib-undefined")

add_library(frugal_pch STATIC cmake/torch_pch.cpp)
target_link_libraries(frugal_pch PUBLIC frugal_torch_iface)
_frugal_common(frugal_pch)
target_precompile_headers(frugal_pch PRIVATE cmake/torch_pch.h)

if(NOT FRUGAL_CUDA STREQUAL "OFF")
  find_package(CUDAToolkit 12.6 QUIET)
  if(CUDAToolkit_FOUND)
    set(FRUGAL_HAS_CUDA ON)
  elseif(FRUGAL_CUDA STREQUAL "ON")
    message(FATAL_ERROR "FRUGAL_CUDA=ON, but no CUDA toolkit >= 12.6 was found: put nvcc on PATH or set CUDAToolkit_ROOT")
  endif()
endif()
if(FRUGAL_HAS_CUDA)
  set(CMAKE_CUDA_COMPILER "${CUDAToolkit_NVCC_EXECUTABLE}")
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES "80-real;86-real;89-real;90a-real;90-virtual" CACHE STRING "")
  endif()
  enable_language(CUDA)
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
  add_library(frugal_c10_cuda SHARED IMPORTED)
  set_target_properties(frugal_c10_cuda PROPERTIES IMPORTED_LOCATION "${FRUGAL_TORCH_ROOT}/lib/libc10_cuda.so")
  add_library(frugal_torch_cuda_iface INTERFACE)
  add_library(frugal::torch_cuda ALIAS frugal_torch_cuda_iface)
  target_include_directories(frugal_torch_cuda_iface SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
  # Nothing of ours names a symbol of libtorch_cuda, which registers itself when it is loaded. One item, since CMake puts
  # equal flags (--as-needed) of several libraries together and so moves them off the library that they belong to.
  target_link_libraries(frugal_torch_cuda_iface INTERFACE
    "-Wl,--push-state,--no-as-needed,${FRUGAL_TORCH_ROOT}/lib/libtorch_cuda.so,--pop-state"
    frugal_c10_cuda frugal_torch_iface)
  # The wheel's NCCL is linked by libtorch_cuda; its header comes with it.
  find_path(FRUGAL_NCCL_INCLUDE_DIR nccl.h HINTS "${_site}/nvidia/nccl/include" ${CUDAToolkit_INCLUDE_DIRS} REQUIRED)
endif()
message(STATUS "LibTorch ${FRUGAL_TORCH_VERSION} in ${FRUGAL_TORCH_ROOT}; CUDA worker: ${FRUGAL_HAS_CUDA}")
