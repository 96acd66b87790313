// What begins a network: the broker's keys on its machine, the authority's on
// another one.
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/crypto/suite.h"
#include "tools/membership/authority_files.h"
#include "tools/membership/commands.h"
#include "tools/membership/entry_building.h"
#include "tools/membership/paper_files.h"

namespace yizhan::tools {
namespace {

using platform::JsonValue;

absl::Status RunBrokerApply(const FlagSet& flags, Console& console) {
  const auto dir = Needed(flags, "dir", "broker");
  if (!dir.ok()) return dir.status();
  const auto name = Needed(flags, "server-name", "broker.example");
  if (!name.ok()) return name.status();
  platform::SystemRandom random;
  const auto application = MakeBrokerKeys(*dir, *name, absl::Now(), random);
  if (!application.ok()) return application.status();
  console.Say(absl::StrCat(
      "The broker's private keys were made in ", *dir, " and stay there, encrypted.\nSend ", *dir,
      "/broker.application to the authority, and compare by telephone:\n  ",
      FingerprintText(application->key().key_id()), "\nIn broker.textproto:\n",
      "  keys { sign_private_key: \"keys/sign.pem\" passphrase_file: \"passphrase\" }\n",
      "  tls { certificate_chain: \"tls/chain.pem\" private_key: \"tls/key.pem\"\n",
      "        trust_anchors: \"tls/ca.pem\" passphrase_file: \"passphrase\" }"));
  console.Emit(JsonValue::Object()
                   .Set("dir", *dir)
                   .Set("application", absl::StrCat(*dir, "/broker.application")));
  return absl::OkStatus();
}

absl::Status RunInit(const FlagSet& flags, Console& console) {
  AuthorityPlan plan;
  for (const auto& [flag, example, place] :
       {std::tuple("dir", "authority", &plan.dir), std::tuple("name", "guojia", &plan.network),
        std::tuple("broker", "broker.example:7443", &plan.broker)}) {
    const auto given = Needed(flags, flag, example);
    if (!given.ok()) return given.status();
    *place = *given;
  }
  const auto file = Needed(flags, "broker-application", "broker.application");
  if (!file.ok()) return file.status();
  const auto bytes = platform::ReadFile(*file);
  if (!bytes.ok()) return bytes.status();
  (void)plan.application.ParseFromString(*bytes);  // MakeAuthority checks what came of it
  plan.officers = static_cast<int>(flags.Number("officers"));
  plan.quorum = static_cast<int>(flags.Number("quorum"));
  plan.now = absl::Now();
  platform::SystemRandom random;
  const auto made = MakeAuthority(plan, random);
  if (!made.ok()) return made.status();
  console.Say(absl::StrCat(
      "The authority of '", plan.network, "' is in ", plan.dir, ". Genesis digest:\n  ",
      FingerprintText(made->genesis.view()), "\nThe broker's key, to compare by telephone:\n  ",
      FingerprintText(plan.application.key().key_id()), "\nGive each officer one of ", plan.dir,
      "/officer-1.., and take it away from here.\nBring ", plan.dir,
      "/for-broker to the broker (chain.pem and ca.pem into tls/), and register there:\n",
      "  genesis: \"genesis.bin\"\n  genesis_digest_hex: \"", made->genesis.hex(),
      "\"\n  operators { name: \"authority\" certificate_sha256_hex: \"",
      made->operator_certificate.hex(), "\" }"));
  console.Emit(JsonValue::Object()
                   .Set("dir", plan.dir)
                   .Set("genesis_digest", made->genesis.hex())
                   .Set("operator_certificate", made->operator_certificate.hex()));
  return absl::OkStatus();
}

}  // namespace

Command BrokerApplyCommand() {
  return {.name = "broker apply",
          .summary = "Make the broker's keys here, and its application to the authority.",
          .description =
              "On the broker's machine. Makes signing and TLS keys in encrypted files of --dir,\n"
              "and a file with their public halves for `authority init`.",
          .examples = {"yizhan broker apply --dir broker --server-name broker.example"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                flags.AddText("dir", "DIR", "", "Folder for the keys; new or empty.");
                flags.AddText("server-name", "NAME", "", "For which its certificate holds.");
              },
          .run = RunBrokerApply};
}

Command AuthorityInitCommand() {
  return {.name = "authority init",
          .summary = "Begin a network: officers' keys, certificates, genesis.",
          .description =
              "On a machine of the authority that is never the broker's. Makes a key for every\n"
              "officer, an authority for TLS certificates, the broker's certificate and the\n"
              "genesis entry that all members pin. The network has no member and no route.",
          .examples = {"yizhan authority init --dir authority --name guojia --officers 3 "
                       "--quorum 2 --broker broker.example:7443 "
                       "--broker-application broker.application"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                flags.AddText("dir", "DIR", "", "Folder to make; new or empty.");
                flags.AddText("name", "NAME", "", "Of the network.");
                flags.AddNumber("officers", "N", 2, 1, 16, "How many officers there are.");
                flags.AddNumber("quorum", "N", 2, 1, 16, "How many of them have to sign.");
                flags.AddText("broker", "HOST:PORT", "", "Where the broker will be.");
                flags.AddText("broker-application", "FILE", "", "Of `yizhan broker apply`.");
              },
          .run = RunInit};
}

}  // namespace yizhan::tools
