#include "core/ranks/gloo/sockets.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "core/base/error.h"

namespace hft {
namespace {

struct Freeing {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, Freeing>;

Addresses addresses_of(const Launch& launch, int type) {
  addrinfo wanted{};
  wanted.ai_socktype = type;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(launch.port);
  if (const int failed = ::getaddrinfo(launch.address.c_str(), port.c_str(), &wanted, &found))
    fail(Errc::kNotFound, "MASTER_ADDR ", launch.address, ": ", ::gai_strerror(failed));
  return Addresses(found);
}

}  // namespace

int socket_to_be_met_at(const Launch& launch) {
  const Addresses at = addresses_of(launch, SOCK_STREAM);
  const int made = ::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (made >= 0 && ::bind(made, at->ai_addr, at->ai_addrlen) == 0) return made;
  const int why = errno;
  ::close(made);
  if (why == EADDRINUSE)
    fail_hint(Errc::kBusy, "MASTER_PORT=PORT names another", "MASTER_PORT ", launch.port,
              ": another program listens there");
  fail_hint(Errc::kUsage, "MASTER_ADDR=HOST, a name or address of the host of rank 0",
            "MASTER_ADDR ", launch.address, ": rank 0 cannot be met there: ", std::strerror(why));
}

std::string own_address(const Launch& launch) {
  const Addresses to = addresses_of(launch, SOCK_DGRAM);
  // Of a datagram socket, connecting asks for the way alone; nothing is sent.
  const int asking = ::socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  auto* address = reinterpret_cast<sockaddr*>(&own);
  char text[NI_MAXHOST] = "";
  const bool found = ::connect(asking, to->ai_addr, to->ai_addrlen) == 0 &&
                     ::getsockname(asking, address, &size) == 0 &&
                     ::getnameinfo(address, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0;
  ::close(asking);
  if (!found) fail(Errc::kNotFound, "MASTER_ADDR ", launch.address, ": there is no way to it");
  return text;
}

}  // namespace hft
