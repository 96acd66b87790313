#include "adapters/platform/pkcs11/token.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

constexpr CK_ULONG kMaxAttributeBytes = 4096;

// The session, the login or the token is gone, and may come again.
bool IsLost(CK_RV answer) {
  switch (answer) {
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_DEVICE_REMOVED:
    case CKR_DEVICE_ERROR:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_KEY_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_OPERATION_ACTIVE:  // left behind by a call that failed
      return true;
    default:
      return false;
  }
}

bool IsPinRefused(CK_RV answer) {
  return answer == CKR_PIN_INCORRECT || answer == CKR_PIN_LOCKED || answer == CKR_PIN_EXPIRED ||
         answer == CKR_PIN_INVALID || answer == CKR_PIN_LEN_RANGE;
}

}  // namespace

CK_RV Pkcs11Session::Find(CK_OBJECT_CLASS kind, const std::string& label,
                          CK_OBJECT_HANDLE* object) {
  const auto known = found_.find({kind, label});
  if (known != found_.end()) {
    *object = known->second;
    return CKR_OK;
  }
  CK_BBOOL on_token = CK_TRUE;
  CK_ATTRIBUTE wanted[] = {
      {CKA_CLASS, &kind, sizeof(kind)},
      {CKA_TOKEN, &on_token, sizeof(on_token)},
      {CKA_LABEL, const_cast<char*>(label.data()), static_cast<CK_ULONG>(label.size())},
  };
  CK_RV answer = functions_->C_FindObjectsInit(handle_, wanted, std::size(wanted));
  if (answer != CKR_OK) return answer;
  CK_OBJECT_HANDLE objects[2] = {};
  CK_ULONG count = 0;
  answer = functions_->C_FindObjects(handle_, objects, 2, &count);
  const CK_RV ended = functions_->C_FindObjectsFinal(handle_);
  if (answer != CKR_OK) return answer;
  if (ended != CKR_OK) return ended;
  if (count != 1) return kKeyNotFound;
  found_[{kind, label}] = *object = objects[0];
  return CKR_OK;
}

CK_RV Pkcs11Session::ReadAttribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                                   std::string* value) const {
  CK_ATTRIBUTE attribute = {type, nullptr, 0};
  CK_RV answer = functions_->C_GetAttributeValue(handle_, object, &attribute, 1);
  if (answer != CKR_OK) return answer;
  if (attribute.ulValueLen > kMaxAttributeBytes) return CKR_ATTRIBUTE_VALUE_INVALID;
  value->assign(attribute.ulValueLen, '\0');
  attribute.pValue = value->data();
  answer = functions_->C_GetAttributeValue(handle_, object, &attribute, 1);
  if (answer == CKR_OK && attribute.ulValueLen <= value->size())
    value->resize(attribute.ulValueLen);
  return answer;
}

Pkcs11Token::Pkcs11Token(std::shared_ptr<const Pkcs11Module> module, std::string label,
                         contract::SecretBytes pin)
    : module_(std::move(module)), label_(std::move(label)), pin_(std::move(pin)) {}

Pkcs11Token::~Pkcs11Token() {
  MutexLock lock(&mutex_);
  for (const auto& session : idle_) (*module_)->C_CloseSession(session->handle());
}

absl::StatusOr<std::shared_ptr<Pkcs11Token>> Pkcs11Token::Open(
    std::shared_ptr<const Pkcs11Module> module, std::string label, contract::SecretBytes pin) {
  std::shared_ptr<Pkcs11Token> token(
      new Pkcs11Token(std::move(module), std::move(label), std::move(pin)));
  const absl::StatusOr<CK_RV> tried = token->Run([](Pkcs11Session&) { return CKR_OK; });
  if (!tried.ok()) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, tried.status().message(),
                               "Check that the module is connected, and token label and PIN. The "
                               "PIN is not tried again by itself, since tokens lock.");
  }
  return token;
}

absl::StatusOr<std::unique_ptr<Pkcs11Session>> Pkcs11Token::OpenSession(int generation) const {
  const absl::StatusOr<CK_SLOT_ID> slot = module_->FindToken(label_);
  if (!slot.ok()) return absl::UnavailableError(slot.status().message());
  CK_SESSION_HANDLE handle = 0;
  CK_RV answer = (*module_)->C_OpenSession(*slot, CKF_SERIAL_SESSION, nullptr, nullptr, &handle);
  if (answer != CKR_OK) {
    return absl::UnavailableError(
        absl::StrCat("the token '", label_, "' opens no session: ", ReturnText(answer)));
  }
  const absl::string_view pin = pin_.ExposeSecretBytes();
  // Sessions of one token share the login, which ends with the last of them.
  answer = (*module_)->C_Login(handle, CKU_USER,
                               reinterpret_cast<unsigned char*>(const_cast<char*>(pin.data())),
                               static_cast<CK_ULONG>(pin.size()));
  if (answer == CKR_OK || answer == CKR_USER_ALREADY_LOGGED_IN) {
    return std::unique_ptr<Pkcs11Session>(
        new Pkcs11Session(module_->operator->(), handle, generation));
  }
  (*module_)->C_CloseSession(handle);
  if (IsPinRefused(answer)) {
    MutexLock lock(&mutex_);
    pin_refused_ = true;
  }
  return absl::UnavailableError(
      absl::StrCat("the token '", label_, "' refuses the login: ", ReturnText(answer)));
}

absl::StatusOr<std::unique_ptr<Pkcs11Session>> Pkcs11Token::Take() const {
  int generation = 0;
  {
    MutexLock lock(&mutex_);
    while (idle_.empty() && open_ >= kMaxSessions) returned_.Wait(&mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Pkcs11Session> session = std::move(idle_.back());
      idle_.pop_back();
      return session;
    }
    if (pin_refused_) {
      return absl::UnavailableError(
          absl::StrCat("the token '", label_, "' refused the PIN, which is not tried again"));
    }
    ++open_;
    generation = generation_;
  }
  auto session = OpenSession(generation);
  if (!session.ok()) {
    MutexLock lock(&mutex_);
    --open_;
    returned_.NotifyOne();
  }
  return session;
}

void Pkcs11Token::Return(std::unique_ptr<Pkcs11Session> session, bool lost) const {
  std::vector<std::unique_ptr<Pkcs11Session>> closing;
  {
    MutexLock lock(&mutex_);
    if (lost && session->generation_ == generation_) {
      // The others are of the same login: close them all, so that the next one
      // logs in again.
      ++generation_;
      closing.swap(idle_);
    }
    if (session->generation_ == generation_) {
      idle_.push_back(std::move(session));
    } else {
      closing.push_back(std::move(session));
    }
    open_ -= closing.size();
    returned_.NotifyAll();
  }
  for (const auto& old : closing) (*module_)->C_CloseSession(old->handle());
}

absl::StatusOr<CK_RV> Pkcs11Token::Run(const Work& work) const {
  CK_RV answer = CKR_OK;
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto session = Take();
    if (!session.ok()) return session.status();
    answer = work(**session);
    const bool lost = IsLost(answer);
    Return(*std::move(session), lost);
    if (!lost) return answer;
  }
  return absl::UnavailableError(
      absl::StrCat("the token '", label_, "' does not answer: ", ReturnText(answer)));
}

}  // namespace yizhan::platform
