#include "province_nodes/cases/case_store.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/resident.h"

namespace yizhan::node {
namespace {

constexpr std::uint32_t kRecordFormat = 1;
constexpr std::size_t kHandleBytes = contract::CaseHandle::kSize;

// Acceptance numbers of a day after a recovery (GA 214.4 has five digits; those
// from 90000 on are for tests).
constexpr std::uint64_t kFirstBlock = 20'000;
constexpr std::uint64_t kBlockSize = 1'000;
constexpr std::uint64_t kBlocks = 69;
constexpr std::size_t kDayBytes = 10;

std::string Big(std::uint64_t value) {
  std::string out(8, '\0');
  for (int i = 7; i >= 0; --i, value >>= 8)
    out[static_cast<std::size_t>(i)] = static_cast<char>(value & 255);
  return out;
}

std::uint64_t ReadBig(absl::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes.substr(0, 8)) value = (value << 8) | static_cast<unsigned char>(c);
  return value;
}

std::string Byte(int value) { return std::string(1, static_cast<char>(value)); }

std::string KeyBytes(const CaseStore::Key& key) {
  return absl::StrCat(key.first.view(), Byte(key.second));
}

// Of `handle[16] role[1]` at the beginning of `bytes`.
CaseStore::Key ReadKey(absl::string_view bytes) {
  CaseStore::Key key;
  if (bytes.size() <= kHandleBytes) return key;
  key.first = *contract::CaseHandle::From(bytes.substr(0, kHandleBytes));
  key.second = static_cast<v1::CaseRole>(bytes[kHandleBytes]);
  return key;
}

absl::Status Unreadable(absl::string_view what) {
  return contract::MakeError(v1::STORAGE_FAILED, v1::SIDE_MINE,
                             absl::StrCat("a stored ", what, " cannot be read"),
                             "Stop the node and restore its store from a backup.");
}

template <typename Message>
absl::StatusOr<std::optional<Message>> Read(const platform::Transaction& txn, absl::string_view key,
                                            absl::string_view what) {
  const absl::StatusOr<std::optional<std::string>> bytes = txn.Get(key);
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return std::optional<Message>();
  Message message;
  if (!message.ParseFromString(**bytes)) return Unreadable(what);
  return std::optional<Message>(std::move(message));
}

std::string WorkPlace(const cases::CaseRecord& record) {
  const std::string& scope = record.role() == v1::CASE_ROLE_ACCEPTING
                                 ? record.form().accepting_point()
                                 : record.form().applicant().home_division();
  return absl::StrCat(CaseStore::WorkPrefix(record.role(), record.state(), scope), "/",
                      record.case_handle());
}

// 'd' entries of a record, each key with its value.
std::set<std::pair<std::string, std::string>> DueEntries(const cases::CaseRecord& record) {
  std::set<std::pair<std::string, std::string>> out;
  for (const v1::CaseClock& clock : record.clocks()) {
    if (clock.met_unix_us() != 0) continue;
    out.emplace(absl::StrCat(Big(static_cast<std::uint64_t>(clock.warns_unix_us())),
                             KeyBytes(KeyOf(record)), Byte(clock.kind())),
                Big(static_cast<std::uint64_t>(clock.due_unix_us())));
  }
  return out;
}

}  // namespace

CaseStore::Key KeyOf(const cases::CaseRecord& record) {
  return {contract::CaseHandle::From(record.case_handle()).value_or(contract::CaseHandle()),
          record.role()};
}

std::string CaseStore::At(char kind, absl::string_view rest) const {
  return absl::StrCat(prefix_, std::string(1, kind), rest);
}

std::string CaseStore::WorkPrefix(v1::CaseRole role, v1::CaseState state, absl::string_view scope) {
  return absl::StrCat(Byte(role), Byte(state), scope);
}

absl::StatusOr<std::uint64_t> CaseStore::Number(const platform::Transaction& txn,
                                                absl::string_view key) const {
  const absl::StatusOr<std::optional<std::string>> bytes = txn.Get(key);
  if (!bytes.ok()) return bytes.status();
  return bytes->has_value() ? ReadBig(**bytes) : std::uint64_t{0};
}

absl::StatusOr<std::optional<cases::CaseRecord>> CaseStore::Load(const platform::Transaction& txn,
                                                                 const Key& key) const {
  auto record = Read<cases::CaseRecord>(txn, At('r', KeyBytes(key)), "case");
  if (record.ok() && record->has_value() && (*record)->format_version() != kRecordFormat) {
    return Unreadable("case of another format version");
  }
  return record;
}

