#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/errors.h"
#include "tools/yizhan/commands.h"
#include "tools/yizhan/network_init.h"

namespace yizhan::tools {
namespace {

using platform::JsonValue;

absl::Status RunInit(const FlagSet& flags, Console& console) {
  if (flags.Text("dir").empty()) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, "--dir is missing.",
                               "Name the folder to make, for example --dir=lab.");
  }
  NetworkInitOptions options;
  options.dir = flags.Text("dir");
  options.base_port = static_cast<std::uint16_t>(flags.Number("base-port"));
  options.now = absl::Now();
  options.on_progress = [&](absl::string_view step) {
    console.Progress(absl::StrCat("making ", step));
  };
  auto provinces = ParseProvinces("provinces", flags.List("provinces"));
  if (!provinces.ok()) return provinces.status();
  options.provinces = *std::move(provinces);
  auto data = DataFilesOf(flags);
  if (!data.ok()) return data.status();
  options.data = *std::move(data);

  platform::SystemRandom random;
  const auto lab = InitNetwork(options, random);
  if (!lab.ok()) return lab.status();
  JsonValue nodes = JsonValue::Array();
  std::string commands =
      absl::StrCat("  yizhan-broker --config ", lab->dir, "/", lab->network.broker_config(), "\n");
  for (const v1::LabNode& node : lab->network.nodes()) {
    absl::StrAppend(&commands, "  yizhan-node --config ", lab->dir, "/", node.config(), "\n");
    nodes.Append(JsonValue::Object()
                     .Set("province", JsonValue::Integer(node.province()))
                     .Set("name", node.name())
                     .Set("config", node.config())
                     .Set("gateway", node.gateway())
                     .Set("metrics", node.metrics()));
  }
  console.Say(absl::StrCat(
      "A LAB network is in ", lab->dir, ": a broker, ", lab->network.nodes_size(),
      " nodes, no open route.\nAll keys were made in this one place and lie unencrypted: never use "
      "them for a real ",
      "network.\nStart each in a terminal of its own:\n", commands,
      "Then open a route, for example:\n  export YIZHAN_NETWORK=", lab->dir,
      "\n  yizhan link arm --node 34 --peer 32\n  yizhan link test --node 32 --peer 34 --fast"));
  console.Emit(JsonValue::Object()
                   .Set("dir", lab->dir)
                   .Set("lab", JsonValue::Bool(true))
                   .Set("broker", lab->network.broker())
                   .Set("broker_config", lab->network.broker_config())
                   .Set("genesis_digest", lab->network.genesis_digest_hex())
                   .Set("nodes", std::move(nodes)));
  return absl::OkStatus();
}

}  // namespace

Command NetworkInitCommand() {
  return {
      .name = "network init",
      .summary = "Make a lab network: keys, certificates, directory, configurations.",
      .description =
          "A LAB, for learning and testing: all private keys of all provinces are made in one\n"
          "place and are not encrypted. In production keys are born in each province and never\n"
          "leave it: see `yizhan member apply`.\n"
          "The directory has the members and zero open routes; only a connectivity test opens\n"
          "one. The folder must be new or empty.",
      .examples = {"yizhan network init --dir lab --provinces 32,34",
                   "yizhan network init --dir lab --provinces 32,34,31 --base-port 21000"},
      .positionals = {},
      .declare =
          [](FlagSet& flags) {
            flags.AddText("dir", "DIR", "", "Folder to make; new or empty.");
            flags.AddList("provinces", "NN", "32,34", "Provinces with a node.");
            flags.AddNumber("base-port", "PORT", 0, 0, 65000,
                            "First of 2 + 2 x provinces ports on 127.0.0.1; 0 finds free ones.");
            DeclareDataFlags(flags);
          },
      .run = RunInit};
}

}  // namespace yizhan::tools
