// Directory entries, against an empty directory and one with a genesis.
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/directory.h"
#include "tests/contract/golden_inputs.h"
#include "tests/fuzz/fuzz_targets.h"

namespace yizhan::fuzz {
namespace {

using contract::DirectoryState;
using contract::SignatureChecker;

struct Lab {
  Lab() {
    const platform::Sm2Key authority = *platform::GenerateSm2Key();
    const platform::Sm2Key broker = *platform::GenerateSm2Key();
    const contract::GoldenKeys keys{authority.spki_der, broker.spki_der, authority.spki_der,
                                    broker.spki_der};
    const auto signer = *platform::MakeSigner(authority.private_pem, "fuzz authority");
    genesis = Sign(contract::GoldenGenesis(keys).SerializeAsString(), *signer);
    member = Sign(contract::GoldenMember(keys, genesis.entry()).SerializeAsString(), *signer);
  }
  static v1::SignedEntry Sign(const std::string& entry, const contract::Signer& signer) {
    v1::SignedEntry out;
    out.set_entry(entry);
    const absl::string_view bytes = out.entry();
    out.add_signatures()->set_role(v1::SIGNER_AUTHORITY);
    *out.mutable_signatures(0)->mutable_signature() =
        *contract::SignOne(signer, *platform::SmSuite().hasher, contract::kDirectoryEntryType,
                           absl::MakeConstSpan(&bytes, 1));
    return out;
  }
  v1::SignedEntry genesis;
  v1::SignedEntry member;
};

absl::Status Apply(DirectoryState& state, const v1::SignedEntry& entry) {
  SignatureChecker checker(platform::SmSuite().hasher, platform::SmSuite().verifier);
  return state.Apply(*platform::SmSuite().hasher, checker, entry, contract::Digest(),
                     absl::FromUnixMicros(contract::kGoldenUnixUs));
}

const Lab& TheLab() {
  static const Lab* const lab = new Lab;
  return *lab;
}

// After genesis alone.
const DirectoryState& Begun() {
  static const DirectoryState* const begun = [] {
    auto* state = new DirectoryState;
    if (!Apply(*state, TheLab().genesis).ok()) abort();
    return state;
  }();
  return *begun;
}

}  // namespace

std::vector<std::string> Seeds() {
  return {TheLab().genesis.SerializeAsString(), TheLab().member.SerializeAsString()};
}

}  // namespace yizhan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace yizhan::fuzz;  // NOLINT: the body of a target is its own scope
  yizhan::v1::SignedEntry entry;
  if (!entry.ParseFromArray(data, static_cast<int>(size))) return 0;
  DirectoryState empty;
  if (Apply(empty, entry).ok() != (empty.head().size() == 1)) abort();
  DirectoryState state = Begun();
  const std::string head = state.head().SerializeAsString();
  // The authority alone adds no member, whatever is done to the entry.
  if (Apply(state, entry).ok() || state.head().SerializeAsString() != head) abort();
  return 0;
}
