#include "protos/contract/signing.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "protos/contract/changing_signer.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"

namespace yizhan::contract {
namespace {

constexpr absl::string_view kPaeMagic = "YZPAE1 ";
constexpr absl::string_view kSuiteName = "SM";
constexpr absl::string_view kLeafPrefix("\x00", 1);
constexpr absl::string_view kNodePrefix("\x01", 1);
// DER of an SM2 signature has at most 72 bytes.
constexpr std::size_t kMaxRootSignatureBytes = 128;
// Of all remembered trees: some 10 MB.
constexpr std::size_t kMaxCachedNodes = std::size_t{1} << 17;

// The small texts of a PAE (magic, lengths, spaces) beside views of its parts,
// so that nothing large is copied to be hashed.
class PaePieces {
 public:
  PaePieces(absl::string_view prefix, absl::string_view type,
            absl::Span<const absl::string_view> parts) {
    Text(prefix);
    Text(kPaeMagic);
    Text(absl::AlphaNum(type.size()).Piece());
    Text(" ");
    Text(type);
    for (absl::string_view part : parts) {
      Text(" ");
      Text(absl::AlphaNum(part.size()).Piece());
      Text(" ");
      ends_.push_back(text_.size());
    }
    std::size_t begin = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      views_.emplace_back(text_.data() + begin, ends_[i] - begin);
      views_.push_back(parts[i]);
      begin = ends_[i];
    }
    if (parts.empty()) views_.emplace_back(text_.data(), text_.size());
  }
  PaePieces(const PaePieces&) = delete;
  PaePieces& operator=(const PaePieces&) = delete;

  absl::Span<const absl::string_view> views() const { return views_; }

 private:
  void Text(absl::string_view s) { text_.insert(text_.end(), s.begin(), s.end()); }

  absl::InlinedVector<char, 256> text_;
  absl::InlinedVector<std::size_t, 8> ends_;
  absl::InlinedVector<absl::string_view, 16> views_;
};

Digest NodeDigest(const Hasher& hasher, absl::string_view left, absl::string_view right) {
  const std::array<absl::string_view, 3> parts = {kNodePrefix, left, right};
  return hasher.Hash(absl::MakeConstSpan(parts));
}

std::array<char, 8> BigEndian(std::uint64_t value) {
  std::array<char, 8> out;
  for (int i = 0; i < 8; ++i) out[i] = static_cast<char>(value >> (8 * (7 - i)));
  return out;
}

std::string BatchEncoding(std::uint64_t leaf_count, const Digest& root) {
  const std::array<char, 8> count = BigEndian(leaf_count);
  const std::array<absl::string_view, 3> parts = {
      kSuiteName, absl::string_view(count.data(), count.size()), root.view()};
  return Pae(kBatchType, absl::MakeConstSpan(parts));
}

// All levels of the tree, leaves first. An odd last node is promoted: with that,
// pairing upwards makes the same tree as RFC 6962's split at the largest power
// of two below n.
std::vector<std::vector<Digest>> TreeLevels(const Hasher& hasher, absl::Span<const Digest> leaves) {
  std::vector<std::vector<Digest>> levels;
  levels.emplace_back(leaves.begin(), leaves.end());
  while (levels.back().size() > 1) {
    const std::vector<Digest>& below = levels.back();
    std::vector<Digest> level;
    level.reserve((below.size() + 1) / 2);
    for (std::size_t i = 0; i + 1 < below.size(); i += 2) {
      level.push_back(NodeDigest(hasher, below[i].view(), below[i + 1].view()));
    }
    if (below.size() % 2 == 1) level.push_back(below.back());
    levels.push_back(std::move(level));
  }
  return levels;
}

absl::Status Invalid(absl::string_view what) {
  return MakeError(v1::SIGNATURE_INVALID, v1::SIDE_MINE, absl::StrCat("signature: ", what),
                   "Sign the bytes as they are sent, with a key that the directory has for "
                   "this signer.");
}

// What can be judged without hashing.
absl::Status CheckForm(const v1::Signature& signature) {
  if (signature.key_id().size() != KeyId::kSize) return Invalid("key_id must have 32 bytes");
  if (signature.root_signature().empty()) return Invalid("root_signature is empty");
  if (signature.root_signature().size() > kMaxRootSignatureBytes) {
    return Invalid("root_signature is longer than 128 bytes");
  }
  if (signature.leaf_count() == 0 || signature.leaf_count() > kMaxLeafCount) {
    return Invalid("leaf_count is outside 1 to 65536");
  }
  if (signature.leaf_index() >= signature.leaf_count()) {
    return Invalid("leaf_index is not below leaf_count");
  }
  if (static_cast<std::size_t>(signature.path_size()) > kMaxPathDepth) {
    return Invalid("path is deeper than 16");
  }
  for (const std::string& digest : signature.path()) {
    if (digest.size() != Digest::kSize) return Invalid("path holds a digest that is not 32 bytes");
  }
  return absl::OkStatus();
}

// The way from a leaf to the root: RFC 9162, 2.1.3.2, where `last` is the last
// place of the level.
class Ascent {
 public:
  explicit Ascent(const v1::Signature& signature)
      : at_{0, static_cast<std::uint32_t>(signature.leaf_index())},
        last_(static_cast<std::uint32_t>(signature.leaf_count() - 1)) {
    Promote();
  }
  bool HasSibling() const { return last_ != 0; }
  TreePlace at() const { return at_; }
  TreePlace sibling() const { return {at_.level, at_.place ^ 1}; }
  bool sibling_is_left() const { return at_.place % 2 == 1; }
  void Up() {
    Halve();
    Promote();
  }

