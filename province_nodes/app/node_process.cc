#include "province_nodes/app/node_process.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/platform/clock/clock.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/image/portrait.h"
#include "adapters/platform/kv/rocks_store.h"
#include "adapters/platform/log/log.h"
#include "adapters/platform/metrics/metrics_server.h"
#include "adapters/platform/mutex/mutex.h"
#include "adapters/platform/rpc/channel.h"
#include "adapters/platform/rpc/peer.h"
#include "adapters/platform/rpc/server.h"
#include "protos/contract/errors.h"
#include "province_nodes/app/directory_service_rpc.h"
#include "province_nodes/app/link_test_service_rpc.h"
#include "province_nodes/app/node_admin_rpc.h"
#include "province_nodes/app/node_loop.h"
#include "province_nodes/app/node_metrics.h"
#include "province_nodes/app/process_observer.h"
#include "province_nodes/app/system_worker.h"
#include "province_nodes/gateway/gateway_rpc.h"
#include "province_nodes/linktest/node_link_tester.h"
#include "province_nodes/linktest/probed_transport.h"
#include "province_nodes/session/exchange_client.h"
#include "province_nodes/store/node_store.h"

namespace yizhan::node {
namespace {

constexpr absl::Duration kShutdownGrace = absl::Seconds(2);
constexpr char kComponent[] = "node";

// Signs with the last listed signing key that the directory lets sign now and
// that this node has. Where there is none, what is in use stays: what it signs
// will be refused by its readers, and held until a key is there.
void UseCurrentKey(const contract::DirectoryState& directory, contract::ProvinceCode province,
                   absl::Time now, platform::KeyRing& keys) {
  const v1::Member* member = directory.FindMember(province);
  if (member == nullptr) return;
  for (int i = member->keys_size() - 1; i >= 0; --i) {
    const auto id = contract::KeyId::From(member->keys(i).key_id());
    // Readers take a staged key some minutes early; its owner waits.
    const bool staged = member->keys(i).not_before_unix_us() > absl::ToUnixMicros(now);
    if (staged || !id.has_value() || !directory.FindSigner(*id, now).has_value()) continue;
    if (*id == keys.key_id()) return;
    if (!keys.Use(*id)) continue;
    platform::LogInfo(kComponent, "signs with another key", {{"signing_key", id->hex()}});
    return;
  }
}

}  // namespace

// In the order of making; destroyed in the reverse one.
struct NodeProcess::Parts {
  NodeSetup setup;
  std::string build;
  const platform::Clock* clock = &platform::SystemClock();
  platform::SystemRandom random;
  std::unique_ptr<platform::RocksStore> store;
  contract::Incarnation incarnation;
  std::unique_ptr<DirectoryCopy> directory;
  platform::MetricsRegistry metrics_registry;
  std::unique_ptr<NodeMetrics> metrics;
  std::unique_ptr<NodeLoop> loop;
  platform::Mutex channel_mutex;
  std::shared_ptr<grpc::Channel> channel ABSL_GUARDED_BY(channel_mutex);
  contract::CertificateFingerprint certificate;  // of the channel; the thread of ReloadKeys
  std::unique_ptr<ExchangeClient> exchange;
  std::unique_ptr<ProbedTransport> transport;
  std::unique_ptr<LinkTestService> link_test_service;
  std::unique_ptr<DirectoryService> directory_service;
  std::unique_ptr<RouteOffice> route_office;
  std::unique_ptr<SystemWorker> worker;
  std::unique_ptr<NodeLinkTester> link_tester;
  std::unique_ptr<ProcessObserver> observer;
  std::unique_ptr<NodeCore> core;
  std::unique_ptr<NodeAdminRpc> admin;
  std::unique_ptr<GatewayRpc> gateway;
  std::unique_ptr<platform::RpcServer> server;
  std::unique_ptr<platform::MetricsServer> metrics_server;

