// Fuzz targets of what comes from outside before any signature is checked. Each
// takes any bytes and must neither crash nor accept what it then cannot name.
#ifndef YIZHAN_TESTS_FUZZ_FUZZ_TARGETS_H_
#define YIZHAN_TESTS_FUZZ_FUZZ_TARGETS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// libFuzzer's entry; each fuzz_*.cc defines one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace yizhan::fuzz {

// Well-formed inputs from which mutations start. Each fuzz_*.cc defines it.
std::vector<std::string> Seeds();

}  // namespace yizhan::fuzz

#endif  // YIZHAN_TESTS_FUZZ_FUZZ_TARGETS_H_
