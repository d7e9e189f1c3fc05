# fastc_torch: LibTorch's CPU half, out of the PyPI wheel that cmake/fetch-libtorch unpacks. Not through the wheel's own
# TorchConfig.cmake, which demands a CUDA toolkit. Looked for in this order:
#   -DFASTC_LIBTORCH=DIR   the folder cmake/fetch-libtorch made (it holds torch/ and nvidia/), or an unpacked LibTorch
#   -DTorch_DIR=DIR        a user's own LibTorch, as CMake names it (…/share/cmake/Torch); best effort
#   ${FASTC_CACHE:-~/.cache/fastc}/libtorch-2.15.0
set(FASTC_LIBTORCH_VERSION 2.15.0)
set(FASTC_LIBTORCH "" CACHE PATH "LibTorch: the folder that cmake/fetch-libtorch made, or one with lib/ and include/")

function(fastc_find_libtorch OUT)
  set(cache $ENV{FASTC_CACHE})
  if(NOT cache)
    set(cache $ENV{HOME}/.cache/fastc)
  endif()
  set(candidates)
  if(FASTC_LIBTORCH)
    list(APPEND candidates ${FASTC_LIBTORCH}/torch ${FASTC_LIBTORCH})
  elseif(Torch_DIR)
    list(APPEND candidates ${Torch_DIR}/../../..)
  else()
    list(APPEND candidates ${cache}/libtorch-${FASTC_LIBTORCH_VERSION}/torch)
  endif()
  foreach(dir IN LISTS candidates)
    if(EXISTS ${dir}/lib/libtorch_cpu.so AND EXISTS ${dir}/include/ATen/core/Tensor.h)
      get_filename_component(dir ${dir} REALPATH)
      set(${OUT} ${dir} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  list(JOIN candidates " nor in " places)
  message(FATAL_ERROR "LibTorch ${FASTC_LIBTORCH_VERSION} was not found in ${places}. Run cmake/fetch-libtorch "
    "(it downloads 0.55 GB once), or give -DFASTC_LIBTORCH=DIR.")
endfunction()

fastc_find_libtorch(torch_dir)
message(STATUS "LibTorch: ${torch_dir}")

foreach(lib torch_cpu c10)
  add_library(fastc_${lib} SHARED IMPORTED)
  set_target_properties(fastc_${lib} PROPERTIES IMPORTED_LOCATION ${torch_dir}/lib/lib${lib}.so)
endforeach()

add_library(fastc_torch INTERFACE)
# -idirafter: the wheel carries a newer fmt of its own under include/fmt, which must not hide the fmt that we link.
target_compile_options(fastc_torch INTERFACE "SHELL:-idirafter ${torch_dir}/include"
  "SHELL:-idirafter ${torch_dir}/include/torch/csrc/api/include")
target_compile_definitions(fastc_torch INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
target_link_libraries(fastc_torch INTERFACE fastc_torch_cpu fastc_c10)
# libtorch_cpu needs libcupti and libcudart (empty shells without a GPU); it finds them at run time through its own
# RPATH.
set(cuda_libs ${torch_dir}/../nvidia/cu13/lib)
if(EXISTS ${cuda_libs})
  get_filename_component(cuda_libs ${cuda_libs} REALPATH)
  target_link_options(fastc_torch INTERFACE -Wl,-rpath-link,${cuda_libs})
endif()
