#include "adapters/platform/rpc/tls_probe.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>

#include "absl/strings/str_cat.h"

namespace yizhan::platform {
namespace {

struct Free {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(BIO* p) const { BIO_free_all(p); }
};

}  // namespace

TlsAnswer ProbeTls(const std::string& address, TlsVersion version) {
  const int number = version == TlsVersion::k12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  const std::unique_ptr<SSL_CTX, Free> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), number);
  SSL_CTX_set_max_proto_version(context.get(), number);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  const std::unique_ptr<BIO, Free> connection(BIO_new_ssl_connect(context.get()));
  SSL* ssl = nullptr;
  BIO_get_ssl(connection.get(), &ssl);
  // gRPC ends a handshake without HTTP/2 in it.
  static constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl, kHttp2, sizeof(kHttp2));
  BIO_set_conn_hostname(connection.get(), address.c_str());

  const bool connected = BIO_do_connect(BIO_next(connection.get())) > 0;
  TlsAnswer answer = TlsAnswer::kUnreachable;
  if (connected) {
    BIO_do_handshake(connection.get());
    answer = SSL_get0_peer_certificate(ssl) != nullptr ? TlsAnswer::kSpoken : TlsAnswer::kRefused;
  }
  ERR_clear_error();
  return answer;
}

std::string ReachableAddress(absl::string_view listen, int port) {
  absl::string_view host = listen.substr(0, listen.rfind(':'));
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "[::]" || host == "::") host = "[::1]";
  return absl::StrCat(host, ":", port);
}

}  // namespace yizhan::platform
