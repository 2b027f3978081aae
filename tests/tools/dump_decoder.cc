// dump_decoder FOLDER STEPS [CHUNK] < prompts: for each line of stdin, a JSON list of ids,
// one line: {"logits": those after the prompt, "ids": STEPS more tokens, greedily}. All prompts run
// together.
#include <algorithm>
#include <iostream>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/engine.h"

using namespace hft;

namespace {

int run(int argc, char** argv) {
  ModelRequest request;
  request.folder = argv[1];
  request.dtype = "float32";
  if (argc > 3) request.prefill_chunk = std::stoi(argv[3]);
  const auto model = load_model<CausalLm>(request);
  std::vector<std::vector<std::int32_t>> next;
  for (std::string line; std::getline(std::cin, line);)
    next.push_back(parse_json(line, "stdin").get<std::vector<std::int32_t>>());
  std::vector<int> sequences(next.size());
  for (int& sequence : sequences) sequence = model->open();
  std::vector<Json> answers(next.size());
  Decoded out;
  for (int step = 0; step < std::stoi(argv[2]); ++step) {
    std::vector<Feed> feeds;
    for (std::size_t i = 0; i < next.size(); ++i) feeds.push_back({sequences[i], next[i]});
    model->forward(feeds, out);
    for (std::size_t i = 0; i < next.size(); ++i) {
      const auto row = out.logits.row(static_cast<std::int64_t>(i));
      if (step == 0) answers[i]["logits"] = std::vector<float>(row.begin(), row.end());
      const auto best = std::ranges::max_element(row) - row.begin();
      answers[i]["ids"].push_back(best);
      next[i] = {static_cast<std::int32_t>(best)};
    }
  }
  for (const auto& answer : answers) std::cout << answer.dump() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Error& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
