#include "tests/bench/bench_node.h"

#include <cstdio>
#include <functional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/platform/clock/clock.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/kv/rocks_store.h"
#include "adapters/platform/rpc/channel.h"
#include "adapters/platform/rpc/tls_files.h"
#include "grpcpp/channel.h"
#include "province_nodes/app/node_core.h"
#include "province_nodes/app/node_loop.h"
#include "province_nodes/session/exchange_client.h"
#include "province_nodes/store/node_store.h"
#include "tests/support/exchange_world.h"
#include "yizhan/v1/config.pb.h"

namespace yizhan::bench {
namespace {

// Salt, tags and lengths around what a message says.
constexpr std::size_t kOverhead = 64;

// Writes one small value for a message, as a case would write its state.
class TakeInCases final : public testing::ScribeCases {
 public:
  TakeInCases(contract::ProvinceCode province, std::string prefix)
      : ScribeCases(province, prefix), prefix_(std::move(prefix)) {}
  absl::Status OnMessage(platform::Transaction& txn, const node::InboundMessage& message,
                         node::CaseEffects&) override {
    txn.Put(absl::StrCat(prefix_, "applied/", message.case_handle.view()), "applied");
    return absl::OkStatus();
  }
  absl::Status OnPassage(platform::Transaction&, const contract::CaseHandle&,
                         const v1::CaseMessage&, node::CaseEffects&) override {
    return absl::OkStatus();
  }

 private:
  const std::string prefix_;
};

class CountingSigner final : public contract::Signer {
 public:
  CountingSigner(std::unique_ptr<contract::Signer> signer, NodeCounts* counts)
      : signer_(std::move(signer)), counts_(counts) {}
  contract::KeyId key_id() const override { return signer_->key_id(); }
  absl::StatusOr<std::string> Sign(absl::string_view message) const override {
    ++counts_->signatures;
    return signer_->Sign(message);
  }

 private:
  const std::unique_ptr<contract::Signer> signer_;
  NodeCounts* const counts_;
};

class CountingAead final : public contract::Aead {
 public:
  explicit CountingAead(NodeCounts* counts) : counts_(counts) {}
  absl::StatusOr<std::string> Seal(const contract::SecretBytes& key, absl::string_view nonce,
                                   absl::string_view aad,
                                   absl::string_view plaintext) const override {
    ++counts_->sealed;
    return real_->Seal(key, nonce, aad, plaintext);
  }
  absl::StatusOr<std::string> Open(const contract::SecretBytes& key, absl::string_view nonce,
                                   absl::string_view aad, absl::string_view sealed) const override {
    return real_->Open(key, nonce, aad, sealed);
  }

 private:
  const contract::Aead* const real_ = platform::SmSuite().aead;
  NodeCounts* const counts_;
};

class CountingObserver final : public node::NodeObserver {
 public:
  CountingObserver(contract::ProvinceCode province, NodeCounts* counts)
      : province_(province), counts_(counts) {}
  void OnApplied(const node::InboundMessage&, const v1::ControlRecord&) override {
    ++counts_->applied;
  }
  void OnControl(const v1::ControlRecord&, const contract::ParsedControl& parsed) override {
    if (parsed.identity.source != province_) return;
    if (parsed.control.has_acceptance()) ++counts_->accepted;
    if (parsed.control.has_delivery()) ++counts_->done;
  }

 private:
  const contract::ProvinceCode province_;
  NodeCounts* const counts_;
};

}  // namespace

// In the order of making; destroyed in the reverse one.
struct BenchNode::Parts {
  contract::ProvinceCode province;
  NodeCounts counts;
  platform::SystemRandom random;
  CountingAead aead{&counts};
  std::unique_ptr<CountingSigner> signer;
  std::unique_ptr<contract::Unwrapper> unwrapper;
  std::unique_ptr<platform::RocksStore> store;
  std::unique_ptr<node::DirectoryCopy> directory;
  std::unique_ptr<node::NodeLoop> loop;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<node::ExchangeClient> exchange;
  std::unique_ptr<CountingObserver> observer;
  std::unique_ptr<node::NodeCore> core;

