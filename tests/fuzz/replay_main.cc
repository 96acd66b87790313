// Runs a fuzz target without a fuzzer: its seeds, the files named on the command
// line, and a bounded number of seeded mutations, the same in every run. With
// clang's -fsanitize=fuzzer this file is left out.
#include <cstdio>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/fuzz/fuzz_targets.h"

namespace {

constexpr int kMutationsPerSeed = 4000;

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string Mutated(std::string input, std::mt19937_64& random) {
  const int steps = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < steps; ++i) {
    const std::size_t place = input.empty() ? 0 : random() % input.size();
    switch (random() % 5) {
      case 0:
        if (!input.empty()) input[place] = static_cast<char>(input[place] ^ (1 << random() % 8));
        break;
      case 1:
        if (!input.empty()) input[place] = static_cast<char>(random());
        break;
      case 2:
        input.insert(place, 1 + random() % 8, static_cast<char>(random()));
        break;
      case 3:
        input.erase(place, 1 + random() % 16);
        break;
      default:
        input.resize(place);
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  long runs = 0;
  for (int i = 1; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    std::stringstream bytes;
    bytes << in.rdbuf();
    Run(bytes.str());
    ++runs;
  }
  std::mt19937_64 random(20160701);
  for (const std::string& seed : yizhan::fuzz::Seeds()) {
    Run(seed);
    for (int i = 0; i < kMutationsPerSeed; ++i) Run(Mutated(seed, random));
    runs += 1 + kMutationsPerSeed;
  }
  std::printf("%ld inputs, no crash\n", runs);
  return runs > kMutationsPerSeed ? 0 : 1;
}
