// Pickles read as data: one pickle becomes a tree of inert values, and nothing is ever called.
// Source: the opcodes as Python's pickletools documents them. The bytes, with an example:
// docs/formats/torch.md.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hft {

// A name that a pickle may mention. Any other is refused, and named.
struct PickleGlobal {
  enum class Use {
    kName,   // stands for itself; calling it is refused
    kCall,   // a call of it is kept as the name and its arguments
    kDict,   // called without arguments: an empty dict
    kTuple,  // called with one tuple: that tuple
  };
  std::string_view name;  // "torch._utils._rebuild_tensor_v2"
  Use use = Use::kName;
  int tag = 0;  // the caller's own
};

class Pickle {
 public:
  enum class Kind : std::uint8_t {
    kNone,
    kBool,
    kInteger,
    kBigInteger,
    kReal,
    kText,
    kTuple,
    kList,
    kDict,
    kGlobal,
    kCall,
    kPersistent
  };
  // A small handle; what it holds is asked of its Pickle.
  struct Value {
    Kind kind = Kind::kNone;
    std::uint32_t size = 0;
    std::int64_t at = 0;
  };

  // Reads the pickle that begins at `start`. The values point into `bytes`, which must outlive
  // them; byte positions in errors count from its beginning. Throws kBadData naming the global or
  // opcode that is not allowed, or the limit that was met (limits::kPickle…).
  Pickle(std::string_view bytes, std::size_t start, std::span<const PickleGlobal> allowed);

  Value root() const { return root_; }
  std::size_t end() const { return end_; }  // the byte after its STOP
  // Every persistent id, in the order met.
  std::span<const Value> persistent_ids() const { return persistent_ids_; }

  static std::int64_t integer(Value value) { return value.at; }  // of kInteger and kBool
  // kText; the little-endian two's complement of kBigInteger
  std::string_view text(Value value) const;
  // Members of a kTuple or kList; keys and values in turn of a kDict; the arguments, one tuple or
  // what stood in its place, of a kCall; the id of a kPersistent.
  std::span<const Value> items(Value value) const;
  // What a kGlobal names, or a kCall calls.
  const PickleGlobal& global(Value value) const { return allowed_[value.size]; }

 private:
  friend class PickleMachine;
  std::string_view bytes_;
  std::span<const PickleGlobal> allowed_;
  std::vector<Value> pool_;                  // members of what cannot grow: tuples, arguments, ids
  std::vector<std::vector<Value>> growing_;  // lists and dicts
  std::vector<Value> persistent_ids_;
  Value root_;
  std::size_t end_ = 0;
};

// "a dict", "an integer": for errors.
std::string_view name_of(Pickle::Kind kind);

}  // namespace hft
