#include "broker/service/link_run_store.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace yizhan::broker {
namespace {

using contract::ProvinceCode;
using contract::RunId;

std::string ByteOf(ProvinceCode province) {
  return std::string(1, static_cast<char>(province.value()));
}

std::string RunAndProvince(const RunId& run, ProvinceCode province) {
  return absl::StrCat(run.view(), ByteOf(province));
}

std::string BigEndian(std::uint64_t value) {
  std::string out(8, '\0');
  for (int i = 7; i >= 0; --i, value >>= 8) out[i] = static_cast<char>(value & 0xff);
  return out;
}

std::uint64_t FromBigEndian(absl::string_view bytes) {
  std::uint64_t value = 0;
  for (char c : bytes) value = (value << 8) | static_cast<std::uint8_t>(c);
  return value;
}

template <typename Message>
absl::StatusOr<std::optional<Message>> GetMessage(const platform::Transaction& txn,
                                                  const std::string& key) {
  absl::StatusOr<std::optional<std::string>> bytes = txn.Get(key);
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return std::optional<Message>();
  Message message;
  if (!message.ParseFromString(**bytes)) {
    return absl::DataLossError("a stored record of a connectivity test does not parse");
  }
  return std::optional<Message>(std::move(message));
}

}  // namespace

std::string NameOfVerdict(const v1::CaseVerdict& verdict) {
  return absl::StrCat(verdict.case_id(), " ", verdict.from(), "->", verdict.to());
}

bool IsOpen(const v1::LinkRun& run) {
  return run.state() == v1::RUN_OPEN || run.state() == v1::RUN_SIGNING;
}

std::string LinkRunStore::Key(char kind, absl::string_view rest) const {
  return absl::StrCat(prefix_, std::string(1, kind), rest);
}

std::string LinkRunStore::PairKey(std::uint32_t one, std::uint32_t other) const {
  return Key('o', absl::StrCat(ByteOf(ProvinceCode(std::min(one, other))),
                               ByteOf(ProvinceCode(std::max(one, other)))));
}

absl::StatusOr<std::optional<v1::SignedArming>> LinkRunStore::Arming(ProvinceCode province,
                                                                     ProvinceCode peer) const {
  return GetMessage<v1::SignedArming>(*txn_,
                                      Key('a', absl::StrCat(ByteOf(province), ByteOf(peer))));
}

void LinkRunStore::PutArming(ProvinceCode province, ProvinceCode peer,
                             const v1::SignedArming& arming) const {
  txn_->Put(Key('a', absl::StrCat(ByteOf(province), ByteOf(peer))), arming.SerializeAsString());
}

absl::StatusOr<std::optional<v1::LinkRun>> LinkRunStore::Run(const RunId& run) const {
  return GetMessage<v1::LinkRun>(*txn_, Key('r', run.view()));
}

void LinkRunStore::PutRun(const v1::LinkRun& run, absl::Time now) const {
  txn_->Put(Key('r', run.run_id()), run.SerializeAsString());
  txn_->Put(Key('t', run.run_id()), BigEndian(static_cast<std::uint64_t>(absl::ToUnixMicros(now))));
  const std::string pair = PairKey(run.initiator(), run.counterpart());
  if (IsOpen(run)) {
    txn_->Put(pair, run.run_id());
  } else {
    txn_->Delete(pair);
  }
}

absl::StatusOr<absl::Time> LinkRunStore::LastChange(const RunId& run) const {
  absl::StatusOr<std::optional<std::string>> bytes = txn_->Get(Key('t', run.view()));
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return absl::InfinitePast();
  return absl::FromUnixMicros(static_cast<std::int64_t>(FromBigEndian(**bytes)));
}

absl::StatusOr<std::vector<v1::LinkRun>> LinkRunStore::OpenRuns() const {
  std::vector<RunId> ids;
  const std::string begin = Key('o', "");
  absl::Status scanned = txn_->Scan(begin, platform::PrefixEnd(begin),
                                    [&](absl::string_view, absl::string_view value) {
                                      if (std::optional<RunId> id = RunId::From(value))
                                        ids.push_back(*id);
                                      return true;
                                    });
  if (!scanned.ok()) return scanned;
  std::vector<v1::LinkRun> runs;
  for (const RunId& id : ids) {
    absl::StatusOr<std::optional<v1::LinkRun>> run = Run(id);
    if (!run.ok()) return run.status();
    if (run->has_value()) runs.push_back(std::move(**run));
  }
  return runs;
}

