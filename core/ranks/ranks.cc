#include "core/ranks/ranks.h"

#include "core/base/json.h"

namespace hft {
namespace {

struct Alone : Ranks {
  struct Done : Pending {
    void wait() override {}
  };
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int processors() const override { return 0; }
  std::unique_ptr<Pending> start_sum(std::span<float>) override { return std::make_unique<Done>(); }
  std::unique_ptr<Pending> start_broadcast(std::span<float>, int) override {
    return std::make_unique<Done>();
  }
  void sum(std::span<double>) override {}
  std::string broadcast(const std::string& bytes, int) override { return bytes; }
};

}  // namespace

std::unique_ptr<Ranks> alone() { return std::make_unique<Alone>(); }

void on_first(Ranks& ranks, const std::function<void()>& f) {
  if (ranks.rank() > 0) {
    const std::string failed = ranks.broadcast("", 0);
    if (failed.empty()) return;
    const Json told = parse_json(failed, "what rank 0 failed with");
    throw FirstFailed(static_cast<Errc>(told["code"].get<int>()), told["message"], told["hint"]);
  }
  try {
    f();
  } catch (const Error& e) {
    const Json told{
        {"code", static_cast<int>(e.code)}, {"message", e.message}, {"hint", e.hint}};
    ranks.broadcast(to_line(told), 0);
    throw;
  }
  ranks.broadcast("", 0);
}

}  // namespace hft
