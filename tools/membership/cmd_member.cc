// The authority's decisions about members, and what everybody sees of them.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "protos/contract/errors.h"
#include "tools/membership/access.h"
#include "tools/membership/commands.h"
#include "tools/membership/member_changes.h"
#include "tools/membership/paper_files.h"
#include "tools/yizhan/lab.h"
#include "tools/yizhan/text.h"

namespace yizhan::tools {
namespace {

using platform::JsonValue;

absl::Status ApproveAndWrite(const FlagSet& flags, const std::string& file, v1::MemberPaper paper,
                             Console& console) {
  const auto folder = Needed(flags, "authority", "authority");
  if (!folder.ok()) return folder.status();
  const auto authority = OpenAuthority(*folder);
  if (!authority.ok()) return authority.status();
  const auto officer = OfficerOf(flags);
  if (!officer.ok()) return officer.status();
  const absl::Time now = absl::Now();
  absl::Status approved =
      Approve(authority->authority, **officer, flags.Text("document"), now, paper);
  if (!approved.ok()) return approved;
  if (absl::Status s = WritePaper(file, paper); !s.ok()) return s;
  const int signed_by = OfficersOf(paper);
  const int quorum =
      static_cast<int>(std::max<std::uint32_t>(1, authority->authority.genesis.authority_quorum()));
  const auto member = CheckPaper(paper);
  if (!member.ok()) return member.status();
  const bool complete = signed_by >= quorum;
  console.Say(
      absl::StrCat(MemberText(*member, now), "\nYou have signed ", file, "; ", signed_by, " of ",
                   quorum, " officers have.\nNext: ",
                   complete ? "yizhan member submit (the province, or you where it only takes away)"
                            : "another officer, by: yizhan member approve"));
  console.Emit(MemberJson(*member, now)
                   .Set("paper", file)
                   .Set("officers", JsonValue::Integer(signed_by))
                   .Set("quorum", JsonValue::Integer(quorum))
                   .Set("complete", JsonValue::Bool(complete)));
  return absl::OkStatus();
}

absl::Status RunApprove(const FlagSet& flags, Console& console) {
  const auto file = Needed(flags, "paper", "member-34.paper");
  if (!file.ok()) return file.status();
  auto paper = ReadPaper(*file);
  if (!paper.ok()) return paper.status();
  return ApproveAndWrite(flags, *file, *std::move(paper), console);
}

absl::StatusOr<contract::DirectoryState> FetchDirectory(const FlagSet& flags) {
  const auto access = AccessOf(flags);
  if (!access.ok()) return access.status();
  const auto client = DirectoryClient::Dial(*access);
  if (!client.ok()) return client.status();
  return (*client)->Fetch(absl::Now());
}

absl::StatusOr<v1::Member> MemberOf(const FlagSet& flags,
                                    const contract::DirectoryState& directory) {
  const auto province = ParseProvince("province", flags.Text("province"));
  if (!province.ok()) return province.status();
  if (const v1::Member* member = directory.FindMember(*province)) return *member;
  return contract::MakeError(v1::NOT_FOUND, v1::SIDE_MINE,
                             absl::StrCat("Province ", province->str(), " is no member."),
                             "See `yizhan member list`.");
}

absl::Status RunStatus(const FlagSet& flags, v1::MemberStatus status, Console& console) {
  const auto file = Needed(flags, "paper", "suspend-34.paper");
  if (!file.ok()) return file.status();
  const auto directory = FetchDirectory(flags);
  if (!directory.ok()) return directory.status();
  const auto member = MemberOf(flags, *directory);
  if (!member.ok()) return member.status();
  const auto next = WithStatus(*member, status, flags.Text("document"));
  if (!next.ok()) return next.status();
  return ApproveAndWrite(flags, *file, Propose(*next, directory->genesis_digest(), absl::Now()),
                         console);
}

absl::Status RunList(const FlagSet& flags, Console& console) {
  const auto directory = FetchDirectory(flags);
  if (!directory.ok()) return directory.status();
  const absl::Time now = absl::Now();
  Table table({"province", "name", "status", "version", "keys", "staged", "certificates"});
  JsonValue members = JsonValue::Array();
  for (const contract::ProvinceCode province : directory->Members()) {
    const v1::Member& member = *directory->FindMember(province);
    int staged = 0;
    for (const v1::PublicKey& key : member.keys()) {
      staged += StateOf(member, key, now) == KeyState::kStaged ? 1 : 0;
    }
    table.AddRow({province.str(), member.name(),
                  Shorten(v1::MemberStatus_Name(member.status()), "MEMBER_"),
                  absl::StrCat(member.version()), absl::StrCat(member.keys_size()),
                  absl::StrCat(staged), absl::StrCat(member.certificate_sha256_size())});
    members.Append(MemberJson(member, now));
  }
  console.Show(table);
  console.Emit(JsonValue::Object().Set("members", std::move(members)));
  return absl::OkStatus();
}

// What an officer looks at, and compares by telephone, before he signs.
absl::Status ShowPaper(const std::string& file, Console& console) {
  const auto paper = ReadPaper(file);
  if (!paper.ok()) return paper.status();
  const auto member = CheckPaper(*paper);
  if (!member.ok()) return member.status();
  console.Say(
      absl::StrCat(MemberText(*member, absl::Now()), OfficersOf(*paper), " officers have signed."));
  console.Emit(
      MemberJson(*member, absl::Now()).Set("officers", JsonValue::Integer(OfficersOf(*paper))));
  return absl::OkStatus();
}

absl::Status RunShow(const FlagSet& flags, Console& console) {
  if (!flags.Text("paper").empty()) return ShowPaper(flags.Text("paper"), console);
  const auto directory = FetchDirectory(flags);
  if (!directory.ok()) return directory.status();
  const auto member = MemberOf(flags, *directory);
  if (!member.ok()) return member.status();
  console.Say(MemberText(*member, absl::Now()));
  console.Emit(MemberJson(*member, absl::Now()));
  return absl::OkStatus();
}

Command StatusCommand(const char* name, const char* summary, v1::MemberStatus status) {
  return {.name = name,
          .summary = summary,
          .description =
              "An officer's act. It writes --paper with the first signature; the other officer\n"
              "signs it by `member approve` with the same --document, and `member submit` with\n"
              "--access adds it to the directory. The member itself is not asked.",
          .examples = {absl::StrCat("yizhan ", name,
                                    " --province 34 --document NO-7 --paper 34.paper "
                                    "--authority authority --officer-key officer-1/sign.pem "
                                    "--access authority/access.textproto")},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                flags.AddText("province", "NN", "", "The member.");
                flags.AddText("paper", "FILE", "", "To write.");
                DeclareOfficerFlags(flags);
                DeclareAccessFlags(flags);
              },
          .run = [status](const FlagSet& flags,
                          Console& console) { return RunStatus(flags, status, console); }};
}

}  // namespace

