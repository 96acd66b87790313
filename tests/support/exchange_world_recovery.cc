// Crashes of a node, backups of its store, and the way back from them.
#include <cstdio>
#include <cstdlib>

#include "province_nodes/store/node_store.h"
#include "province_nodes/store/proto_io.h"
#include "province_nodes/store/store.pb.h"
#include "tests/support/exchange_world.h"

namespace yizhan::testing {
namespace {

// A fixture's own step that fails is no finding of the test.
void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "exchange world: %s\n", status.ToString().c_str());
  std::abort();
}

}  // namespace

void WorldNode::Crash() {
  CloseSession();
  events_.clear();
  core.reset();
  directory_.reset();
  if (world_->make_store_ != nullptr) store_.reset();
  Start();
}

platform::MemoryStore::Map WorldNode::Backup() const {
  platform::MemoryStore::Map map;
  for (auto it = store_->Scan("", ""); it->Valid(); it->Next()) {
    map.emplace(std::string(it->key()), std::string(it->value()));
  }
  return map;
}

void WorldNode::Restore(const platform::MemoryStore::Map& backup) {
  CloseSession();
  core.reset();
  platform::WriteBatch batch;
  for (auto it = store_->Scan("", ""); it->Valid(); it->Next())
    batch.Delete(std::string(it->key()));
  for (const auto& [key, value] : backup) batch.Put(key, value);
  Must(store_->Write(batch));
  Start();
}

void WorldNode::Recover(bool force) {
  Must(core->Recover(force, world_->now()));
  world_->Settle();
}

std::uint64_t WorldNode::SentIn(std::uint32_t to, char case_name) const {
  const auto numbers = node::GetProto<node::store::CaseNumbers>(
      *store_, node::LaneKeys(node::BusinessPrefix())
                   .Numbers(contract::ProvinceCode(to), ExchangeWorld::Handle(case_name)));
  return numbers.ok() && numbers->has_value() ? (*numbers)->sent_sequence() : 0;
}

}  // namespace yizhan::testing
