// Search strategies on a decoder made of tables: the same tokens as generate() of transformers
// chose (tests/golden/generation), alone, together, and with every sequence closed at the end.
#include "core/generation/generator.h"
#include "core/models/random.h"
#include "tests/core/generation/fake_decoder.h"
#include "tests/support/test.h"

using namespace hft;
using test::FakeDecoder;

namespace {

const Json& golden() {
  static const Json kGolden = read_json(test::golden("generation") / "searches.json");
  return kGolden;
}

GenerationConfig config_of(const Json& settings) {
  GenerationSources sources;
  sources.pipeline = Pipeline::kNone;
  sources.config = Json::object();
  sources.flags = settings;
  return resolve_generation(sources).config;
}

struct Run {
  FakeDecoder decoder{golden()["tables"]};
  std::vector<std::vector<Generated>> results;
};

struct Extra {
  FakeDecoder* draft = nullptr;
  std::int64_t logprobs = -1;
  std::int64_t room = 100;
};

std::unique_ptr<Method> method_of(FakeDecoder& decoder, const GenerationConfig& config,
                                  const Json& c, const TokenIds& prompt, const Extra& extra = {}) {
  Prompt p;
  p.ids = prompt;
  const bool encoder = c["model"] == "seq2seq";
  if (encoder) {
    p.source = prompt;
    p.ids = {*config.decoder_start_token_id};
  }
  p.sequence = encoder ? decoder.open(prompt) : decoder.open();
  const auto length = static_cast<std::int64_t>(p.ids.size());
  Surroundings around{config, lengths_of(config, length, decoder.max_positions(), encoder)};
  if (!c["seed"].is_null()) around.random = make_random(c["seed"].get<std::uint64_t>());
  around.logprobs = extra.logprobs;
  around.draft = extra.draft;
  if (extra.draft) around.open_draft = [d = extra.draft] { return d->open(); };
  return make_method(decoder, std::move(p), std::move(around));
}

// All prompts of a case through one decoder.
void run_case(const Json& c, const GenerationConfig& config, Run& run, const Extra& extra = {}) {
  Generator generator(run.decoder, extra.room);
  run.results.resize(c["prompts"].size());
  const std::int64_t each = std::max(config.num_beams, config.num_return_sequences);
  for (std::size_t i = 0; i < c["prompts"].size(); ++i) {
    while (!generator.has_room(each)) generator.step();
    generator.add(
        method_of(run.decoder, config, c, c["prompts"][i], extra), each,
        [&run, i](std::vector<Generated> results, Method&, const std::optional<Error>& error) {
          CHECK(!error);
          run.results[i] = std::move(results);
        });
  }
  while (generator.busy()) generator.step();
  CHECK(run.decoder.live() == 0);
}

void check_outputs(const Json& c, const Run& run) {
  for (std::size_t i = 0; i < c["outputs"].size(); ++i) {
    const Json& wanted = c["outputs"][i];
    INFO("prompt ", c["prompts"][i].dump());
    REQUIRE(run.results[i].size() == wanted["ids"].size());
    for (std::size_t r = 0; r < wanted["ids"].size(); ++r) {
      CHECK(Json(run.results[i][r].ids) == wanted["ids"][r]);
      if (wanted.contains("scores"))
        CHECK(static_cast<double>(*run.results[i][r].score) ==
              doctest::Approx(wanted["scores"][r].get<double>()).epsilon(1e-5));
    }
  }
}

const Json& case_named(const std::string& name) {
  for (const Json& c : golden()["cases"])
    if (c["name"] == name) return c;
  FAIL("no case ", name);
  return golden();
}

}  // namespace

TEST_CASE("generation: every strategy chooses the tokens of the reference, inputs run together") {
  REQUIRE(golden()["cases"].size() >= 30);
  for (const Json& c : golden()["cases"]) {
    INFO(c["name"].get<std::string>());
    const GenerationConfig config = config_of(c["settings"]);
    Run run;
    run_case(c, config, run);
    check_outputs(c, run);
  }
}

TEST_CASE("generation: inputs wait for room and give the same") {
  for (const char* name :
       {"sampled with seed 42", "4 beams, length penalty 1.0", "several samples"}) {
    const Json& c = case_named(name);
    const GenerationConfig config = config_of(c["settings"]);
    Run run;
    run_case(c, config, run, {.room = 1});
    check_outputs(c, run);
    CHECK(run.decoder.most_feeds <=
          static_cast<std::size_t>(std::max(config.num_beams, config.num_return_sequences)));
  }
}

