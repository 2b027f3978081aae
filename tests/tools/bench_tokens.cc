// How fast a tokenizer loads and encodes, for scripts/bench tokenize.
// usage: bench_tokens FOLDER TEXTS THREADS ids|offsets [IDS_FILE]
// TEXTS holds texts with a NUL after each. Prints {"load", "encode"} in seconds and "tokens";
// writes the ids of all texts to IDS_FILE, 4 bytes each. One pass in a fresh process: no cache is
// warm.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/tokenizers/tokenizer.h"

namespace {

double since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<std::string_view> texts_of(std::string_view all) {
  std::vector<std::string_view> texts;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\0', at), all.size());
    texts.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return texts;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) return 2;
  auto start = std::chrono::steady_clock::now();
  const auto tokenizer = hft::Tokenizer::load(argv[1]);
  const double load = since(start);
  const std::string all = hft::read_file(argv[2], 1 << 30);
  const auto texts = texts_of(all);
  const hft::EncodeOptions options{.add_special_tokens = false,
                                   .offsets = std::strcmp(argv[4], "offsets") == 0};
  std::vector<hft::Encoding> found(texts.size());
  std::atomic<std::size_t> next{0};
  start = std::chrono::steady_clock::now();
  std::vector<std::thread> pool;
  for (int t = std::atoi(argv[3]); t > 0; --t)
    pool.emplace_back([&] {
      for (std::size_t i; (i = next.fetch_add(1)) < texts.size();)
        found[i] = tokenizer.encode(texts[i], options);
    });
  for (auto& thread : pool) thread.join();
  const double encode = since(start);
  std::size_t tokens = 0;
  for (const auto& e : found) tokens += e.size();
  std::printf("{\"load\": %.6f, \"encode\": %.6f, \"tokens\": %zu}\n", load, encode, tokens);
  if (argc < 6) return 0;
  std::ofstream out(argv[5], std::ios::binary);
  for (const auto& e : found)
    out.write(reinterpret_cast<const char*>(e.ids.data()),
              static_cast<std::streamsize>(e.size() * 4));
} catch (const hft::Error& e) {
  std::fprintf(stderr, "%s\n", e.message.c_str());
  return 1;
}