 private:
  void Halve() {
    ++at_.level;
    at_.place /= 2;
    last_ /= 2;
  }
  void Promote() {
    while (last_ != 0 && at_.place == last_ && at_.place % 2 == 0) Halve();
  }
  TreePlace at_;
  std::uint32_t last_;
};

}  // namespace

std::string Pae(absl::string_view type, absl::Span<const absl::string_view> parts) {
  const PaePieces pieces({}, type, parts);
  std::size_t size = 0;
  for (absl::string_view view : pieces.views()) size += view.size();
  std::string out;
  out.reserve(size);
  for (absl::string_view view : pieces.views()) out.append(view.data(), view.size());
  return out;
}

Digest LeafDigest(const Hasher& hasher, absl::string_view type,
                  absl::Span<const absl::string_view> parts) {
  return hasher.Hash(PaePieces(kLeafPrefix, type, parts).views());
}

absl::StatusOr<std::vector<v1::Signature>> SignBatch(const Signer& given, const Hasher& hasher,
                                                     absl::Span<const Digest> leaves) {
  const auto* const changing = dynamic_cast<const ChangingSigner*>(&given);
  const std::shared_ptr<const Signer> present = changing == nullptr ? nullptr : changing->Current();
  const Signer& signer = present == nullptr ? given : *present;
  if (leaves.empty() || leaves.size() > kMaxLeafCount) {
    return absl::InvalidArgumentError(absl::StrCat("a batch signature covers 1 to ", kMaxLeafCount,
                                                   " leaves, not ", leaves.size()));
  }
  const std::vector<std::vector<Digest>> levels = TreeLevels(hasher, leaves);
  const absl::StatusOr<std::string> root_signature =
      signer.Sign(BatchEncoding(leaves.size(), levels.back().front()));
  if (!root_signature.ok()) return root_signature.status();

  const KeyId key_id = signer.key_id();

  std::vector<v1::Signature> out(leaves.size());
  for (std::size_t leaf = 0; leaf < leaves.size(); ++leaf) {
    v1::Signature& signature = out[leaf];
    signature.set_key_id(key_id.str());
    signature.set_root_signature(*root_signature);
    signature.set_leaf_index(leaf);
    signature.set_leaf_count(leaves.size());
    std::size_t place = leaf;
    for (const std::vector<Digest>& level : levels) {
      const std::size_t sibling = place ^ 1;
      if (sibling < level.size()) signature.add_path(level[sibling].str());
      place /= 2;
    }
  }
  return out;
}

