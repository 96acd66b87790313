// A province's side of joining: apply, submit.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/errors.h"
#include "tools/membership/access.h"
#include "tools/membership/commands.h"
#include "tools/membership/entry_building.h"
#include "tools/membership/key_folder.h"
#include "tools/membership/node_keys.h"
#include "tools/membership/paper_files.h"
#include "tools/yizhan/lab.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;
using platform::JsonValue;

constexpr char kConfigText[] =
    "  keys {\n"
    "    sign_private_key: \"keys/sign.pem\"\n"
    "    unseal_private_keys: \"keys/seal.pem\"\n"
    "    passphrase_file: \"passphrase\"\n"
    "  }\n"
    "  tls {\n"
    "    certificate_chain: \"tls/chain.pem\"\n"
    "    private_key: \"tls/key.pem\"\n"
    "    trust_anchors: \"tls/ca.pem\"\n"
    "    passphrase_file: \"passphrase\"\n"
    "  }\n";

v1::Member NewMember(ProvinceCode province, const FlagSet& flags) {
  v1::Member member;
  member.set_province(province.value());
  member.set_version(1);
  member.set_name(flags.Text("name"));
  member.set_status(v1::MEMBER_ACTIVE);
  member.set_duty_telephone(flags.Text("telephone"));
  for (int kind = v1::MessageKind_MIN + 1; kind <= v1::MessageKind_MAX; ++kind) {
    member.add_capabilities(static_cast<v1::MessageKind>(kind));
  }
  return member;
}

absl::Status RunApply(const FlagSet& flags, Console& console) {
  const auto province = ParseProvince("province", flags.Text("province"));
  if (!province.ok()) return province.status();
  for (const auto& [flag, example] :
       {std::pair("name", "安徽"), std::pair("dir", "node-34"), std::pair("telephone", "0551-1")}) {
    if (const auto given = Needed(flags, flag, example); !given.ok()) return given.status();
  }
  const std::string dir = flags.Text("dir");
  platform::SystemRandom random;
  const auto passphrase = PassphraseAt(dir + "/passphrase", random);
  if (!passphrase.ok()) return passphrase.status();
  const auto sign = NewKeyFile(dir + "/keys/sign.pem", *passphrase);
  if (!sign.ok()) return sign.status();
  const auto seal = NewKeyFile(dir + "/keys/seal.pem", *passphrase);
  if (!seal.ok()) return seal.status();
  const auto request =
      NewTlsKeyFile(dir + "/tls/key.pem", *passphrase, absl::StrCat("node-", province->str()));
  if (!request.ok()) return request.status();
  absl::Status written = platform::WriteFileAtomically(dir + "/tls/request.csr", *request);
  if (!written.ok()) return written;

  const absl::Time now = absl::Now();
  v1::Member member = NewMember(*province, flags);
  *member.add_keys() = NewPublicKey(sign->spki_der, v1::KEY_USE_SIGN, now);
  *member.add_keys() = NewPublicKey(seal->spki_der, v1::KEY_USE_SEAL, now);
  const auto signer = platform::MakeSigner(sign->private_pem, "the new signing key");
  if (!signer.ok()) return signer.status();
  const auto paper = Apply(member, *request, **signer);
  if (!paper.ok()) return paper.status();
  const std::string file = absl::StrCat(dir, "/member-", province->str(), ".paper");
  if (absl::Status s = WritePaper(file, *paper); !s.ok()) return s;
  console.Say(absl::StrCat(
      MemberText(member, now), "\nThe private keys were made in ", dir,
      " and stay there, encrypted; keep ", dir, "/passphrase elsewhere in your backups.\nSend ",
      file,
      " to the authority, and compare the fingerprints above by telephone.\nIn node.textproto:\n",
      kConfigText, "When it comes back: yizhan member submit --paper FILE --dir ", dir,
      " --broker HOST:PORT --broker-name NAME --genesis DIGEST"));
  console.Emit(MemberJson(member, now).Set("paper", file));
  return absl::OkStatus();
}

// The certificate goes beside the key that was made for it.
absl::Status InstallCertificate(const std::string& folder, const v1::MemberPaper& paper) {
  absl::Status status =
      platform::WriteFileAtomically(folder + "/chain.pem", paper.certificate_chain_pem());
  status.Update(platform::WriteFileAtomically(folder + "/ca.pem", paper.trust_anchors_pem()));
  return status;
}

// Where a newcomer calls is told by the authority, outside of the paper.
absl::StatusOr<Access> AccessOfNewcomer(const FlagSet& flags, const std::string& dir) {
  Access access;
  for (const auto& [flag, example] :
       {std::pair("broker", "broker.example:7443"), std::pair("broker-name", "broker.example"),
        std::pair("genesis", "64 hex digits")}) {
    if (const auto given = Needed(flags, flag, example); !given.ok()) return given.status();
  }
  access.broker = flags.Text("broker");
  access.server_name = flags.Text("broker-name");
  const auto genesis = ParseDigest("--genesis", flags.Text("genesis"));
  if (!genesis.ok()) return genesis.status();
  access.genesis = *genesis;
  v1::TlsFiles files;
  files.set_certificate_chain("tls/chain.pem");
  files.set_private_key("tls/key.pem");
  files.set_trust_anchors("tls/ca.pem");
  files.set_passphrase_file("passphrase");
  auto tls = platform::LoadTlsFiles(files, dir);
  if (!tls.ok()) return tls.status();
  access.tls = *std::move(tls);
  return access;
}