  absl::Status OpenStore();
  absl::Status CheckKeysFitNetwork() const;
  absl::Status DialBroker(const platform::TlsMaterial& tls);
  std::shared_ptr<grpc::Channel> Channel();
  absl::Status MakeCore();
  void MakeLinkTester();
  void MakeRouteOffice();
  CaseServiceDeps CaseDeps(std::string key_prefix,
                           std::function<bool(contract::ProvinceCode)> link_open);
  absl::Status Serve();
  absl::Status RoomForNew() const;
  absl::Status WritePorts() const;
  void Stop();
};

absl::Status NodeProcess::Parts::OpenStore() {
  platform::RocksStore::Options options;
  options.dir = setup.data_dir;
  options.when_damaged =
      "Then put the latest backup of data_dir in its place and run `yizhan node recover`: the "
      "other provinces bring back what they exchanged with this one since.";
  absl::StatusOr<std::unique_ptr<platform::RocksStore>> opened =
      platform::RocksStore::Open(options);
  if (!opened.ok()) return opened.status();
  store = *std::move(opened);
  absl::StatusOr<contract::Incarnation> found =
      OpenNodeStore(*store, setup.province, random, clock->Now());
  if (!found.ok()) return found.status();
  incarnation = *found;
  absl::StatusOr<std::unique_ptr<DirectoryCopy>> loaded =
      DirectoryCopy::Load(*store, platform::SmSuite(), setup.genesis_digest, clock->Now());
  if (!loaded.ok()) return loaded.status();
  directory = *std::move(loaded);
  return absl::OkStatus();
}

CaseServiceDeps NodeProcess::Parts::CaseDeps(
    std::string key_prefix, std::function<bool(contract::ProvinceCode)> link_open) {
  CaseServiceDeps deps;
  deps.province = setup.province;
  deps.hasher = platform::SmSuite().hasher;
  deps.random = &random;
  deps.policy = &setup.policy;
  deps.key_prefix = std::move(key_prefix);
  deps.link_open = std::move(link_open);
  deps.point_designated = [this](const std::string& point, absl::CivilDay day) {
    return setup.points->IsDesignated(point, day);
  };
  deps.division_known = [this](absl::string_view division) {
    return setup.divisions->IsCounty(division);
  };
  deps.check_portrait = platform::CheckPortrait;
  return deps;
}

absl::Status NodeProcess::Parts::CheckKeysFitNetwork() const {
  const bool known = directory->head().size() > 0;
  if (!setup.config.keys().lab_unencrypted() || !known || directory->state().lab()) {
    return absl::OkStatus();
  }
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                             absl::StrCat(setup.path, ": field keys.lab_unencrypted: the network '",
                                          directory->state().genesis().network(), "' is not a lab"),
                             "Encrypt the key files and name passphrase_file.");
}

absl::Status NodeProcess::Parts::DialBroker(const platform::TlsMaterial& tls) {
  platform::DialOptions dial;
  dial.target = setup.config.broker();
  dial.server_name = setup.config.broker_server_name();
  dial.tls = tls;
  absl::StatusOr<std::shared_ptr<grpc::Channel>> dialled = platform::Dial(dial);
  if (!dialled.ok()) return dialled.status();
  certificate = tls.fingerprint;
  platform::MutexLock lock(&channel_mutex);
  channel = *std::move(dialled);
  return absl::OkStatus();
}

std::shared_ptr<grpc::Channel> NodeProcess::Parts::Channel() {
  platform::MutexLock lock(&channel_mutex);
  return channel;
}

absl::Status NodeProcess::Parts::MakeCore() {
  if (absl::Status dialled = DialBroker(setup.tls); !dialled.ok()) return dialled;
  const auto post = [this](std::function<void(NodeCore&)> event) { loop->Post(std::move(event)); };
  exchange = std::make_unique<ExchangeClient>(Channel(), post);
  transport = std::make_unique<ProbedTransport>(exchange.get(), post);
  SystemWorker::Systems systems;
  systems.population = setup.population.get();
  systems.card_centre = setup.card_centre.get();
  worker = std::make_unique<SystemWorker>(systems, loop.get(), clock);
  MakeLinkTester();
  MakeRouteOffice();
  observer = std::make_unique<ProcessObserver>(loop.get(), worker.get(), link_tester.get(),
                                               transport.get());
  NodeCoreOptions options;
  options.province = setup.province;
  options.incarnation = incarnation;
  options.message_life = setup.message_life;
  options.build = build;
  NodeCoreDeps deps;
  deps.store = store.get();
  deps.directory = directory.get();
  deps.algorithms = platform::SmSuite();
  deps.signer = setup.keys.get();
  deps.unwrapper = setup.keys.get();
  deps.random = &random;
  deps.transport = transport.get();
  deps.observer = observer.get();
  deps.make_cases = [this](std::string prefix,
                           std::function<bool(contract::ProvinceCode)> link_open) {
    return NewCaseService(CaseDeps(std::move(prefix), std::move(link_open)));
  };
  absl::StatusOr<std::unique_ptr<NodeCore>> made = NodeCore::Create(options, deps, clock->Now());
  if (!made.ok()) return made.status();
  core = *std::move(made);
  return absl::OkStatus();
}