absl::StatusOr<v1::Signature> SignOne(const Signer& signer, const Hasher& hasher,
                                      absl::string_view type,
                                      absl::Span<const absl::string_view> parts) {
  const Digest leaf = LeafDigest(hasher, type, parts);
  absl::StatusOr<std::vector<v1::Signature>> batch =
      SignBatch(signer, hasher, absl::MakeConstSpan(&leaf, 1));
  if (!batch.ok()) return batch.status();
  return std::move(batch->front());
}

SignatureChecker::SignatureChecker(const Hasher* hasher, const Verifier* verifier,
                                   std::size_t cached_batches)
    : hasher_(hasher),
      verifier_(verifier),
      batches_(std::max<std::size_t>(cached_batches, 1), kMaxCachedNodes) {}

absl::Status SignatureChecker::Check(const KeyOwner& key, const v1::Signature& signature,
                                     absl::string_view type,
                                     absl::Span<const absl::string_view> parts) {
  if (absl::Status form = CheckForm(signature); !form.ok()) return form;
  if (!key.signs) return Invalid("made by a key that is not for signing, or is suspect");

  VerifiedTree* tree = batches_.Find(signature);
  absl::InlinedVector<std::pair<TreePlace, Digest>, 2 * kMaxPathDepth> seen;
  Digest node = LeafDigest(*hasher_, type, parts);
  Ascent ascent(signature);
  for (const std::string& sibling : signature.path()) {
    if (!ascent.HasSibling()) return Invalid("path is longer than the tree");
    if (tree != nullptr) {
      if (const auto known = tree->nodes.find(ascent.at()); known != tree->nodes.end()) {
        if (known->second != node) return Invalid("does not belong to its verified root");
        break;  // the rest of the path leads where an earlier one led
      }
    }
    seen.emplace_back(ascent.at(), node);
    seen.emplace_back(ascent.sibling(), *Digest::From(sibling));
    node = ascent.sibling_is_left() ? NodeDigest(*hasher_, sibling, node.view())
                                    : NodeDigest(*hasher_, node.view(), sibling);
    ascent.Up();
  }
  // Not hashed again, but no other path than the true one passes.
  const std::size_t hashed = seen.size() / 2;
  for (std::size_t step = hashed; step < static_cast<std::size_t>(signature.path_size()); ++step) {
    if (!ascent.HasSibling()) return Invalid("path is longer than the tree");
    const auto known = tree->nodes.find(ascent.sibling());
    if (known == tree->nodes.end() || known->second.view() != signature.path(step)) {
      return Invalid("path differs from that of its verified root");
    }
    ascent.Up();
    node = tree->root;
  }
  if (ascent.HasSibling()) return Invalid("path is shorter than the tree");

  if (tree == nullptr) {
    ++verifications_;
    const absl::Status verified = verifier_->Verify(
        key.spki_der, BatchEncoding(signature.leaf_count(), node), signature.root_signature());
    if (!verified.ok()) {
      return Invalid(absl::StrCat("does not verify with its registered key: ", verified.message()));
    }
    tree = &batches_.Add(signature, node);
  } else if (node != tree->root) {
    // One signature of one key is over one root.
    return Invalid("does not belong to its verified root");
  }
  for (const auto& [at, digest] : seen) batches_.AddNode(*tree, at, digest);
  return absl::OkStatus();
}

bool SignatureChecker::IsCached(const v1::Signature& signature) const {
  return CheckForm(signature).ok() && batches_.Has(signature);
}

void SignatureChecker::Purge() { batches_.Clear(); }

}  // namespace yizhan::contract
