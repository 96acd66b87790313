// A PKCS#11 library in this process. Private to this folder.
#ifndef YIZHAN_ADAPTERS_PLATFORM_PKCS11_MODULE_H_
#define YIZHAN_ADAPTERS_PLATFORM_PKCS11_MODULE_H_

#include <p11-kit/pkcs11.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace yizhan::platform {

// Any thread: the library is told to lock by the operating system's means.
class Pkcs11Module {
 public:
  // One object a library and process, shared. CONFIG_INVALID where it cannot be
  // loaded or is not PKCS#11.
  static absl::StatusOr<std::shared_ptr<const Pkcs11Module>> Load(const std::string& path);
  ~Pkcs11Module();
  Pkcs11Module(const Pkcs11Module&) = delete;
  Pkcs11Module& operator=(const Pkcs11Module&) = delete;

  // The slot whose token has this label. NOT_FOUND for none or several.
  absl::StatusOr<CK_SLOT_ID> FindToken(absl::string_view label) const;

  CK_FUNCTION_LIST* operator->() const { return functions_; }
  const std::string& path() const { return path_; }

 private:
  Pkcs11Module(std::string path, CK_FUNCTION_LIST* functions, bool finalize)
      : path_(std::move(path)), functions_(functions), finalize_(finalize) {}

  const std::string path_;
  CK_FUNCTION_LIST* const functions_;
  const bool finalize_;
};

// "CKR_PIN_INCORRECT (0xa0)", or the number alone.
std::string ReturnText(CK_RV value);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_PKCS11_MODULE_H_