void NodeProcess::Parts::MakeLinkTester() {
  link_test_service = MakeLinkTestService([this] { return Channel(); });
  LinkTestDeps deps;
  deps.province = setup.province;
  deps.algorithms = platform::SmSuite();
  deps.signer = setup.keys.get();
  deps.unwrapper = setup.keys.get();
  deps.clock = clock;
  deps.policy = &setup.policy;
  deps.genesis_digest = setup.genesis_digest;
  deps.business_incarnation = incarnation;
  deps.build = build;
  deps.doubles = setup.config.systems().doubles();
  deps.fingerprints = setup.key_ids;
  deps.fingerprints.push_back(setup.tls.fingerprint.str());
  deps.make_random = [] { return std::make_unique<platform::SystemRandom>(); };
  deps.check_portrait = platform::CheckPortrait;
  deps.service = link_test_service.get();
  deps.make_transport = [this](PostCoreEvent post) {
    return std::make_unique<ExchangeClient>(Channel(), std::move(post));
  };
  deps.business = transport.get();
  deps.business_store = store.get();
  deps.report_replayed = [this](const contract::RunId& run) {
    bool replayed = false;
    const absl::Status asked = loop->Call([&](NodeCore& of_business) {
      replayed = of_business.directory().HasReport(run);
      return absl::OkStatus();
    });
    return asked.ok() && replayed;
  };
  deps.log = [](const std::string& line) { platform::LogInfo("node.linktest", line); };
  link_tester = std::make_unique<NodeLinkTester>(std::move(deps));
}

void NodeProcess::Parts::MakeRouteOffice() {
  directory_service = MakeDirectoryService([this] { return Channel(); });
  RouteOffice::Deps deps;
  deps.province = setup.province;
  deps.algorithms = platform::SmSuite();
  deps.signer = setup.keys.get();
  deps.service = directory_service.get();
  deps.read = [this](const std::function<void(const contract::DirectoryState&)>& reader) {
    return loop->Call([&](NodeCore& of_business) {
      reader(of_business.directory());
      return absl::OkStatus();
    });
  };
  deps.now = [this] { return clock->Now(); };
  route_office = std::make_unique<RouteOffice>(std::move(deps));
}

absl::Status NodeProcess::Parts::Serve() {
  NodeAdminDeps admin_deps;
  admin_deps.province = setup.province;
  admin_deps.build = build;
  admin_deps.loop = loop.get();
  admin_deps.clock = clock;
  admin_deps.link_tester = link_tester.get();
  admin_deps.route_office = route_office.get();
  admin_deps.store = store.get();
  admin_deps.callers = setup.callers.get();
  admin = NodeAdminRpc::Create(std::move(admin_deps));
  GatewayRpc::Deps gateway_deps;
  gateway_deps.runner = loop.get();
  gateway_deps.callers = setup.callers.get();
  gateway_deps.clock = clock;
  gateway_deps.peer = platform::PeerFingerprint;
  gateway_deps.on_answered = [this](absl::string_view call, v1::ErrorReason reason) {
    metrics->OnGatewayCall(call, reason);
  };
  gateway_deps.room_for_new = [this] { return RoomForNew(); };
  gateway = GatewayRpc::Create(std::move(gateway_deps));
  platform::RpcServer::Options options;
  options.listen = setup.config.gateway_listen();
  options.tls = setup.gateway_tls;
  options.services = {admin->service(), gateway->service()};
  absl::StatusOr<std::unique_ptr<platform::RpcServer>> started =
      platform::RpcServer::Start(std::move(options));
  if (!started.ok()) return started.status();
  server = *std::move(started);
  absl::StatusOr<std::unique_ptr<platform::MetricsServer>> served =
      platform::MetricsServer::Start(&metrics_registry, setup.config.metrics_listen());
  if (!served.ok()) return served.status();
  metrics_server = *std::move(served);
  return WritePorts();
}