absl::StatusOr<std::optional<v1::LinkRun>> LinkRunStore::OpenRunOf(ProvinceCode one,
                                                                   ProvinceCode other) const {
  absl::StatusOr<std::optional<std::string>> id = txn_->Get(PairKey(one.value(), other.value()));
  if (!id.ok()) return id.status();
  if (!id->has_value()) return std::optional<v1::LinkRun>();
  std::optional<RunId> run = RunId::From(**id);
  if (!run) return absl::DataLossError("the index of open connectivity tests is malformed");
  return Run(*run);
}

void LinkRunStore::PutConsent(const RunId& run, ProvinceCode province,
                              const v1::SignedArming& consent) const {
  txn_->Put(Key('c', RunAndProvince(run, province)), consent.SerializeAsString());
}

absl::StatusOr<std::optional<v1::PostVerdictsRequest>> LinkRunStore::Party(
    const RunId& run, ProvinceCode province) const {
  return GetMessage<v1::PostVerdictsRequest>(*txn_, Key('p', RunAndProvince(run, province)));
}

void LinkRunStore::PutParty(const RunId& run, ProvinceCode province,
                            const v1::PostVerdictsRequest& party) const {
  txn_->Put(Key('p', RunAndProvince(run, province)), party.SerializeAsString());
}

absl::StatusOr<std::map<std::string, v1::CaseEvidence>> LinkRunStore::Evidence(
    const RunId& run) const {
  std::map<std::string, v1::CaseEvidence> out;
  bool malformed = false;
  const std::string begin = Key('e', run.view());
  absl::Status scanned = txn_->Scan(
      begin, platform::PrefixEnd(begin), [&](absl::string_view, absl::string_view value) {
        v1::CaseEvidence evidence;
        malformed = !evidence.ParseFromArray(value.data(), static_cast<int>(value.size()));
        if (malformed) return false;
        out[absl::StrCat(evidence.case_id(), " ", evidence.from(), "->", evidence.to())] =
            std::move(evidence);
        return true;
      });
  if (!scanned.ok()) return scanned;
  if (malformed) return absl::DataLossError("stored evidence of a connectivity test is malformed");
  return out;
}

void LinkRunStore::PutEvidence(const RunId& run, const v1::CaseVerdict& of,
                               const std::string& serialized) const {
  txn_->Put(Key('e', absl::StrCat(run.view(), ByteOf(ProvinceCode(of.from())),
                                  ByteOf(ProvinceCode(of.to())), of.case_id())),
            serialized);
}

absl::StatusOr<std::optional<v1::Signature>> LinkRunStore::ReportSignature(
    const RunId& run, ProvinceCode province) const {
  return GetMessage<v1::Signature>(*txn_, Key('s', RunAndProvince(run, province)));
}

void LinkRunStore::PutReportSignature(const RunId& run, ProvinceCode province,
                                      const v1::Signature& signature) const {
  txn_->Put(Key('s', RunAndProvince(run, province)), signature.SerializeAsString());
}

absl::StatusOr<LinkRunStore::Used> LinkRunStore::Budget(const RunId& run) const {
  absl::StatusOr<std::optional<std::string>> bytes = txn_->Get(Key('b', run.view()));
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return Used{};
  if ((*bytes)->size() != 16) return absl::DataLossError("stored budget of a run is malformed");
  const absl::string_view view = **bytes;
  return Used{FromBigEndian(view.substr(0, 8)), FromBigEndian(view.substr(8))};
}

void LinkRunStore::PutBudget(const RunId& run, const Used& used) const {
  txn_->Put(Key('b', run.view()), absl::StrCat(BigEndian(used.messages), BigEndian(used.bytes)));
}

}  // namespace yizhan::broker
