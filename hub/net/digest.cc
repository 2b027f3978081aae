#include "hub/net/digest.h"

#include <openssl/evp.h>

#include "core/base/error.h"

namespace hft::hub {
namespace {

class EvpHash : public Hash {
 public:
  explicit EvpHash(const char* name) : context_(EVP_MD_CTX_new()) {
    EVP_MD* kind = EVP_MD_fetch(nullptr, name, nullptr);
    const bool ready = context_ && kind && EVP_DigestInit_ex(context_, kind, nullptr) == 1;
    EVP_MD_free(kind);
    if (ready) return;
    EVP_MD_CTX_free(context_);
    fail(Errc::kFailure, "OpenSSL has no ", name);
  }
  ~EvpHash() override { EVP_MD_CTX_free(context_); }
  EvpHash(const EvpHash&) = delete;

  void update(const void* data, std::size_t bytes) override {
    EVP_DigestUpdate(context_, data, bytes);
  }
  std::string hex() override {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_, raw, &size);
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
      out += "0123456789abcdef"[raw[i] >> 4];
      out += "0123456789abcdef"[raw[i] & 15];
    }
    return out;
  }

 private:
  EVP_MD_CTX* context_;
};

}  // namespace

std::unique_ptr<Hash> make_hash(const char* name) { return std::make_unique<EvpHash>(name); }

}  // namespace hft::hub