// Cases that have begun are led to their end, on what is kept back here.
absl::Status NodeProcess::Parts::RoomForNew() const {
  const std::uint64_t left = platform::FreeDiskBytes(setup.data_dir);
  if (left >= setup.disk_reserve_bytes) return absl::OkStatus();
  return contract::MakeError(
      v1::STORAGE_FULL, v1::SIDE_MINE,
      absl::StrCat("the disk of the node's data_dir is nearly full (", left >> 20, " MiB left, ",
                   setup.disk_reserve_bytes >> 20,
                   " MiB are kept back): running cases go on, no new application is taken"),
      "Try again later; the node's operators must free space.");
}

absl::Status NodeProcess::Parts::WritePorts() const {
  platform::LogInfo(kComponent, "ready",
                    {{"province", setup.province.value()},
                     {"gateway_port", server->port()},
                     {"metrics_port", metrics_server->port()},
                     {"build", build}});
  if (setup.port_file.empty()) return absl::OkStatus();
  return platform::WriteFileAtomically(
      setup.port_file,
      absl::StrCat("gateway=", server->port(), "\nmetrics=", metrics_server->port(), "\n"));
}

void NodeProcess::Parts::Stop() {
  if (link_tester != nullptr) link_tester->Stop();
  if (gateway != nullptr) gateway->StopWatching();
  metrics_server.reset();
  if (server != nullptr) server->Shutdown(kShutdownGrace);
  if (worker != nullptr) worker->Stop();
  if (loop != nullptr) loop->Stop();
  // Callbacks of gRPC and runs of the tester post to what is destroyed below.
  link_tester.reset();
  exchange.reset();
}

NodeProcess::NodeProcess(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

NodeProcess::~NodeProcess() { parts_->Stop(); }

absl::Status NodeProcess::ReloadKeys() {
  Parts& parts = *parts_;
  absl::StatusOr<OwnKeys> own = LoadOwnKeys(parts.setup.path);
  if (!own.ok()) {
    platform::LogError(kComponent, "the keys were not read again; those before stay in use",
                       {{"error", own.status()}});
    return own.status();
  }
  parts.setup.keys->Replace(std::move(own->keys));
  const bool changed = own->tls.fingerprint != parts.certificate;
  if (changed) {
    if (absl::Status dialled = parts.DialBroker(own->tls); !dialled.ok()) return dialled;
  }
  absl::Status taken = parts.loop->Call([&](NodeCore& core) {
    UseCurrentKey(core.directory(), parts.setup.province, parts.clock->Now(), *parts.setup.keys);
    if (changed) parts.exchange->UseChannel(parts.Channel());
    return absl::OkStatus();
  });
  if (!taken.ok()) return taken;
  platform::LogInfo(kComponent, "keys were read again",
                    {{"signing_key", parts.setup.keys->key_id().hex()},
                     {"certificate", parts.certificate.hex()}});
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<NodeProcess>> NodeProcess::Start(
    NodeSetup setup, std::string build,
    std::function<void(const absl::Status&)> on_storage_failure) {
  auto parts = std::make_unique<Parts>();
  parts->setup = std::move(setup);
  parts->build = std::move(build);
  NodeLoop::Options loop;
  loop.clock = parts->clock;
  loop.on_failure = std::move(on_storage_failure);
  loop.on_group = [raw = parts.get()](absl::Duration took, std::size_t events) {
    raw->metrics->OnGroup(took, events);
  };
  loop.on_tick = [raw = parts.get()](NodeCore& core) {
    UseCurrentKey(core.directory(), raw->setup.province, raw->clock->Now(), *raw->setup.keys);
  };
  parts->loop = std::make_unique<NodeLoop>(std::move(loop));
  parts->metrics = std::make_unique<NodeMetrics>(&parts->metrics_registry, parts->loop.get(),
                                                 parts->clock, parts->build);
  std::unique_ptr<NodeProcess> process(new NodeProcess(std::move(parts)));
  Parts& made = *process->parts_;
  if (absl::Status opened = made.OpenStore(); !opened.ok()) return opened;
  if (absl::Status fits = made.CheckKeysFitNetwork(); !fits.ok()) return fits;
  if (absl::Status core = made.MakeCore(); !core.ok()) return core;
  made.loop->Start(made.core.get());
  made.worker->Start();
  if (absl::Status served = made.Serve(); !served.ok()) return served;
  return process;
}

}  // namespace yizhan::node
