#include "adapters/platform/http/http_get.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace yizhan::platform {
namespace {

constexpr std::size_t kMaxResponseBytes = std::size_t{16} << 20;

// A socket whose operations end at a deadline. One thread.
class Socket {
 public:
  Socket(int fd, absl::Duration timeout)
      : fd_(fd),
        deadline_(std::chrono::steady_clock::now() +
                  absl::ToChronoNanoseconds(std::min(timeout, absl::Hours(1)))) {}
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  absl::Status Wait(short events) {
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline_ - std::chrono::steady_clock::now());
      if (left.count() <= 0) return absl::DeadlineExceededError("no complete answer in time");
      pollfd poller{fd_, events, 0};
      const int ready = ::poll(&poller, 1, static_cast<int>(left.count()) + 1);
      if (ready > 0) return absl::OkStatus();
      if (ready < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "poll");
    }
  }

  absl::Status Connect(const addrinfo& address) {
    if (::connect(fd_, address.ai_addr, address.ai_addrlen) == 0) return absl::OkStatus();
    if (errno != EINPROGRESS) return absl::UnavailableError(std::strerror(errno));
    if (absl::Status status = Wait(POLLOUT); !status.ok()) return status;
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? absl::OkStatus() : absl::UnavailableError(std::strerror(error));
  }

  absl::Status Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      if (absl::Status status = Wait(POLLOUT); !status.ok()) return status;
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        return absl::UnavailableError(std::strerror(errno));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReceiveAll() {
    std::string all;
    char buffer[16 * 1024];
    for (;;) {
      if (absl::Status status = Wait(POLLIN); !status.ok()) return status;
      const ssize_t got = ::recv(fd_, buffer, sizeof(buffer), 0);
      if (got == 0) return all;
      if (got > 0) all.append(buffer, static_cast<std::size_t>(got));
      if (got < 0 && errno != EAGAIN && errno != EINTR) {
        return absl::UnavailableError(std::strerror(errno));
      }
      if (all.size() > kMaxResponseBytes) return absl::DataLossError("answer is too large");
    }
  }

 private:
  const int fd_;
  const std::chrono::steady_clock::time_point deadline_;
};

// HTTP/1.0 was asked for, so that the body ends with the connection; a server
// that gives a length is held to it.
absl::StatusOr<HttpResponse> Parse(absl::string_view raw) {
  const std::size_t end = raw.find("\r\n\r\n");
  HttpResponse response;
  if (!absl::StartsWith(raw, "HTTP/1.") || end == absl::string_view::npos || raw.size() < 12 ||
      !absl::SimpleAtoi(raw.substr(9, 3), &response.code)) {
    return absl::DataLossError("answer is not HTTP");
  }
  response.body = std::string(raw.substr(end + 4));
  const std::string head = absl::AsciiStrToLower(raw.substr(0, end + 2));
  constexpr absl::string_view kLength = "\r\ncontent-length:";
  const std::size_t at = head.find(kLength.data(), 0, kLength.size());
  if (at != std::string::npos) {
    const std::size_t from = at + kLength.size();
    std::size_t length = 0;
    if (!absl::SimpleAtoi(absl::string_view(head).substr(from, head.find("\r\n", from) - from),
                          &length) ||
        length != response.body.size()) {
      return absl::DataLossError("answer was cut off");
    }
  }
  return response;
}

}  // namespace

absl::StatusOr<HttpResponse> HttpGet(absl::string_view host, std::uint16_t port,
                                     absl::string_view path, absl::Duration timeout) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(std::string(host).c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed != 0) return absl::UnavailableError(absl::StrCat(host, ": ", gai_strerror(failed)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> address(found, &::freeaddrinfo);

  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "socket");
  Socket socket(fd, timeout);
  absl::Status status = socket.Connect(*address);
  if (status.ok()) {
    status = socket.Send(
        absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: ", host, "\r\nConnection: close\r\n\r\n"));
  }
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(host, ":", port, ": ", status.message()));
  }
  absl::StatusOr<std::string> raw = socket.ReceiveAll();
  if (!raw.ok()) return raw.status();
  return Parse(*raw);
}

}  // namespace yizhan::platform
