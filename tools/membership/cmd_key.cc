// A member's keys while messages flow: staged, activated, retired, suspect.
#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/platform/config/files.h"
#include "protos/contract/errors.h"
#include "tools/membership/commands.h"
#include "tools/membership/entry_building.h"
#include "tools/membership/key_folder.h"
#include "tools/membership/member_changes.h"
#include "tools/membership/member_paper.h"
#include "tools/membership/node_keys.h"
#include "tools/membership/paper_files.h"
#include "tools/yizhan/text.h"

namespace yizhan::tools {
namespace {

constexpr char kReload[] =
    "\nLet the node read its keys again: systemctl reload yizhan-node (SIGHUP).";

void DeclareKey(FlagSet& flags) {
  flags.AddText("key", "HEX", "", "First digits of the key's id; 8 at least.");
  DeclareNodeFlags(flags);
}

absl::Status Done(const NodeDesk& desk, const v1::Member& member, absl::string_view next_step,
                  Console& console) {
  console.Say(absl::StrCat(MemberText(member, absl::Now()), next_step));
  console.Emit(MemberJson(member, absl::Now()).Set("config", desk.files().path));
  return absl::OkStatus();
}

v1::KeyUse UseOf(const FlagSet& flags) {
  return flags.Text("use") == "sign" ? v1::KEY_USE_SIGN : v1::KEY_USE_SEAL;
}

// The new key's file stands in the configuration before the directory knows the
// key: a node that is sealed to can always open.
absl::StatusOr<v1::Member> StageMessageKey(const NodeDesk& desk, v1::KeyUse use,
                                           absl::Time not_before, absl::Time now) {
  const bool signs = use == v1::KEY_USE_SIGN;
  const std::string path =
      absl::StrCat("keys/", signs ? "sign" : "seal", "-", desk.member().version() + 1, ".pem");
  const auto key = NewKeyFile(platform::JoinPath(desk.files().folder, path), desk.passphrase());
  if (!key.ok()) return key.status();
  absl::Status added =
      desk.AddToConfig(signs ? "more_sign_private_keys" : "unseal_private_keys", path);
  if (!added.ok()) return added;
  return StageKey(desk.member(), NewPublicKey(key->spki_der, use, not_before), now);
}

absl::Status RunStage(const FlagSet& flags, Console& console) {
  const auto file = Needed(flags, "paper", "stage.paper");
  if (!file.ok()) return file.status();
  const absl::Time now = absl::Now();
  const auto desk = NodeDesk::Open(flags, now);
  if (!desk.ok()) return desk.status();
  v1::Member next = (*desk)->member();
  std::string request;
  if (flags.Text("use") == "tls") {
    next.set_version(next.version() + 1);
    next.clear_document_number();
    auto made = NewTlsKeyFile((*desk)->NextTlsFolder() + "/key.pem", (*desk)->tls_passphrase(),
                              absl::StrCat("node-", next.province()));
    if (!made.ok()) return made.status();
    request = *std::move(made);
  } else {
    auto staged = StageMessageKey(**desk, UseOf(flags), now + flags.Duration("holds-in"), now);
    if (!staged.ok()) return staged.status();
    next = *std::move(staged);
  }
  const auto paper = Apply(next, request, (*desk)->signer());
  if (!paper.ok()) return paper.status();
  if (absl::Status s = WritePaper(*file, *paper); !s.ok()) return s;
  return Done(
      **desk, next,
      absl::StrCat("\nThe key was made and stays here. Two officers sign ", *file,
                   " (yizhan member approve), then: yizhan member submit --paper ", *file, kReload),
      console);
}

// tls becomes tls-old, tls-next becomes tls: a folder is never half changed.
absl::Status SwapTlsFolders(const NodeDesk& desk) {
  const std::string now = desk.TlsFolder();
  const std::string next = desk.NextTlsFolder();
  const std::string old = absl::StrCat(now, "-old-", desk.member().version());
  std::error_code error;
  if (!std::filesystem::exists(next + "/chain.pem", error)) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat(next, " has no certificate yet"),
                               "Stage one first, and submit its paper: yizhan key stage --use tls");
  }
  v1::TlsFiles files = desk.files().config.tls();
  files.set_certificate_chain(next + "/" + platform::BaseName(files.certificate_chain()));
  files.set_private_key(next + "/" + platform::BaseName(files.private_key()));
  files.set_trust_anchors(next + "/" + platform::BaseName(files.trust_anchors()));
  if (!files.passphrase_file().empty()) {
    files.set_passphrase_file(platform::JoinPath(desk.files().folder, files.passphrase_file()));
  }
  const auto fits = platform::LoadTlsFiles(files, "");
  if (!fits.ok()) return fits.status();
  const auto& listed = desk.member().certificate_sha256();
  if (std::find(listed.begin(), listed.end(), fits->fingerprint.view()) == listed.end()) {
    return contract::MakeError(
        v1::CONFIG_INVALID, v1::SIDE_MINE,
        absl::StrCat("the certificate in ", next, " is not in the directory"),
        "Submit its paper first: yizhan member submit.");
  }
  std::filesystem::rename(now, old, error);
  if (!error) std::filesystem::rename(next, now, error);
  if (!error) return absl::OkStatus();
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                             absl::StrCat("cannot rename ", next, ": ", error.message()),
                             absl::StrCat("Check that ", now, " is there; ", old, " was it."));
}

