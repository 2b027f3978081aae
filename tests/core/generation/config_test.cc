// Settings out of a model's files, the pipeline and flags, against those of transformers.
#include "core/generation/generation_config.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

ResolvedGeneration resolved(const Json& flags, Pipeline pipeline = Pipeline::kTextGeneration,
                            const Json& config = Json::object()) {
  GenerationSources sources;
  sources.config = config;
  sources.pipeline = pipeline;
  sources.task = "text-generation";
  sources.flags = flags;
  return resolve_generation(sources);
}

std::string refusal(const Json& flags) {
  return test::error_of([&] { resolved(flags); });
}

}  // namespace

TEST_CASE("generation config: files, pipeline and flags are merged as the reference merges them") {
  const Json golden = read_json(test::golden("generation") / "configs.json");
  REQUIRE(golden["cases"].size() >= 10);
  for (const Json& c : golden["cases"]) {
    INFO(c["generation"].dump(), " ", c["flags"].dump());
    test::TempFolder folder;
    if (!c["generation"].is_null())
      test::spit(folder / "generation_config.json", c["generation"].dump());
    GenerationSources sources{.folder = folder.path,
                              .config = c["config"],
                              .task = "text-generation",
                              .flags = c["flags"]};
    const Json values = resolve_generation(sources).values;
    for (auto& [key, value] : c["values"].items()) {
      INFO(key);
      CHECK(values.value(key, Json()) == value);
    }
    CHECK(values.size() == c["values"].size());
  }
}

TEST_CASE("generation config: without a pipeline the defaults are those of generate()") {
  const GenerationConfig c = resolved(Json::object(), Pipeline::kNone).config;
  CHECK(!c.do_sample);
  CHECK(!c.max_new_tokens);
  CHECK(lengths_of(c, 7, 1000, false).max == 27);
  CHECK(lengths_of(c, 7, 20, false).max == 20);
}

TEST_CASE("generation config: pipelines of other tasks use beams") {
  const GenerationConfig c = resolved(Json::object(), Pipeline::kTextToText).config;
  CHECK(c.num_beams == 4);
  CHECK(c.max_new_tokens == 256);
  CHECK(!c.do_sample);
}

TEST_CASE("generation config: lengths count the prompt or do not, as they are given") {
  CHECK(lengths_of(resolved({{"max_new_tokens", 5}}).config, 7, 1000, false).max == 12);
  CHECK(lengths_of(resolved({{"max_length", 9}}).config, 7, 1000, false).max == 9);
  const Lengths cut = lengths_of(resolved({{"max_new_tokens", 50}}).config, 7, 40, false);
  CHECK(cut.max == 40);
  CHECK(cut.shortened);
  CHECK(lengths_of(resolved({{"min_new_tokens", 4}}).config, 7, 1000, false).min == 11);
  CHECK(test::error_of([&] {
          lengths_of(resolved({{"max_length", 7}}).config, 7, 1000, false);
        }) == "the prompt has 7 tokens, but max_length, which counts them, is 7");
  CHECK(test::error_of([&] { lengths_of(resolved(Json::object()).config, 40, 40, false); }) ==
        "the prompt has 40 tokens, the model takes 40 with at least one to generate");
}

TEST_CASE("generation config: values that cannot be name their flag") {
  CHECK(refusal({{"top_p", 1.5}}) == "--top-p: 1.5 is outside [0, 1]");
  CHECK(refusal({{"typical_p", 0.0}}) == "--typical-p: 0.0 is outside (0, 1]");
  CHECK(refusal({{"eta_cutoff", 1.0}}) == "--eta-cutoff: 1.0 is outside [0, 1)");
  CHECK(refusal({{"top_k", -1}}) == "--top-k: -1 is outside [0, 1000000000]");
  CHECK(refusal({{"repetition_penalty", 0.0}}) == "--repetition-penalty: 0.0 is not above 0");
  CHECK(refusal({{"stop_strings", {""}}}) == "--stop: [\"\"] is no list of texts, each not empty");
  CHECK(refusal({{"bad_words_ids", {{-1}}}}) == "--bad-words: [[-1]] is no token id");
  CHECK(refusal({{"num_beams", 2}, {"num_beam_groups", 2}, {"diversity_penalty", 1.0}}) ==
        "--num-beam-groups: groups of beams cannot be sampled");
}

TEST_CASE("generation config: a bad value of the model's own names its file") {
  test::TempFolder folder;
  test::spit(folder / "generation_config.json", R"({"eos_token_id": "end"})");
  GenerationSources sources{.folder = folder.path, .config = Json::object()};
  const Error error = test::caught([&] { resolve_generation(sources); });
  CHECK(error.code == Errc::kBadData);
  CHECK(error.message == (folder.path / "generation_config.json").string() +
                             ": 'eos_token_id' is \"end\", which is no token id");
}

TEST_CASE("generation config: flags without effect are named") {
  CHECK(resolved({{"do_sample", false}, {"top_k", 5}, {"min_p", 0.1}}).notes ==
        std::vector<std::string>{"--top-k, --min-p: of no effect without --do-sample"});
  CHECK(resolved({{"length_penalty", 2.0}}).notes ==
        std::vector<std::string>{"--length-penalty: of no effect without --num-beams above 1"});
  CHECK(resolved({{"max_length", 9}, {"max_new_tokens", 5}}).notes ==
        std::vector<std::string>{"--max-length is ignored: --max-new-tokens is given too"});
  CHECK(resolved({{"temperature", 0.0}}).config.do_sample == false);
}
