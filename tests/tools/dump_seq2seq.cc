// dump_seq2seq FOLDER < requests: for each line of stdin, {"source": ids, "flags": generation
// settings}, one line: {"logits": those of the first token, "ids": [a list for each text returned]}.
// All sources are encoded, and all texts generated, together.
#include <iostream>

#include "core/base/error.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"
#include "core/generation/generator.h"

using namespace hft;

namespace {

struct Request {
  TokenIds source;
  GenerationConfig config;
  Json answer;
};

GenerationConfig config_of(const std::filesystem::path& folder, const Json& flags) {
  return resolve_generation({.folder = folder,
                             .config = read_config(folder).json(),
                             .pipeline = Pipeline::kNone,
                             .flags = flags})
      .config;
}

std::vector<Request> read_requests(const std::filesystem::path& folder) {
  std::vector<Request> all;
  for (std::string line; std::getline(std::cin, line);) {
    const Json json = parse_json(line, "stdin");
    all.push_back({json["source"].get<TokenIds>(), config_of(folder, json["flags"]), {}});
  }
  return all;
}

TokenIds start_of(const GenerationConfig& config) {
  return {config.decoder_start_token_id ? *config.decoder_start_token_id : *config.bos_token_id};
}

void first_logits(Seq2SeqLm& model, std::vector<Request>& requests, const TokenBatch& batch) {
  std::vector<TokenIds> starts;
  std::vector<Feed> feeds;
  for (const Request& request : requests) starts.push_back(start_of(request.config));
  const auto sequences = model.encode(batch);
  for (std::size_t i = 0; i < requests.size(); ++i) feeds.push_back({sequences[i], starts[i]});
  Decoded out;
  model.forward(feeds, out);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto row = out.logits.row(static_cast<std::int64_t>(i));
    requests[i].answer["logits"] = std::vector<float>(row.begin(), row.end());
    model.close(sequences[i]);
  }
}

void generate(Seq2SeqLm& model, std::vector<Request>& requests, const TokenBatch& batch) {
  Generator running(model, 1 << 20);
  const auto sequences = model.encode(batch);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Request& request = requests[i];
    const TokenIds start = start_of(request.config);
    Surroundings around{request.config,
                        lengths_of(request.config, static_cast<std::int64_t>(start.size()),
                                   model.max_positions(), true)};
    if (request.config.do_sample) around.random = engine().make_random(0);
    running.add(make_method(model,
                            {.ids = start, .sequence = sequences[i], .source = request.source},
                            std::move(around)),
                1, [&request](auto results, Method&, const std::optional<Error>& error) {
                  if (error) request.answer["error"] = error->message;
                  for (const Generated& g : results) request.answer["ids"].push_back(g.ids);
                });
  }
  while (running.busy()) running.step();
}

int run(const std::filesystem::path& folder) {
  ModelRequest wanted;
  wanted.folder = folder;
  wanted.dtype = "float32";
  const auto model = load_model<Seq2SeqLm>(wanted);
  auto requests = read_requests(folder);
  TokenBatch batch;
  for (const Request& request : requests) {
    batch.ids.insert(batch.ids.end(), request.source.begin(), request.source.end());
    batch.starts.push_back(static_cast<std::int32_t>(batch.ids.size()));
  }
  first_logits(*model, requests, batch);
  generate(*model, requests, batch);
  for (const Request& request : requests) std::cout << request.answer.dump() << '\n';
  return 0;
}

}  // namespace

int main(int, char** argv) {
  try {
    return run(argv[1]);
  } catch (const Error& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
