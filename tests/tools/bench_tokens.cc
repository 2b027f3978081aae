// How fast a tokenizer loads and encodes: usage: bench_tokens FOLDER TEXT_FILE [THREADS]
// Encodes the file in pieces of about 4 kB, as several texts, and prints MB/s and the token count.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/tokenizers/tokenizer.h"

int main(int argc, char** argv) try {
  if (argc < 3) return 2;
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto since = [&](auto start) {
    return std::chrono::duration<double>(now() - start).count();
  };
  auto start = now();
  const auto tokenizer = hft::Tokenizer::load(argv[1]);
  const double load_s = since(start);
  const std::string text = hft::read_file(argv[2], 1 << 30);
  std::vector<std::string_view> texts;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(at + 4096, text.size());
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
    texts.push_back(std::string_view(text).substr(at, end - at));
    at = end;
  }
  const int threads = argc > 3 ? std::atoi(argv[3]) : 2;
  for (int round = 0; round < 2; ++round) {
    std::atomic<std::size_t> next{0}, tokens{0};
    start = now();
    std::vector<std::thread> pool;
    for (int t = 0; t < threads; ++t)
      pool.emplace_back([&] {
        for (std::size_t i; (i = next.fetch_add(1)) < texts.size();)
          tokens += tokenizer.encode(texts[i], {.add_special_tokens = false}).size();
      });
    for (auto& thread : pool) thread.join();
    const double s = since(start);
    std::printf("load %.3f s, %d threads: %.1f MB/s, %zu tokens\n", load_s, threads,
                static_cast<double>(text.size()) / s / 1e6, tokens.load());
  }
} catch (const hft::Error& e) {
  std::fprintf(stderr, "%s\n", e.message.c_str());
  return 1;
}
