#include "tests/support/case_network.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "adapters/platform/image/portrait.h"
#include "protos/contract/errors.h"
#include "province_nodes/policy/policy_file.h"

namespace yizhan::node {
namespace {

const char kSample[] = YIZHAN_SOURCE_DIR "/tools/demo/sample";

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "test data: %s\n", value.status().ToString().c_str());
    std::abort();
  }
  return std::move(*value);
}

Caller Of(const char* name, v1::CallerRole role) { return {name, {role}, {"*"}, {"*"}}; }

}  // namespace

Caller PointCaller() { return Of("point", v1::CALLER_POINT); }
Caller CountyCaller() { return Of("county", v1::CALLER_COUNTY); }
Caller CentreCaller() { return Of("centre", v1::CALLER_CENTRE); }
Caller CollectionCaller() { return Of("desk", v1::CALLER_COLLECTION); }
Caller SystemCaller() { return Of("system", v1::CALLER_SYSTEM); }
Caller OperatorCaller() { return Of("operator", v1::CALLER_OPERATOR); }

CaseNetwork::CaseNetwork()
    : policy_(OrDie(LoadPolicy(YIZHAN_SOURCE_DIR "/deploy/data/policy.textproto"))),
      points_(OrDie(systems::FilePointRegistry::Load(std::string(kSample) + "/points.jsonl"))),
      divisions_(OrDie(systems::Divisions::Load(YIZHAN_SOURCE_DIR "/deploy/data/divisions.csv"))) {}

CaseNetwork::Node& CaseNetwork::node(int province) {
  auto& place = nodes_[province];
  if (place != nullptr) return *place;
  place = std::make_unique<Node>();
  place->txn = std::make_unique<platform::Transaction>(&place->store);
  place->random = std::make_unique<platform::SeededRandom>(static_cast<std::uint64_t>(province));
  const std::string file =
      std::string(kSample) + "/registers/" + std::to_string(province) + ".jsonl";
  if (std::filesystem::exists(file)) {
    place->population = OrDie(systems::FilePopulationRegister::Load(file));
  }
  place->centre = OrDie(systems::FileCardCentre::Open(""));
  CaseServiceDeps deps;
  deps.province = contract::ProvinceCode(static_cast<std::uint32_t>(province));
  deps.hasher = &hasher_;
  deps.random = place->random.get();
  deps.policy = &policy_;
  deps.key_prefix = "cases/";
  deps.link_open = [this, province](contract::ProvinceCode home) {
    return routes_.count({province, static_cast<int>(home.value())}) != 0;
  };
  deps.point_designated = [this](const std::string& point, absl::CivilDay day) {
    return points_->IsDesignated(point, day);
  };
  deps.division_known = [this](absl::string_view code) { return divisions_->IsCounty(code); };
  deps.check_portrait = platform::CheckPortrait;
  place->service = NewCaseService(std::move(deps));
  return *place;
}

void CaseNetwork::Take(Node& node, CaseEffects effects) {
  for (OutgoingMessage& message : effects.messages) node.messages.push_back(std::move(message));
  for (SystemTask& task : effects.tasks) node.tasks.push_back(std::move(task));
  for (v1::CaseView& view : effects.changed) node.changed.push_back(std::move(view));
}

absl::StatusOr<v1::CaseView> CaseNetwork::Run(int province, const Command& command) {
  Node& at = node(province);
  const platform::Transaction::Mark mark = at.txn->SetMark();
  CaseEffects effects;
  absl::StatusOr<v1::CaseView> view = command(*at.txn, *at.service, effects);
  if (!view.ok()) {
    at.txn->RollBackTo(mark);
    return view;
  }
  if (absl::Status status = at.txn->Commit(); !status.ok()) return status;
  Take(at, std::move(effects));
  return view;
}

absl::StatusOr<v1::CaseView> CaseNetwork::View(int province, const std::string& handle,
                                               v1::CaseRole role, std::int64_t as_of_us) {
  v1::GetCaseRequest request;
  request.mutable_case_()->set_case_handle(handle);
  request.mutable_case_()->set_role(role);
  request.set_as_of_unix_us(as_of_us);
  Node& at = node(province);
  return at.service->GetCase(*at.txn, SystemCaller(), request);
}

absl::Status CaseNetwork::Inject(int province, int source, v1::MessageKind kind,
                                 const std::string& handle, v1::Payload payload) {
  InboundMessage in;
  in.source = contract::ProvinceCode(static_cast<std::uint32_t>(source));
  in.kind = kind;
  in.case_handle = *contract::CaseHandle::From(handle);
  in.sequence = source == province ? 0 : ++sequences_[{source, province, handle}];
  in.header_digest = hasher_.Hash(std::to_string(in.sequence));
  in.payload = std::move(payload);
  return Run(province,
             [&](platform::Transaction& txn, CaseService& cases,
                 CaseEffects& effects) -> absl::StatusOr<v1::CaseView> {
               if (absl::Status status = cases.OnMessage(txn, in, effects); !status.ok()) {
                 return status;
               }
               return v1::CaseView();
             })
      .status();
}

