// Learning rates over 12 steps, 3 of them warm-up, as get_scheduler of transformers 4.57 gives them.
#include <cmath>

#include "tasks/train/schedule.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

struct Case {
  const char* type;
  const char* more;
  std::vector<double> rates;
};

const Case kCases[] = {
    {"linear", R"({})", {0.0, 0.000333333, 0.000666667, 0.001, 0.000888889, 0.000777778, 0.000666667, 0.000555556, 0.000444444, 0.000333333, 0.000222222, 0.000111111}},
    {"cosine", R"({"num_cycles": 1.5})", {0.0, 0.000333333, 0.000666667, 0.001, 0.00075, 0.00025, 0.0, 0.00025, 0.00075, 0.001, 0.00075, 0.00025}},
    {"cosine_with_restarts", R"({"num_cycles": 3})", {0.0, 0.000333333, 0.000666667, 0.001, 0.00075, 0.00025, 0.001, 0.00075, 0.00025, 0.001, 0.00075, 0.00025}},
    {"polynomial", R"({"power": 2.0, "lr_end": 0.0001})", {0.0, 0.000333333, 0.000666667, 0.001, 0.000811111, 0.000644444, 0.0005, 0.000377778, 0.000277778, 0.0002, 0.000144444, 0.000111111}},
    {"constant", R"({})", {0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001}},
    {"constant_with_warmup", R"({})", {0.0, 0.000333333, 0.000666667, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001}},
    {"inverse_sqrt", R"({})", {0.0, 0.000333333, 0.000666667, 0.001, 0.000866025, 0.000774597, 0.000707107, 0.000654654, 0.000612372, 0.00057735, 0.000547723, 0.000522233}},
    {"cosine_with_min_lr", R"({"min_lr": 0.0001})", {0.0, 0.000333333, 0.000666667, 0.001, 0.000972862, 0.00089472, 0.000775, 0.000628142, 0.000471858, 0.000325, 0.00020528, 0.000127138}},
    {"cosine_warmup_with_min_lr", R"({"min_lr_rate": 0.1})", {0.000333333, 0.000666667, 0.001, 0.000972862, 0.00089472, 0.000775, 0.000628142, 0.000471858, 0.000325, 0.00020528, 0.000127138, 0.0001}},
    {"reduce_lr_on_plateau", R"({"patience": 1})", {0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001}},
    {"warmup_stable_decay", R"({"num_decay_steps": 4, "min_lr_ratio": 0.1})", {0.0001, 0.0004, 0.0007, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.000868198, 0.00055, 0.000231802}},
};

}  // namespace

TEST_CASE("train: the learning rate falls as transformers' schedulers have it") {
  for (const Case& c : kCases) {
    CAPTURE(c.type);
    const Schedule schedule({.type = c.type, .more = Json::parse(c.more), .rate = 1e-3, .warmup = 3, .steps = 12});
    for (std::size_t i = 0; i < c.rates.size(); ++i)
      CHECK(std::fabs(schedule.rate(static_cast<std::int64_t>(i)) - c.rates[i]) < 1e-9);
  }
  CHECK(std::size(kCases) == schedule_types().size());
}

TEST_CASE("train: the learning rate falls where evaluations get no better, as ReduceLROnPlateau's") {
  const Schedule schedule({.type = "reduce_lr_on_plateau",
                           .more = Json::parse(R"({"factor": 0.5, "patience": 1, "cooldown": 1})"),
                           .rate = 1e-3});
  Plateau plateau;
  const std::vector<double> figures{3, 2, 2, 2, 2, 1.9, 1.9, 1.9, 1.9, 1.9, 5, 5},
      rates{1e-3, 1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 5e-4, 5e-4, 2.5e-4, 2.5e-4, 2.5e-4, 1.25e-4};
  for (std::size_t i = 0; i < figures.size(); ++i) {
    CAPTURE(i);
    CHECK(schedule.rate(0, plateau) == doctest::Approx(rates[i]));
    schedule.see(figures[i], plateau);
  }
}

TEST_CASE("train: settings that a scheduler does not take are refused") {
  const auto error = [](const char* type, const char* more) {
    return test::error_of([&] { Schedule({.type = type, .more = Json::parse(more), .steps = 12}); });
  };
  CHECK(error("linear", R"({"power": 2})") == "--lr-scheduler-kwargs: 'linear' takes no 'power'");
  CHECK(error("polynomial", R"({"num_cycles": 2})") ==
        "--lr-scheduler-kwargs: 'polynomial' takes no 'num_cycles'; it takes lr_end, power");
  CHECK(error("cosine", "[1]") == R"(--lr-scheduler-kwargs: wanted a JSON object, as in '{"num_cycles": 2}')");
  CHECK(error("cosine_with_min_lr", "{}") == "--lr-scheduler-kwargs: 'cosine_with_min_lr' wants either min_lr or min_lr_rate");
}
