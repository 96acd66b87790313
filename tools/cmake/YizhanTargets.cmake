# Functions by which every folder declares its one library and its tests.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(yizhan_options INTERFACE)
target_include_directories(yizhan_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(yizhan_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(yizhan_options INTERFACE -Wthread-safety)
endif()

# Sanitizers go to every target, generated code included.
if(YIZHAN_SANITIZE STREQUAL "address-undefined")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(YIZHAN_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread
    "SHELL:-include ${CMAKE_SOURCE_DIR}/tools/cmake/tsan_prefix.h")
  add_link_options(-fsanitize=thread)
endif()

# yizhan_library(broker_store SRCS a.cc HDRS a.h DEPS yizhan::protos [PRIVATE_DEPS ...])
# makes target yizhan_broker_store, alias yizhan::broker_store.
function(yizhan_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;HDRS;DEPS;PRIVATE_DEPS" ${ARGN})
  if(ARG_SRCS)
    add_library(yizhan_${name} STATIC ${ARG_SRCS} ${ARG_HDRS})
    target_link_libraries(yizhan_${name} PUBLIC ${ARG_DEPS} PRIVATE yizhan_options ${ARG_PRIVATE_DEPS})
    target_include_directories(yizhan_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  else()
    add_library(yizhan_${name} INTERFACE)
    target_sources(yizhan_${name} PRIVATE ${ARG_HDRS})
    target_link_libraries(yizhan_${name} INTERFACE ${ARG_DEPS})
    target_include_directories(yizhan_${name} INTERFACE ${CMAKE_SOURCE_DIR})
  endif()
  add_library(yizhan::${name} ALIAS yizhan_${name})
endfunction()

# yizhan_binary(yizhan-broker SRCS main.cc DEPS ...)
function(yizhan_binary name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE yizhan_options ${ARG_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# yizhan_server(yizhan-broker SRCS ... DEPS ...): a binary that runs for months and
# allocates all the time. jemalloc spends a quarter less processor time on a message
# than glibc's allocator, and gives memory back. Sanitizers bring their own.
if(NOT YIZHAN_SANITIZE)
  find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
endif()
function(yizhan_server name)
  yizhan_binary(${name} ${ARGN})
  if(JEMALLOC_LIBRARY)
    target_link_libraries(${name} PRIVATE ${JEMALLOC_LIBRARY})
  endif()
endfunction()

# Builds the tests with the label tsan.
add_custom_target(tsan_tests)

# yizhan_test(contract_seal_test SRCS seal_test.cc DEPS ... [LABELS unit] [TIMEOUT s])
function(yizhan_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE yizhan_options ${ARG_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    YIZHAN_SOURCE_DIR="${CMAKE_SOURCE_DIR}" YIZHAN_BINARY_DIR="${CMAKE_BINARY_DIR}/bin")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(tsan IN_LIST ARG_LABELS)
    add_dependencies(tsan_tests ${name})
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
