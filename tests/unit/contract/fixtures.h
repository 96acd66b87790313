// Valid messages and keys, from which a test departs in one point.
#ifndef YIZHAN_TESTS_UNIT_CONTRACT_FIXTURES_H_
#define YIZHAN_TESTS_UNIT_CONTRACT_FIXTURES_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "adapters/platform/crypto/key_files.h"
#include "protos/contract/crypto.h"
#include "protos/contract/envelope.h"
#include "protos/contract/signing.h"
#include "yizhan/v1/control.pb.h"
#include "yizhan/v1/directory.pb.h"
#include "yizhan/v1/envelope.pb.h"

namespace yizhan::contract {

// 2026-03-02 09:00 in Shanghai.
absl::Time TestNow();
const Hasher& TestHasher();
std::string Fill(std::size_t count, char c);
// Name of the reason, "OK" for none: readable where a comparison fails.
std::string Reason(const absl::Status& status);

struct TestKey {
  platform::Sm2Key key;
  std::unique_ptr<Signer> signer;
  std::unique_ptr<Unwrapper> unwrapper;
};
TestKey MakeTestKey();
v1::PublicKey PublicKeyOf(const TestKey& key, v1::KeyUse use);
KeyOwner OwnerOf(const TestKey& key, std::uint32_t province);

// From 32 to 34, BUSINESS lane, sequence 1.
v1::Header ValidHeader();
v1::Seal ValidSeal();
// With a body that the seal's digest names; not signed.
v1::Envelope EnvelopeOf(const v1::Header& header, v1::Seal seal, absl::string_view body = "body");
v1::MessageRef ValidRef();

}  // namespace yizhan::contract

#endif  // YIZHAN_TESTS_UNIT_CONTRACT_FIXTURES_H_