Command MemberApproveCommand() {
  return {.name = "member approve",
          .summary = "Sign a member's paper as an officer of the authority.",
          .description =
              "The first officer's signature makes the entry and issues the certificate that was\n"
              "asked for; the others sign the same entry, each with the same --document. What the\n"
              "entry says is compared with what the province signed, every time.",
          .examples = {"yizhan member approve --paper member-34.paper --authority authority "
                       "--officer-key officer-1/sign.pem --passphrase-file officer-1/passphrase "
                       "--document NO-1"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                flags.AddText("paper", "FILE", "", "Signed in place.");
                DeclareOfficerFlags(flags);
              },
          .run = RunApprove};
}
Command MemberSuspendCommand() {
  return StatusCommand("member suspend", "Suspend a member, by the authority's officers.",
                       v1::MEMBER_SUSPENDED);
}
Command MemberRevokeCommand() {
  return StatusCommand("member revoke", "Revoke a member for ever, by the authority's officers.",
                       v1::MEMBER_REVOKED);
}
Command MemberListCommand() {
  return {.name = "member list",
          .summary = "List the members of the network, from the verified directory.",
          .description = "Fetches the directory and verifies every entry from the genesis on.",
          .examples = {"yizhan member list --network lab"},
          .positionals = {},
          .declare = DeclareAccessFlags,
          .run = RunList};
}
Command MemberShowCommand() {
  return {.name = "member show",
          .summary = "Show a member's keys with their fingerprints and states, and certificates.",
          .description =
              "Fetches the directory and verifies every entry from the genesis on; or checks a\n"
              "paper, for an officer who compares fingerprints by telephone before he signs.",
          .examples = {"yizhan member show --network lab --province 34",
                       "yizhan member show --paper member-34.paper"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                flags.AddText("province", "NN", "", "The member.");
                flags.AddText("paper", "FILE", "", "Instead: what a paper says.");
                DeclareAccessFlags(flags);
              },
          .run = RunShow};
}

}  // namespace yizhan::tools