TEST_CASE("generation: a draft model changes nothing of greedy text, and saves passes") {
  const Json& c = case_named("greedy");
  const GenerationConfig config = config_of(c["settings"]);
  Json other = golden()["tables"];
  for (Json& row : other["third"])
    for (Json& x : row) x = 0;  // a draft that is often right
  for (const Json& tables : {golden()["tables"], other}) {
    FakeDecoder draft(tables);
    Run run, plain;
    run_case(c, config, run, {.draft = &draft});
    check_outputs(c, run);
    run_case(c, config, plain);
    CHECK(run.decoder.forwards < plain.decoder.forwards);
    CHECK(draft.live() == 0);
  }
}

TEST_CASE("generation: a draft that always agrees leaves sampling as it is distributed") {
  Json c = case_named("sampled with seed 42");
  const GenerationConfig config = config_of(c["settings"]);
  FakeDecoder draft(golden()["tables"]);
  Run run;
  run_case(c, config, run, {.draft = &draft});
  for (const auto& results : run.results) CHECK(results[0].ids.size() > 0);
}

TEST_CASE("generation: prompt lookup changes nothing of greedy text") {
  Json c = case_named("greedy with penalties");
  for (int n : {1, 2, 5, 20}) {
    c["settings"]["prompt_lookup_num_tokens"] = n;
    Run run;
    run_case(c, config_of(c["settings"]), run);
    check_outputs(c, run);
  }
}

TEST_CASE("generation: log-probabilities are those of the model, before any filter") {
  Json c = case_named("sampled with filters");
  const GenerationConfig config = config_of(c["settings"]);
  Run run;
  run_case(c, config, run, {.logprobs = 3});
  check_outputs(c, run);
  const Generated& g = run.results[0][0];
  REQUIRE(g.logs.size() == g.ids.size());
  for (std::size_t i = 0; i < g.logs.size(); ++i) {
    CHECK(g.logs[i].id == g.ids[i]);
    REQUIRE(g.logs[i].most_likely.size() == 3);
    CHECK(g.logs[i].most_likely[0].score >= g.logs[i].most_likely[1].score);
    CHECK(g.logs[i].logprob <= g.logs[i].most_likely[0].score);
    CHECK(g.logs[i].logprob <= 0);
  }
}

TEST_CASE("generation: stopping early keeps what there is") {
  for (const char* name : {"greedy", "4 beams, length penalty 1.0", "groups of beams",
                           "contrastive", "several samples"}) {
    INFO(name);
    const Json& c = case_named(name);
    const GenerationConfig config = config_of(c["settings"]);
    Run run;
    Generator generator(run.decoder, 100);
    std::vector<Generated> got;
    generator.add(method_of(run.decoder, config, c, TokenIds{7, 3, 12}), 1,
                  [&](std::vector<Generated> results, Method&, const std::optional<Error>&) {
                    got = std::move(results);
                  });
    generator.step(), generator.step(), generator.step();
    generator.stop(Finish::kInterrupted);
    REQUIRE(got.size() == static_cast<std::size_t>(config.num_return_sequences));
    CHECK(got[0].ids.size() >= 2);
    CHECK(!generator.busy());
    CHECK(run.decoder.live() == 0);
  }
}

TEST_CASE("generation: a kept sequence goes on from what it has") {
  Json c = case_named("greedy");
  const GenerationConfig config = config_of(c["settings"]);
  Run run;
  auto generate = [&](Prompt prompt) {
    const auto length = static_cast<std::int64_t>(prompt.ids.size());
    auto method = make_method(run.decoder, std::move(prompt),
                              {config, lengths_of(config, length, 1000, false)});
    Generator generator(run.decoder, 1);
    std::pair<std::vector<Generated>, int> out;
    generator.add(std::move(method), 1,
                  [&](std::vector<Generated> results, Method& m, const std::optional<Error>&) {
                    out = {std::move(results), m.kept().value()};
                  });
    while (generator.busy()) generator.step();
    return out;
  };
  Prompt first{.ids = {7, 3}, .sequence = run.decoder.open(), .keep = true};
  auto [results, kept] = generate(first);
  CHECK(run.decoder.length(kept) == static_cast<std::int64_t>(2 + results[0].ids.size() - 1));
  run.decoder.crop(kept, 2);
  Prompt again{.ids = {7, 3, 12, 9, 3, 12}, .sequence = kept, .cached = 2};
  Prompt alone{.ids = {7, 3, 12, 9, 3, 12}, .sequence = run.decoder.open()};
  again.keep = alone.keep = true;
  CHECK(generate(again).first[0].ids == generate(alone).first[0].ids);
}