absl::Status RunActivate(const FlagSet& flags, Console& console) {
  const absl::Time now = absl::Now();
  const auto desk = NodeDesk::Open(flags, now);
  if (!desk.ok()) return desk.status();
  if (flags.Text("use") == "tls") {
    if (absl::Status s = SwapTlsFolders(**desk); !s.ok()) return s;
    return Done(**desk, (*desk)->member(), kReload, console);
  }
  const auto key =
      PickKey((*desk)->member(), flags.Text("key"), UseOf(flags), KeyState::kStaged, now);
  if (!key.ok()) return key.status();
  const auto next = ActivateKey((*desk)->member(), *key, now);
  if (!next.ok()) return next.status();
  if (absl::Status s = (*desk)->SubmitAlone(*next, now); !s.ok()) return s;
  return Done(**desk, *next, "\nThe node takes it within two seconds.", console);
}

absl::Status RunRetire(const FlagSet& flags, Console& console) {
  const absl::Time now = absl::Now();
  const auto desk = NodeDesk::Open(flags, now);
  if (!desk.ok()) return desk.status();
  absl::StatusOr<v1::Member> next = (*desk)->member();
  if (const std::string& hex = flags.Text("certificate"); !hex.empty()) {
    next = DropCertificate((*desk)->member(), absl::HexStringToBytes(hex));
  } else {
    const auto id = Needed(flags, "key", "8 hex digits");
    if (!id.ok()) return id.status();
    const auto key = PickKey((*desk)->member(), *id, v1::KEY_USE_SEAL, KeyState::kValid, now);
    if (!key.ok()) return key.status();
    next = RetireKey((*desk)->member(), *key, now);
  }
  if (!next.ok()) return next.status();
  if (absl::Status s = (*desk)->SubmitAlone(*next, now); !s.ok()) return s;
  return Done(**desk, *next,
              "\nKeep a retired sealing key's file until what is sealed to it has expired.",
              console);
}

absl::Status RunCompromise(const FlagSet& flags, Console& console) {
  const absl::Time now = absl::Now();
  const auto id = Needed(flags, "key", "8 hex digits");
  if (!id.ok()) return id.status();
  const auto since_text = Needed(flags, "since", "2026-03-01T08:00:00+08:00");
  if (!since_text.ok()) return since_text.status();
  const auto since = ParseTimeFlag("since", *since_text);
  if (!since.ok()) return since.status();
  const auto desk = NodeDesk::Open(flags, now);
  if (!desk.ok()) return desk.status();
  const auto key = PickKey((*desk)->member(), *id, v1::KEY_USE_SIGN, KeyState::kActive, now);
  if (!key.ok()) return key.status();
  const auto next = SuspectKey((*desk)->member(), *key, *since, now);
  if (!next.ok()) return next.status();
  if (absl::Status s = (*desk)->SubmitAlone(*next, now); !s.ok()) return s;
  return Done(**desk, *next,
              "\nIts successor, if none is staged: yizhan key stage. The routes have to be tested "
              "again.",
              console);
}

}  // namespace

Command KeyStageCommand() {
  return {.name = "key stage",
          .summary = "Make the next key here, and the paper that puts it beside the active one.",
          .description =
              "Signing and sealing keys are listed for a later time, so that everybody has them\n"
              "before they are used; a TLS key gets a second certificate. The file is named in\n"
              "the configuration at once.",
          .examples = {"yizhan key stage --use seal --paper seal.paper --config node.textproto"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                flags.AddChoice("use", {"sign", "seal", "tls"}, "seal", "What the key is for.");
                flags.AddDuration("holds-in", absl::Hours(24 * 30),
                                  "When it holds by itself, if nobody activates it before.");
                flags.AddText("paper", "FILE", "", "To write.");
                DeclareNodeFlags(flags);
              },
          .run = RunStage};
}
Command KeyActivateCommand() {
  return {.name = "key activate",
          .summary = "Let a staged key or certificate be the one in use, from now on.",
          .description = "The province's own act. The old key stays valid until it is retired.",
          .examples = {"yizhan key activate --use seal --config node.textproto"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                flags.AddChoice("use", {"sign", "seal", "tls"}, "seal", "What the key is for.");
                DeclareKey(flags);
              },
          .run = RunActivate};
}
Command KeyRetireCommand() {
  return {.name = "key retire",
          .summary = "End a key whose successor is active, or take out a certificate.",
          .description =
              "The province's own act. What the key signed before stays valid, and what is sealed\n"
              "to it is opened as long as its file is configured.",
          .examples = {"yizhan key retire --key 3f9a01bc --config node.textproto",
                       "yizhan key retire --certificate 77...e1 --config node.textproto"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                flags.AddText("certificate", "HEX", "", "SHA-256 of a certificate to take out.");
                DeclareKey(flags);
              },
          .run = RunRetire};
}
Command KeyCompromiseCommand() {
  return {.name = "key compromise",
          .summary = "Declare that others may have had a key since some time.",
          .description =
              "The province's own act, at once and for ever. What the key signed and the broker\n"
              "accepted before --since stays valid.",
          .examples = {"yizhan key compromise --key 3f9a01bc --since 2026-03-01T08:00:00+08:00 "
                       "--config node.textproto"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                flags.AddText("since", "TIME", "", "RFC 3339; earlier rather than later.");
                DeclareKey(flags);
              },
          .run = RunCompromise};
}

}  // namespace yizhan::tools