absl::Status CaseNetwork::Passage(int province, const std::string& handle,
                                  const v1::CaseMessage& message) {
  return Run(province,
             [&](platform::Transaction& txn, CaseService& cases,
                 CaseEffects& effects) -> absl::StatusOr<v1::CaseView> {
               const auto key = *contract::CaseHandle::From(handle);
               if (absl::Status s = cases.OnPassage(txn, key, message, effects); !s.ok()) return s;
               return v1::CaseView();
             })
      .status();
}

void CaseNetwork::Hand(int from, const OutgoingMessage& message) {
  const int to = static_cast<int>(message.destination.value());
  const std::string handle = message.case_handle.str();
  sent_.push_back(message.kind);
  v1::CaseMessage news;
  news.set_kind(message.kind);
  if (to != from) {
    news.set_sequence(sequences_[{from, to, handle}] + 1);
    news.set_passage(v1::PASSAGE_WAITING);
    news.set_at_unix_us(1'000'000);
    (void)Passage(from, handle, news);
  }
  const absl::Status status = Inject(to, from, message.kind, handle, message.payload);
  if (to != from) {
    InboundMessage in;
    in.source = contract::ProvinceCode(static_cast<std::uint32_t>(from));
    in.kind = message.kind;
    in.case_handle = message.case_handle;
    in.sequence = sequences_[{from, to, handle}];
    in.header_digest = hasher_.Hash(std::to_string(in.sequence));
    in.payload = message.payload;
    handed_.push_back({from, to, std::move(in)});
  }
  if (!status.ok()) refusals_.push_back(status);
  if (to == from) return;
  news.set_passage(status.ok() ? v1::PASSAGE_RECEIVED : v1::PASSAGE_REFUSED);
  news.set_reason(contract::ReasonOf(status));
  news.set_at_unix_us(2'000'000);
  receipts_.push_back({from, message.case_handle, news});
}

void CaseNetwork::DeliverMessages() {
  for (auto& [province, at] : nodes_) {
    while (!at->messages.empty()) {
      const OutgoingMessage message = std::move(at->messages.front());
      at->messages.pop_front();
      Hand(province, message);
    }
  }
}

void CaseNetwork::DeliverReceipts() {
  while (!receipts_.empty()) {
    const Receipt receipt = receipts_.front();
    receipts_.pop_front();
    (void)Passage(receipt.to, receipt.handle.str(), receipt.message);
  }
}

void CaseNetwork::AnswerSystems() {
  for (auto& [province, at] : nodes_) {
    std::deque<SystemTask> tasks;
    tasks.swap(at->tasks);
    for (const SystemTask& task : tasks) {
      (void)Run(province,
                [&, &here = *at](platform::Transaction& txn, CaseService& cases,
                                 CaseEffects& effects) -> absl::StatusOr<v1::CaseView> {
                  systems::CardRecord card{task.acceptance_number, task.card_serial, {}};
                  card.person.id_number = task.person.id_number();
                  absl::Status status;
                  if (task.kind == SystemTask::Kind::kRegisterLookup) {
                    const auto found = here.population->Lookup(task.person.id_number());
                    std::optional<RegisterRecord> record;
                    if (found->has_value()) {
                      const systems::PersonRecord& from = (*found)->person;
                      record.emplace();
                      record->person.set_name(from.name);
                      record->person.set_id_number(from.id_number);
                      record->person.set_sex(from.sex);
                      record->person.set_ethnicity(from.ethnicity);
                      record->person.set_birth_date(from.birth_date);
                      record->person.set_home_division(from.home_division);
                      record->person.set_home_address(from.home_address);
                      record->has_history_photo = (*found)->has_history_photo;
                      record->credit_listed = (*found)->credit_listed;
                    }
                    status = cases.OnRegisterAnswer(txn, task, record, effects);
                  } else {
                    const auto done = task.kind == SystemTask::Kind::kCardCentreOrder
                                          ? here.centre->Order(card)
                                          : here.population->RecordCard(card);
                    v1::SystemOutcome outcome;
                    outcome.set_applied(done->applied);
                    outcome.set_system(done->system);
                    outcome.set_reject_code(done->reject_code);
                    status = cases.OnSystemOutcome(txn, task, outcome, effects);
                  }
                  if (!status.ok()) refusals_.push_back(status);
                  return v1::CaseView();
                });
    }
  }
}

void CaseNetwork::Deliver() {
  const auto waits = [this] {
    for (const auto& [province, at] : nodes_) {
      if (!at->messages.empty() || (registers_answer && !at->tasks.empty())) return true;
    }
    return !receipts_.empty();
  };
  while (waits()) {
    DeliverMessages();
    DeliverReceipts();
    if (registers_answer) AnswerSystems();
  }
}

}  // namespace yizhan::node