  absl::Status LoadKeys(const v1::NodeConfig& config, const std::string& folder);
  absl::Status Make(const v1::NodeConfig& config, const std::string& folder);
};

absl::Status BenchNode::Parts::LoadKeys(const v1::NodeConfig& config, const std::string& folder) {
  auto key = platform::LoadSigner(platform::JoinPath(folder, config.keys().sign_private_key()));
  if (!key.ok()) return key.status();
  signer = std::make_unique<CountingSigner>(*std::move(key), &counts);
  const std::string seal = platform::JoinPath(folder, config.keys().unseal_private_keys(0));
  auto unseal = platform::LoadUnwrapper(absl::MakeConstSpan(&seal, 1));
  if (!unseal.ok()) return unseal.status();
  unwrapper = *std::move(unseal);
  platform::DialOptions dial;
  dial.target = config.broker();
  dial.server_name = config.broker_server_name();
  auto tls = platform::LoadTlsFiles(config.tls(), folder);
  if (!tls.ok()) return tls.status();
  dial.tls = *std::move(tls);
  auto dialled = platform::Dial(dial);
  if (!dialled.ok()) return dialled.status();
  channel = *std::move(dialled);
  return absl::OkStatus();
}

absl::Status BenchNode::Parts::Make(const v1::NodeConfig& config, const std::string& folder) {
  if (absl::Status s = LoadKeys(config, folder); !s.ok()) return s;
  const absl::Time now = absl::Now();
  platform::RocksStore::Options disk;
  disk.dir = folder + "/bench-data";
  auto opened = platform::RocksStore::Open(disk);
  if (!opened.ok()) return opened.status();
  store = *std::move(opened);
  auto incarnation = node::OpenNodeStore(*store, province, random, now);
  if (!incarnation.ok()) return incarnation.status();
  const auto genesis = contract::Digest::From(absl::HexStringToBytes(config.genesis_digest_hex()));
  if (!genesis) return absl::InvalidArgumentError("genesis_digest_hex");
  auto copy = node::DirectoryCopy::Load(*store, platform::SmSuite(), *genesis, now);
  if (!copy.ok()) return copy.status();
  directory = *std::move(copy);

  node::NodeLoop::Options looping;
  looping.clock = &platform::SystemClock();
  looping.on_group = [this](absl::Duration, std::size_t) { ++counts.syncs; };
  loop = std::make_unique<node::NodeLoop>(looping);
  exchange = std::make_unique<node::ExchangeClient>(
      channel,
      [this](std::function<void(node::NodeCore&)> event) { loop->Post(std::move(event)); });
  observer = std::make_unique<CountingObserver>(province, &counts);
  node::NodeCoreOptions options;
  options.province = province;
  options.incarnation = *incarnation;
  options.build = "bench";
  node::NodeCoreDeps deps;
  deps.store = store.get();
  deps.directory = directory.get();
  deps.algorithms = platform::SmSuite();
  deps.algorithms.aead = &aead;
  deps.signer = signer.get();
  deps.unwrapper = unwrapper.get();
  deps.random = &random;
  deps.transport = exchange.get();
  deps.observer = observer.get();
  deps.make_cases = [this](std::string prefix, std::function<bool(contract::ProvinceCode)>) {
    return std::make_unique<TakeInCases>(province, std::move(prefix));
  };
  auto made = node::NodeCore::Create(options, deps, now);
  if (!made.ok()) return made.status();
  core = *std::move(made);
  loop->Start(core.get());
  return absl::OkStatus();
}

BenchNode::BenchNode(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

BenchNode::~BenchNode() { parts_->loop->Stop(); }

absl::StatusOr<std::unique_ptr<BenchNode>> BenchNode::Start(const tools::Lab& lab,
                                                            contract::ProvinceCode province) {
  const v1::LabNode* node = lab.Find(province);
  if (node == nullptr) return absl::NotFoundError(province.str());
  const std::string path = platform::JoinPath(lab.dir, node->config());
  const auto config = platform::LoadTextProto<v1::NodeConfig>(path);
  if (!config.ok()) return config.status();
  auto parts = std::make_unique<Parts>();
  parts->province = province;
  if (absl::Status s = parts->Make(*config, platform::FolderOf(path)); !s.ok()) return s;
  return std::unique_ptr<BenchNode>(new BenchNode(std::move(parts)));
}

bool BenchNode::Ready(std::uint64_t directory_size) {
  bool ready = false;
  const absl::Status asked = parts_->loop->Call([&](node::NodeCore& core) {
    ready = core.session().state() == node::Session::State::kOpen &&
            core.directory().head().size() >= directory_size;
    return absl::OkStatus();
  });
  return asked.ok() && ready;
}

void BenchNode::Send(contract::ProvinceCode to, std::uint64_t count, std::size_t body_bytes) {
  Parts* const parts = parts_.get();
  parts->loop->Post([parts, to, count, body_bytes](node::NodeCore& core) {
    const auto command = [&](platform::Transaction&, node::CaseService&,
                             node::CaseEffects& effects) {
      for (std::uint64_t i = 0; i < count; ++i) {
        node::OutgoingMessage message;
        message.destination = to;
        message.kind = v1::ELIGIBILITY_QUERY;
        message.case_handle = contract::RandomFixed<contract::CaseHandle>(parts->random);
        message.payload.set_format_version(1);
        message.payload.mutable_eligibility_query();
        message.payload.set_acceptance_number(std::string(body_bytes - kOverhead, '3'));
        effects.messages.push_back(std::move(message));
      }
      return absl::OkStatus();
    };
    const absl::Status ran = core.Run(command, absl::Now());
    if (ran.ok() || parts->counts.failed++ > 0) return;
    std::fprintf(stderr, "node %s: %s\n", parts->province.str().c_str(), ran.ToString().c_str());
  });
}

const NodeCounts& BenchNode::counts() const { return parts_->counts; }

}  // namespace yizhan::bench