absl::Status CaseStore::Count(platform::Transaction& txn, const cases::CaseRecord& record,
                              std::int64_t change) const {
  std::string key = At('c', absl::StrCat(Byte(record.role()), Byte(record.state())));
  const absl::StatusOr<std::uint64_t> count = Number(txn, key);
  if (!count.ok()) return count.status();
  txn.Put(std::move(key), Big(*count + static_cast<std::uint64_t>(change)));
  return absl::OkStatus();
}

absl::Status CaseStore::Save(platform::Transaction& txn,
                             const std::optional<cases::CaseRecord>& before,
                             cases::CaseRecord& record) const {
  const std::string key = KeyBytes(KeyOf(record));
  const absl::StatusOr<std::uint64_t> revision = Number(txn, At('R', ""));
  if (!revision.ok()) return revision.status();
  record.set_format_version(kRecordFormat);
  record.set_revision(*revision + 1);
  txn.Put(At('R', ""), Big(record.revision()));
  txn.Put(At('v', Big(record.revision())), key);
  if (before.has_value()) txn.Delete(At('v', Big(before->revision())));

  const std::string place = WorkPlace(record);
  if (!before.has_value() || WorkPlace(*before) != place) {
    if (before.has_value()) {
      txn.Delete(At('w', WorkPlace(*before)));
      if (absl::Status status = Count(txn, *before, -1); !status.ok()) return status;
    }
    txn.Put(At('w', place), "");
    if (absl::Status status = Count(txn, record, 1); !status.ok()) return status;
  }

  const auto due_now = DueEntries(record);
  if (before.has_value()) {
    for (const auto& entry : DueEntries(*before)) {
      if (due_now.count(entry) == 0) txn.Delete(At('d', entry.first));
    }
  }
  for (const auto& [due_key, due] : due_now) txn.Put(At('d', due_key), due);

  if (!record.acceptance_number().empty() &&
      (!before.has_value() || before->acceptance_number().empty())) {
    txn.Put(At('n', record.acceptance_number()), record.case_handle());
  }
  txn.Put(At('r', key), record.SerializeAsString());
  return absl::OkStatus();
}

absl::StatusOr<cases::Biometrics> CaseStore::LoadBiometrics(const platform::Transaction& txn,
                                                            const Key& key) const {
  auto found = Read<cases::Biometrics>(txn, At('b', KeyBytes(key)), "portrait");
  if (!found.ok()) return found.status();
  return found->value_or(cases::Biometrics());
}

void CaseStore::SaveBiometrics(platform::Transaction& txn, const Key& key,
                               const cases::Biometrics& biometrics) const {
  txn.Put(At('b', KeyBytes(key)), biometrics.SerializeAsString());
}

void CaseStore::DeleteBiometrics(platform::Transaction& txn, const Key& key) const {
  txn.Delete(At('b', KeyBytes(key)));
}

absl::StatusOr<std::optional<contract::CaseHandle>> CaseStore::FindNumber(
    const platform::Transaction& txn, absl::string_view number) const {
  const absl::StatusOr<std::optional<std::string>> handle = txn.Get(At('n', number));
  if (!handle.ok()) return handle.status();
  if (!handle->has_value()) return std::optional<contract::CaseHandle>();
  return contract::CaseHandle::From(**handle);
}

absl::StatusOr<std::uint32_t> CaseStore::NextSequence(platform::Transaction& txn,
                                                      absl::string_view point,
                                                      absl::string_view day,
                                                      std::uint32_t first) const {
  std::string key = At('q', absl::StrCat(point, day));
  const absl::StatusOr<std::uint64_t> last = Number(txn, key);
  if (!last.ok()) return last.status();
  std::uint64_t next = *last == 0 ? first : *last + 1;
  const auto jump = txn.Get(At('Q', ""));
  if (!jump.ok()) return jump.status();
  if (jump->has_value() && day <= absl::string_view(**jump).substr(0, kDayBytes)) {
    next = std::max(next, ReadBig(absl::string_view(**jump).substr(kDayBytes)) + 1);
  }
  txn.Put(std::move(key), Big(next));
  return static_cast<std::uint32_t>(next);
}

absl::Status CaseStore::JumpSequences(platform::Transaction& txn, absl::Time now) const {
  // The backup does not know what was given since, nor of recoveries since: each
  // hour has a block of its own.
  const auto hour = static_cast<std::uint64_t>(absl::ToUnixSeconds(now) / 3600);
  std::uint64_t floor = kFirstBlock + hour % kBlocks * kBlockSize;
  const auto before = txn.Get(At('Q', ""));
  if (!before.ok()) return before.status();
  if (before->has_value()) {
    const std::uint64_t last = ReadBig(absl::string_view(**before).substr(kDayBytes));
    if (last >= floor && last < floor + kBlockSize) floor = last + kBlockSize / 10;
  }
  const std::string day = contract::FormatDate(contract::ShanghaiDay(now));
  txn.Put(At('Q', ""), absl::StrCat(day, Big(floor)));
  return absl::OkStatus();
}

