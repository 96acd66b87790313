// A token of a PKCS#11 module: its PIN, its sessions. Private to this folder.
#ifndef YIZHAN_ADAPTERS_PLATFORM_PKCS11_TOKEN_H_
#define YIZHAN_ADAPTERS_PLATFORM_PKCS11_TOKEN_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "adapters/platform/mutex/mutex.h"
#include "adapters/platform/pkcs11/module.h"
#include "protos/contract/crypto.h"

namespace yizhan::platform {

// Beside the module's own answers: no key, or several, with that label.
inline constexpr CK_RV kKeyNotFound = CKR_VENDOR_DEFINED | 0x595a0001UL;

// A session that is logged in. One thread at a time.
class Pkcs11Session {
 public:
  // The token object with this label, looked for once a session.
  CK_RV Find(CK_OBJECT_CLASS kind, const std::string& label, CK_OBJECT_HANDLE* object);
  CK_RV ReadAttribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, std::string* value) const;

  CK_FUNCTION_LIST* operator->() const { return functions_; }
  CK_SESSION_HANDLE handle() const { return handle_; }

 private:
  friend class Pkcs11Token;
  Pkcs11Session(CK_FUNCTION_LIST* functions, CK_SESSION_HANDLE handle, int generation)
      : functions_(functions), handle_(handle), generation_(generation) {}

  CK_FUNCTION_LIST* const functions_;
  const CK_SESSION_HANDLE handle_;
  const int generation_;
  std::map<std::pair<CK_OBJECT_CLASS, std::string>, CK_OBJECT_HANDLE> found_;
};

// Any thread.
//  1. At most kMaxSessions are open; a caller waits for a free one.
//  2. A session or token that is gone is opened anew once a call; what still
//     fails is UNAVAILABLE, and the next call tries again.
//  3. A PIN that was refused is never tried again: tokens lock after few trials.
class Pkcs11Token {
 public:
  static constexpr std::size_t kMaxSessions = 8;

  // Opens a first session. CONFIG_INVALID for an absent token or a wrong PIN.
  static absl::StatusOr<std::shared_ptr<Pkcs11Token>> Open(
      std::shared_ptr<const Pkcs11Module> module, std::string label, contract::SecretBytes pin);
  ~Pkcs11Token();

  // Runs `work` in a session and gives its answer, the module's own. A lost
  // session is opened anew and `work` is run once more. UNAVAILABLE where the
  // token cannot be reached, or the session is lost again.
  using Work = std::function<CK_RV(Pkcs11Session&)>;
  absl::StatusOr<CK_RV> Run(const Work& work) const;

  const std::string& label() const { return label_; }

 private:
  Pkcs11Token(std::shared_ptr<const Pkcs11Module> module, std::string label,
              contract::SecretBytes pin);
  absl::StatusOr<std::unique_ptr<Pkcs11Session>> Take() const;
  absl::StatusOr<std::unique_ptr<Pkcs11Session>> OpenSession(int generation) const;
  void Return(std::unique_ptr<Pkcs11Session> session, bool lost) const;

  const std::shared_ptr<const Pkcs11Module> module_;
  const std::string label_;
  const contract::SecretBytes pin_;
  mutable Mutex mutex_;
  mutable CondVar returned_;
  mutable std::vector<std::unique_ptr<Pkcs11Session>> idle_ ABSL_GUARDED_BY(mutex_);
  mutable std::size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  // Sessions of an older one are closed when they come back.
  mutable int generation_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable bool pin_refused_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_PKCS11_TOKEN_H_
