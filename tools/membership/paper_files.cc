#include "tools/membership/paper_files.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/private_files.h"
#include "adapters/platform/crypto/private_key_pem.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/errors.h"
#include "tools/membership/entry_building.h"
#include "tools/membership/member_changes.h"
#include "tools/yizhan/text.h"
#include "yizhan/v1/config.pb.h"

namespace yizhan::tools {
namespace {

constexpr std::size_t kMaxPaperBytes = std::size_t{1} << 20;

absl::Status Refuse(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

absl::StatusOr<contract::SecretBytes> PassphraseIn(const std::string& path) {
  if (path.empty()) return contract::SecretBytes();
  return platform::ReadSecretLine(path);
}

// An authority keeps it itself; in a lab it lies with the broker.
absl::Status ReadGenesis(const std::string& folder, Authority& authority) {
  std::string path = folder + "/genesis.bin";
  const std::string lab = folder + "/../broker/directory.bin";
  if (!Exists(path) && Exists(lab)) path = lab;
  const auto bytes = platform::ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  v1::DirectoryEntries entries;
  v1::DirectoryEntry first;
  if (!entries.ParseFromString(*bytes) || entries.entries().empty() ||
      !first.ParseFromString(entries.entries(0).entry()) || !first.has_genesis()) {
    return Refuse(absl::StrCat(path, " does not begin with the genesis of a network"),
                  "Name the folder that `yizhan authority init` made.");
  }
  authority.genesis = first.genesis();
  authority.genesis_digest =
      platform::SmSuite().hasher->Hash(absl::string_view(entries.entries(0).entry()));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::MemberPaper> ReadPaper(const std::string& path) {
  const auto bytes = platform::ReadFile(path, kMaxPaperBytes);
  if (!bytes.ok()) return bytes.status();
  v1::MemberPaper paper;
  if (paper.ParseFromString(*bytes) && (!paper.application().empty() || paper.has_entry())) {
    return paper;
  }
  return Refuse(absl::StrCat(path, " is not a member's paper, or not a whole one"),
                "Name the file that `yizhan member apply` or `yizhan key stage` wrote, copied as "
                "a whole.");
}

absl::Status WritePaper(const std::string& path, const v1::MemberPaper& paper) {
  return platform::WriteFileAtomically(path, paper.SerializeAsString());
}

absl::StatusOr<AuthorityFolder> OpenAuthority(const std::string& folder) {
  AuthorityFolder opened;
  if (absl::Status read = ReadGenesis(folder, opened.authority); !read.ok()) return read;
  const std::string passphrase_path = folder + "/ca.passphrase";
  const auto passphrase = PassphraseIn(Exists(passphrase_path) ? passphrase_path : "");
  if (!passphrase.ok()) return passphrase.status();
  auto certificate = platform::ReadFile(folder + "/ca.pem");
  if (!certificate.ok()) return certificate.status();
  auto key = platform::ReadPrivateKeyFile(folder + "/ca-key.pem", *passphrase);
  if (!key.ok()) return key.status();
  auto ca = platform::CertificateAuthority::Load({*std::move(certificate), *std::move(key)});
  if (!ca.ok()) return ca.status();
  opened.ca = *std::move(ca);
  opened.authority.ca = opened.ca.get();
  return opened;
}

void DeclareOfficerFlags(FlagSet& flags) {
  flags.AddText("authority", "DIR", "", "The authority's folder.");
  flags.AddText("officer-key", "FILE", "", "Your own signing key as an officer.");
  flags.AddText("passphrase-file", "FILE", "", "Opens it; only a lab's key lies plain.");
  flags.AddText("document", "NO", "", "Number of the authority's decision.");
}

absl::StatusOr<std::unique_ptr<contract::Signer>> OfficerOf(const FlagSet& flags) {
  const auto path = Needed(flags, "officer-key", "officer-1/sign.pem");
  if (!path.ok()) return path.status();
  const auto passphrase = PassphraseIn(flags.Text("passphrase-file"));
  if (!passphrase.ok()) return passphrase.status();
  return platform::LoadSigner(*path, *passphrase);
}

absl::StatusOr<std::string> Needed(const FlagSet& flags, absl::string_view flag,
                                   absl::string_view example) {
  if (!flags.Text(flag).empty()) return flags.Text(flag);
  return Refuse(absl::StrCat("--", flag, " is missing."),
                absl::StrCat("For example --", flag, "=", example, "."));
}

std::string MemberText(const v1::Member& member, absl::Time now) {
  std::string text = absl::StrCat(
      "province ", member.province(), " ", member.name(), ", version ", member.version(), ", ",
      Shorten(v1::MemberStatus_Name(member.status()), "MEMBER_"),
      member.document_number().empty() ? "" : absl::StrCat(", document ", member.document_number()),
      "\n");
  if (!member.duty_telephone().empty()) {
    absl::StrAppend(&text, "duty telephone ", member.duty_telephone(), "\n");
  }
  for (const v1::PublicKey& key : member.keys()) {
    absl::StrAppend(
        &text, key.use() == v1::KEY_USE_SIGN ? "signing key " : "sealing key ",
        KeyStateText(StateOf(member, key, now)), " from ", ShanghaiText(key.not_before_unix_us()),
        key.not_after_unix_us() == 0 ? ""
                                     : absl::StrCat(" to ", ShanghaiText(key.not_after_unix_us())),
        key.suspect_since_unix_us() == 0
            ? ""
            : absl::StrCat(", suspect since ", ShanghaiText(key.suspect_since_unix_us())),
        "\n  ", FingerprintText(key.key_id()), "\n");
  }
  for (const std::string& fingerprint : member.certificate_sha256()) {
    std::string until;
    for (const v1::CertificateInfo& info : member.certificates()) {
      if (info.sha256() == fingerprint) {
        until = absl::StrCat(" until ", ShanghaiText(info.not_after_unix_us()));
      }
    }
    absl::StrAppend(&text, "certificate", until, "\n  ", FingerprintText(fingerprint), "\n");
  }
  return text;
}

platform::JsonValue MemberJson(const v1::Member& member, absl::Time now) {
  using platform::JsonValue;
  JsonValue keys = JsonValue::Array();
  for (const v1::PublicKey& key : member.keys()) {
    keys.Append(JsonValue::Object()
                    .Set("key_id", Hex(key.key_id()))
                    .Set("use", key.use() == v1::KEY_USE_SIGN ? "sign" : "seal")
                    .Set("state", KeyStateText(StateOf(member, key, now)))
                    .Set("not_before_unix_us", JsonValue::Integer(key.not_before_unix_us()))
                    .Set("not_after_unix_us", JsonValue::Integer(key.not_after_unix_us()))
                    .Set("suspect_since_unix_us", JsonValue::Integer(key.suspect_since_unix_us())));
  }
  JsonValue certificates = JsonValue::Array();
  for (const std::string& fingerprint : member.certificate_sha256()) {
    certificates.Append(JsonValue::String(Hex(fingerprint)));
  }
  return JsonValue::Object()
      .Set("province", JsonValue::Integer(member.province()))
      .Set("name", member.name())
      .Set("version", JsonValue::Integer(static_cast<std::int64_t>(member.version())))
      .Set("status", Shorten(v1::MemberStatus_Name(member.status()), "MEMBER_"))
      .Set("document_number", member.document_number())
      .Set("duty_telephone", member.duty_telephone())
      .Set("keys", std::move(keys))
      .Set("certificate_sha256", std::move(certificates));
}

}  // namespace yizhan::tools