void CaseStore::PutTask(platform::Transaction& txn, const cases::PendingTask& task) const {
  txn.Put(At('t', absl::StrCat(task.case_handle(), Byte(static_cast<int>(task.kind())))),
          task.SerializeAsString());
}

absl::StatusOr<std::optional<cases::PendingTask>> CaseStore::FindTask(
    const platform::Transaction& txn, const contract::CaseHandle& handle,
    std::uint32_t kind) const {
  return Read<cases::PendingTask>(
      txn, At('t', absl::StrCat(handle.view(), Byte(static_cast<int>(kind)))), "task");
}

void CaseStore::DeleteTask(platform::Transaction& txn, const contract::CaseHandle& handle,
                           std::uint32_t kind) const {
  txn.Delete(At('t', absl::StrCat(handle.view(), Byte(static_cast<int>(kind)))));
}

absl::StatusOr<std::vector<cases::PendingTask>> CaseStore::Tasks(
    const platform::Transaction& txn) const {
  std::vector<cases::PendingTask> out;
  bool readable = true;
  const std::string begin = At('t', "");
  const absl::Status status =
      txn.Scan(begin, platform::PrefixEnd(begin), [&](absl::string_view, absl::string_view value) {
        cases::PendingTask task;
        readable = task.ParseFromArray(value.data(), static_cast<int>(value.size()));
        out.push_back(std::move(task));
        return readable;
      });
  if (!status.ok()) return status;
  if (!readable) return Unreadable("task");
  return out;
}

absl::StatusOr<std::optional<cases::AnsweredRequest>> CaseStore::FindAnswer(
    const platform::Transaction& txn, absl::string_view caller, absl::string_view request) const {
  return Read<cases::AnsweredRequest>(txn, At('i', absl::StrCat(caller, Byte(0), request)),
                                      "answer");
}

void CaseStore::PutAnswer(platform::Transaction& txn, absl::string_view caller,
                          absl::string_view request, const cases::AnsweredRequest& answer) const {
  txn.Put(At('i', absl::StrCat(caller, Byte(0), request)), answer.SerializeAsString());
}

absl::Status CaseStore::VisitWork(
    const platform::Transaction& txn, absl::string_view begin, absl::string_view end,
    const std::function<bool(absl::string_view place, const Key& key)>& visit) const {
  const std::string index = At('w', "");
  return txn.Scan(
      absl::StrCat(index, begin), absl::StrCat(index, end),
      [&](absl::string_view key, absl::string_view) {
        const absl::string_view place = key.substr(index.size());
        if (place.size() < 1 + kHandleBytes) return true;
        return visit(place, {*contract::CaseHandle::From(place.substr(place.size() - kHandleBytes)),
                             static_cast<v1::CaseRole>(place[0])});
      });
}

absl::Status CaseStore::VisitChanges(const platform::Transaction& txn, std::uint64_t after,
                                     const std::function<bool(const Key& key)>& visit) const {
  return txn.Scan(
      At('v', Big(after + 1)), platform::PrefixEnd(At('v', "")),
      [&](absl::string_view, absl::string_view value) { return visit(ReadKey(value)); });
}

absl::Status CaseStore::VisitDue(
    const platform::Transaction& txn, absl::string_view begin, std::int64_t as_of_us,
    const std::function<bool(absl::string_view place, const DueClock& clock)>& visit) const {
  const std::string index = At('d', "");
  const std::string end = Big(static_cast<std::uint64_t>(as_of_us) + 1);
  return txn.Scan(absl::StrCat(index, begin), absl::StrCat(index, end),
                  [&](absl::string_view key, absl::string_view value) {
                    const absl::string_view place = key.substr(index.size());
                    DueClock clock;
                    clock.warns_us = static_cast<std::int64_t>(ReadBig(place));
                    clock.key = ReadKey(place.substr(8));
                    clock.kind = static_cast<v1::ClockKind>(place.back());
                    clock.due_us = static_cast<std::int64_t>(ReadBig(value));
                    return visit(place, clock);
                  });
}

absl::Status CaseStore::VisitCounts(
    const platform::Transaction& txn,
    const std::function<bool(v1::CaseRole, v1::CaseState, std::uint64_t)>& visit) const {
  const std::string index = At('c', "");
  return txn.Scan(index, platform::PrefixEnd(index),
                  [&](absl::string_view key, absl::string_view value) {
                    const absl::string_view place = key.substr(index.size());
                    return visit(static_cast<v1::CaseRole>(place[0]),
                                 static_cast<v1::CaseState>(place[1]), ReadBig(value));
                  });
}

}  // namespace yizhan::node
