// nlohmann/json.hpp without its cost: the literal "…"_json, which nothing here uses, has every file
// that includes it instantiate a parser (0.7 s); turned into a template it is never instantiated.
#pragma once

#define _json(...)           \
  _json(__VA_ARGS__);        \
  template <typename = void> \
  inline nlohmann::json parsed_literal(const char* s, std::size_t n)
#include <nlohmann/json.hpp>
#undef _json
