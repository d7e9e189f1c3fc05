# cmake -DROOT=the runtime's folder -DOUT=source_hash.cc -P source_hash.cmake
# The source hash: SHA-256 of the lines "<path in ROOT> <SHA-256 of the file>\n", sorted by path. The emitted stub
# holds the same files, so its runner says the same hash as the one that measured.
file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/*)
list(SORT files)
set(lines "")
foreach(file IN LISTS files)
  file(SHA256 ${ROOT}/${file} sum)
  string(APPEND lines "${file} ${sum}\n")
endforeach()
string(SHA256 RT_SOURCE_HASH "${lines}")
if(OUT)
  file(CONFIGURE OUTPUT ${OUT} @ONLY CONTENT [[// Made by source_hash.cmake from every file of the runtime.
extern "C" __attribute__((visibility("default"))) const char* fastc_rt_source_hash(void);
extern "C" const char* fastc_rt_source_hash(void) { return "@RT_SOURCE_HASH@"; }
]])
endif()
