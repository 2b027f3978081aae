#include "core/ranks/gloo/gloo_ranks.h"

#define USE_C10D_GLOO
#include <ATen/Functions.h>
#include <c10/util/Logging.h>
#include <sched.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <thread>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/ranks/gloo/sockets.h"

namespace hft {
namespace {

using c10d::ProcessGroupGloo;
using Store = c10::intrusive_ptr<c10d::Store>;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

Store store_of(const Launch& launch, std::chrono::seconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(launch.port);
  options.isServer = launch.rank == 0 && !launch.met_by_launcher;
  options.waitWorkers = false;
  options.timeout = timeout;
  if (options.isServer) options.masterListenFd = socket_to_be_met_at(launch);
  const Store all = c10::make_intrusive<c10d::TCPStore>(launch.address, options);
  return c10::make_intrusive<c10d::PrefixStore>("hft/" + launch.attempt, all);
}

// Somebody is lost: those that do not say within a while that they are still there, or the only one.
std::vector<int> silent(Store store, const Launch& launch) {
  const auto key = [](int rank) { return "still here " + std::to_string(rank); };
  store->set(key(launch.rank), std::vector<std::uint8_t>{1});
  std::vector<int> left;
  for (int rank = 0; rank < launch.size; ++rank) left.push_back(rank);
  const auto end = Clock::now() + 3s;
  while (left.size() > 1 && Clock::now() < end) {
    std::erase_if(left, [&](int rank) { return store->check({key(rank)}); });
    if (left.size() > 1) std::this_thread::sleep_for(50ms);
  }
  return left;
}

// A store that is gone, or does not answer, is rank 0's.
std::vector<int> lost_ranks(const Store& store, const Launch& launch) {
  std::promise<std::vector<int>> found;
  auto future = found.get_future();
  std::thread([store, launch, found = std::move(found)]() mutable {
    try {
      found.set_value(silent(store, launch));
    } catch (...) {
      found.set_value({0});
    }
  }).detach();
  if (future.wait_for(4s) != std::future_status::ready) return {0};
  auto lost = future.get();
  const bool others_ask = std::ssize(lost) + 1 < launch.size;
  if (launch.rank == 0 && others_ask) std::this_thread::sleep_for(500ms);
  return lost;
}

at::Tensor over(const void* data, std::size_t count, at::ScalarType type) {
  return at::from_blob(const_cast<void*>(data), {static_cast<std::int64_t>(count)}, type);
}

class GlooRanks : public Ranks {
 public:
  GlooRanks(const Launch& launch, std::chrono::seconds timeout)
      : launch_(launch), timeout_(timeout), store_(meet()) {
    guarded([&] {
      const auto options = ProcessGroupGloo::Options::create(timeout);
      const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
      options->devices.push_back(
          interface ? ProcessGroupGloo::createDeviceForInterface(interface)
                    : ProcessGroupGloo::createDeviceForHostname(own_address(launch)));
      group_ = c10::make_intrusive<ProcessGroupGloo>(store_, launch.rank, launch.size, options);
    });
    share_processors();
  }

  int rank() const override { return launch_.rank; }
  int size() const override { return launch_.size; }
  int processors() const override { return processors_; }

  std::unique_ptr<Pending> start_sum(std::span<float> numbers) override {
    return pending(
        [&] { return summing(over(numbers.data(), numbers.size(), at::kFloat)); });
  }
  std::unique_ptr<Pending> start_broadcast(std::span<float> numbers, int from) override {
    return pending(
        [&] { return casting(over(numbers.data(), numbers.size(), at::kFloat), from); });
  }
  void sum(std::span<double> numbers) override {
    guarded([&] { summing(over(numbers.data(), numbers.size(), at::kDouble))->wait(); });
  }
  std::string broadcast(const std::string& bytes, int from) override {
    return guarded([&] {
      auto size = static_cast<std::int64_t>(bytes.size());
      casting(over(&size, 1, at::kLong), from)->wait();
      std::string told = launch_.rank == from ? bytes : std::string(size, '\0');
      if (size > 0) casting(over(told.data(), told.size(), at::kByte), from)->wait();
      return told;
    });
  }

 private:
  using Work = c10::intrusive_ptr<c10d::Work>;

  class Working : public Pending {
   public:
    Working(GlooRanks& ranks, Work work) : ranks_(ranks), work_(std::move(work)) {}
    void wait() override {
      ranks_.guarded([&] { work_->wait(); });
    }

   private:
    GlooRanks& ranks_;
    Work work_;
  };

  Store meet() const {
    try {
      return store_of(launch_, timeout_);
    } catch (const c10::Error&) {
      fail_hint(Errc::kPeerFailed, "MASTER_ADDR and MASTER_PORT say where rank 0 is met",
                "rank 0 did not come to ", launch_.address, ":", launch_.port, " within ",
                timeout_.count(), " s");
    }
  }

  Work summing(at::Tensor numbers) {
    std::vector<at::Tensor> all{std::move(numbers)};
    return group_->allreduce(all, {});
  }
  Work casting(at::Tensor numbers, int from) {
    std::vector<at::Tensor> all{std::move(numbers)};
    c10d::BroadcastOptions options;
    options.rootRank = from;
    return group_->broadcast(all, options);
  }
  template <class F>
  std::unique_ptr<Pending> pending(F&& start) {
    return std::make_unique<Working>(*this, guarded(start));
  }

  // Whatever Gloo throws: another rank is the cause.
  template <class F>
  auto guarded(F&& f) -> decltype(f()) {
    try {
      return f();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& e) {
      const std::string_view what = e.what();
      detail(what);
      const bool waited = what.find("imed out") != what.npos || what.find("imeout") != what.npos;
      std::vector<std::string> names;
      for (const int rank : lost_ranks(store_, launch_)) names.push_back(std::to_string(rank));
      fail_hint(Errc::kPeerFailed, "--resume-from-checkpoint last goes on from the last checkpoint",
                names.empty() ? "another rank" : "rank " + joined(names, ", "), " of ",
                launch_.size,
                waited ? " did not answer within " + std::to_string(timeout_.count()) + " s"
                       : " has ended");
    }
  }

  // Those of one host that may use the same processors share them.
  void share_processors() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    const std::string mine =
        host + std::string(reinterpret_cast<const char*>(&allowed), sizeof allowed);
    int sharing = 0;
    for (int from = 0; from < launch_.size; ++from) sharing += broadcast(mine, from) == mine;
    processors_ = std::max(1, CPU_COUNT(&allowed) / sharing);
  }

  const Launch launch_;
  const std::chrono::seconds timeout_;
  const Store store_;
  c10::intrusive_ptr<ProcessGroupGloo> group_;
  int processors_ = 1;
};

}  // namespace

std::unique_ptr<Ranks> meet_ranks(const Launch& launch, std::chrono::seconds timeout) {
  FLAGS_caffe2_log_level = c10::GLOG_FATAL;  // c10d's own lines; what matters is thrown
  return std::make_unique<GlooRanks>(launch, timeout);
}

}  // namespace hft
