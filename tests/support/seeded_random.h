// Randomness that repeats: the same seed gives the same bytes on every machine.
#ifndef YIZHAN_TESTS_SUPPORT_SEEDED_RANDOM_H_
#define YIZHAN_TESTS_SUPPORT_SEEDED_RANDOM_H_

#include <cstdint>
#include <random>
#include <string>

#include "protos/contract/crypto.h"

namespace yizhan::platform {

// One thread.
class SeededRandom final : public contract::Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}

  std::string Bytes(std::size_t count) override {
    std::string bytes;
    bytes.reserve(count + 8);
    while (bytes.size() < count) {
      const std::uint64_t word = engine_();
      for (int shift = 0; shift < 64; shift += 8) {
        bytes.push_back(static_cast<char>(word >> shift & 0xff));
      }
    }
    bytes.resize(count);
    return bytes;
  }

 private:
  std::mt19937_64 engine_;  // its sequence is fixed by the standard
};

}  // namespace yizhan::platform

#endif  // YIZHAN_TESTS_SUPPORT_SEEDED_RANDOM_H_
