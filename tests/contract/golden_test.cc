// What released versions wrote must be read for years, and what this version
// writes must be what they read. The files in golden/ are frozen: a test that
// fails here has found a change of the format, which needs a new format version
// beside the old one, not new golden bytes.
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/suite.h"
#include "gtest/gtest.h"
#include "protos/contract/control.h"
#include "protos/contract/directory.h"
#include "protos/contract/envelope.h"
#include "protos/contract/seal.h"
#include "tests/contract/golden_inputs.h"
#include "yizhan/v1/error.pb.h"
#include "yizhan/v1/linktest.pb.h"
#include "yizhan/v1/payload.pb.h"

namespace yizhan::contract {
namespace {

std::string ReadGolden(const std::string& name) {
  std::ifstream in(absl::StrCat(YIZHAN_SOURCE_DIR, "/tests/contract/golden/", name),
                   std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// "name hex" a line.
std::map<std::string, std::string> ReadBytes(const std::string& file) {
  std::map<std::string, std::string> out;
  for (absl::string_view line : absl::StrSplit(ReadGolden(file), '\n', absl::SkipEmpty())) {
    if (line[0] == '#') continue;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    out[std::string(parts.first)] = absl::HexStringToBytes(parts.second);
  }
  return out;
}

const std::map<std::string, std::string>& Frozen() {
  static const auto* const bytes = new auto(ReadBytes("bytes_v1.txt"));
  return *bytes;
}

GoldenKeys Keys() {
  return {Frozen().at("spki_authority"), Frozen().at("spki_broker"), Frozen().at("spki_sign"),
          Frozen().at("spki_seal")};
}

KeyOwner SigningKeyOf32() {
  KeyOwner owner;
  owner.province = ProvinceCode(32);
  owner.spki_der = Frozen().at("spki_sign");
  return owner;
}

SignatureChecker NewChecker() {
  return SignatureChecker(platform::SmSuite().hasher, platform::SmSuite().verifier);
}

TEST(Golden, EveryByteThatThisBuildMakes_IsTheFrozenOne) {
  const std::map<std::string, std::string> made = MakeBytes(Keys());
  EXPECT_GE(made.size(), 22u);
  for (const auto& [name, bytes] : made) {
    ASSERT_TRUE(Frozen().contains(name)) << name;
    EXPECT_EQ(absl::BytesToHexString(bytes), absl::BytesToHexString(Frozen().at(name))) << name;
  }
}

TEST(Golden, FrozenSm2Signature_VerifiesAndAnAlteredOneDoesNot) {
  for (const char* name : {"signature_alone", "signature_in_batch"}) {
    v1::Signature signature;
    ASSERT_TRUE(signature.ParseFromString(Frozen().at(name)));
    const absl::string_view record = Frozen().at("control");
    SignatureChecker checker = NewChecker();
    const auto check = [&](const v1::Signature& s) {
      return checker.Check(SigningKeyOf32(), s, kControlType, absl::MakeConstSpan(&record, 1)).ok();
    };
    EXPECT_TRUE(check(signature)) << name;
    v1::Signature altered = signature;
    altered.mutable_root_signature()->back() ^= 1;
    EXPECT_FALSE(check(altered)) << name;
    altered = signature;
    altered.set_leaf_count(signature.leaf_count() + 1);
    EXPECT_FALSE(check(altered)) << name;
  }
}

TEST(Golden, FrozenSealedMessage_OpensWithItsTestKey) {
  v1::Envelope envelope;
  ASSERT_TRUE(envelope.ParseFromString(Frozen().at("sealed_envelope")));
  const SecretBytes pem(ReadGolden("PUBLIC_TEST_KEY_seal.pem"));
  const auto unwrapper = platform::MakeUnwrapper(absl::MakeConstSpan(&pem, 1), "golden test key");
  ASSERT_TRUE(unwrapper.ok()) << unwrapper.status();
  const auto parsed = ParseEnvelope(*platform::SmSuite().hasher, envelope);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  Opener opener(platform::SmSuite(), unwrapper->get());
  const auto plaintext = opener.Open(envelope, *parsed);
  ASSERT_TRUE(plaintext.ok()) << plaintext.status();
  EXPECT_EQ(plaintext->SerializeAsString(), GoldenPlaintext().SerializeAsString());
  const absl::string_view parts[] = {envelope.header(), envelope.seal()};
  EXPECT_TRUE(
      NewChecker()
          .Check(SigningKeyOf32(), envelope.signature(), kEnvelopeType, absl::MakeConstSpan(parts))
          .ok());
}

TEST(Golden, FrozenDirectoryLog_ReplaysToItsHead) {
  DirectoryState state;
  SignatureChecker checker = NewChecker();
  const Hasher& hasher = *platform::SmSuite().hasher;
  const Digest pinned = hasher.Hash(absl::string_view(Frozen().at("genesis")));
  for (const char* name : {"signed_genesis", "signed_member"}) {
    v1::SignedEntry entry;
    ASSERT_TRUE(entry.ParseFromString(Frozen().at(name)));
    const absl::Status applied =
        state.Apply(hasher, checker, entry, pinned, absl::FromUnixMicros(kGoldenUnixUs));
    ASSERT_TRUE(applied.ok()) << applied;
  }
  EXPECT_EQ(state.head().digest(), Frozen().at("chain_digest_2"));
  EXPECT_TRUE(state.FindKey(platform::KeyIdOf(Keys().sign)).has_value());
}

// "message.field number type label" and "enum.NAME number" of what travels or is
// kept. Additions are free; what was released stays.
TEST(Golden, FrozenNamesAndNumbers_AreStillThere) {
  // The pool knows an enumerator by its name only once its file is built.
  for (const auto* message :
       {v1::Officer::descriptor(), v1::Control::descriptor(), v1::SignedEntry::descriptor(),
        v1::Envelope::descriptor(), v1::ErrorDetail::descriptor(), v1::LinkReport::descriptor(),
        v1::Payload::descriptor()}) {
    ASSERT_GT(message->field_count(), 0);
  }
  int lines = 0;
  for (absl::string_view line :
       absl::StrSplit(ReadGolden("schema_v1.txt"), '\n', absl::SkipEmpty())) {
    if (line[0] == '#') continue;
    ++lines;
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    const auto* pool = google::protobuf::DescriptorPool::generated_pool();
    if (words.size() == 2) {
      const auto* value = pool->FindEnumValueByName(words[0]);
      ASSERT_NE(value, nullptr) << line;
      EXPECT_EQ(absl::StrCat(value->number()), words[1]) << line;
      continue;
    }
    ASSERT_EQ(words.size(), 4u) << line;
    const auto* field = pool->FindFieldByName(words[0]);
    ASSERT_NE(field, nullptr) << line;
    EXPECT_EQ(absl::StrCat(field->number()), words[1]) << line;
    EXPECT_EQ(field->type_name(), words[2]) << line;
    EXPECT_EQ(field->is_repeated() ? "repeated" : "single", words[3]) << line;
  }
  EXPECT_GT(lines, 300);
}

}  // namespace
}  // namespace yizhan::contract