absl::Status SendEntry(const Access& access, const v1::MemberPaper& paper, Console& console) {
  const auto client = DirectoryClient::Dial(access);
  if (!client.ok()) return client.status();
  if (absl::Status s = (*client)->Append(paper.entry()); !s.ok()) return s;
  const auto member = CheckPaper(paper);
  if (!member.ok()) return member.status();
  console.Say(absl::StrCat("The directory has it.\n", MemberText(*member, absl::Now())));
  console.Emit(MemberJson(*member, absl::Now()));
  return absl::OkStatus();
}

absl::Status SubmitAsNewcomer(const FlagSet& flags, const std::string& file, v1::MemberPaper paper,
                              Console& console) {
  const std::string dir = flags.Text("dir");
  platform::SystemRandom random;
  const auto passphrase = PassphraseAt(dir + "/passphrase", random);
  if (!passphrase.ok()) return passphrase.status();
  const auto signer = platform::LoadSigner(dir + "/keys/sign.pem", *passphrase);
  if (!signer.ok()) return signer.status();
  const auto genesis = ParseDigest("--genesis", flags.Text("genesis"));
  if (!genesis.ok()) return genesis.status();
  // Checked before anything of it is put in place.
  if (absl::Status s = SignAsMember(**signer, *genesis, paper); !s.ok()) return s;
  if (absl::Status s = InstallCertificate(dir + "/tls", paper); !s.ok()) return s;
  const auto access = AccessOfNewcomer(flags, dir);
  if (!access.ok()) return access.status();
  absl::Status sent = SendEntry(*access, paper, console);
  if (sent.ok()) sent = WritePaper(file, paper);
  return sent;
}

absl::Status RunSubmit(const FlagSet& flags, Console& console) {
  const auto file = Needed(flags, "paper", "member-34.paper");
  if (!file.ok()) return file.status();
  auto paper = ReadPaper(*file);
  if (!paper.ok()) return paper.status();
  const auto member = CheckPaper(*paper);
  if (!member.ok()) return member.status();
  if (!flags.Text("dir").empty()) {
    return SubmitAsNewcomer(flags, *file, *std::move(paper), console);
  }
  const bool as_member = !flags.Text("config").empty() || !flags.Text("node").empty();
  if (as_member) {
    auto desk = NodeDesk::Open(flags, absl::Now());
    if (!desk.ok()) return desk.status();
    if (absl::Status s = (*desk)->SignAndSubmit(*paper); !s.ok()) return s;
    if (!paper->certificate_chain_pem().empty()) {
      if (absl::Status s = InstallCertificate((*desk)->NextTlsFolder(), *paper); !s.ok()) return s;
    }
    console.Say(absl::StrCat("The directory has it.\n", MemberText(*member, absl::Now())));
    console.Emit(MemberJson(*member, absl::Now()));
    return absl::OkStatus();
  }
  const auto access = AccessOf(flags);
  if (!access.ok()) return access.status();
  return SendEntry(*access, *paper, console);
}

}  // namespace

Command MemberApplyCommand() {
  return {
      .name = "member apply",
      .summary = "Make a province's keys here, and the paper by which it joins.",
      .description =
          "Makes signing, sealing and TLS keys in encrypted files of --dir, a certificate\n"
          "request, and a paper with the public halves, signed by the new key. No private key\n"
          "ever leaves the folder. One round trip joins: the authority issues the certificate,\n"
          "two officers sign the entry that names it, and `member submit` checks both against\n"
          "what was applied for, signs last and submits.",
      .examples = {"yizhan member apply --province 34 --name 安徽 --telephone 0551-1 "
                   "--dir node-34"},
      .positionals = {},
      .declare =
          [](FlagSet& flags) {
            flags.AddText("province", "NN", "", "Two digits of GB/T 2260.");
            flags.AddText("name", "NAME", "", "Of the province.");
            flags.AddText("telephone", "NUMBER", "", "On duty by day and night.");
            flags.AddText("dir", "DIR", "", "Folder for the keys.");
          },
      .run = RunApply};
}

Command MemberSubmitCommand() {
  return {.name = "member submit",
          .summary = "Check an approved paper, sign it as the member, add it to the directory.",
          .description =
              "A newcomer names --dir and where the network is; a member its --config; the\n"
              "authority, for what needs no member, its --access. A certificate in the paper is\n"
              "put beside its key.",
          .examples = {"yizhan member submit --paper member-34.paper --dir node-34 "
                       "--broker broker.example:7443 --broker-name broker.example --genesis 3f...",
                       "yizhan member submit --paper stage.paper --config node.textproto"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                flags.AddText("paper", "FILE", "", "What came back from the authority.");
                flags.AddText("dir", "DIR", "", "Of a newcomer: folder of `member apply`.");
                flags.AddText("broker", "HOST:PORT", "", "Of a newcomer: where the broker is.");
                flags.AddText("broker-name", "NAME", "", "Name in the broker's certificate.");
                flags.AddText("genesis", "HEX", "", "Digest of the network's genesis entry.");
                DeclareAccessFlags(flags);
              },
          .run = RunSubmit};
}

}  // namespace yizhan::tools
