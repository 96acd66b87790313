// The fixed inputs of the golden bytes, and the bytes that this build makes of
// them. Nothing here is random or asks a clock.
#ifndef YIZHAN_TESTS_CONTRACT_GOLDEN_INPUTS_H_
#define YIZHAN_TESTS_CONTRACT_GOLDEN_INPUTS_H_

#include <map>
#include <string>
#include <vector>

#include "protos/contract/crypto.h"
#include "yizhan/v1/control.pb.h"
#include "yizhan/v1/directory.pb.h"
#include "yizhan/v1/envelope.pb.h"

namespace yizhan::contract {

// 2026-03-02T01:00:00Z.
inline constexpr std::int64_t kGoldenUnixUs = 1772413200000000;

v1::Plaintext GoldenPlaintext();
v1::Header GoldenHeader();
v1::Control GoldenDelivery();
// Genesis, then member 32; keys by their SubjectPublicKeyInfo.
struct GoldenKeys {
  std::string authority, broker, sign, seal;
};
v1::DirectoryEntry GoldenGenesis(const GoldenKeys& keys);
v1::DirectoryEntry GoldenMember(const GoldenKeys& keys, const std::string& genesis_entry);

// What this build makes, by name.
std::map<std::string, std::string> MakeBytes(const GoldenKeys& keys);

}  // namespace yizhan::contract

#endif  // YIZHAN_TESTS_CONTRACT_GOLDEN_INPUTS_H_
