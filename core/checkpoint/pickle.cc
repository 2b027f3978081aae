#include "core/checkpoint/pickle.h"

#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/checkpoint/in_quotes.h"

namespace hft {

using Kind = Pickle::Kind;
using Value = Pickle::Value;

// The stack machine that a pickle is written for, reduced to what weights need.
class PickleMachine {
 public:
  PickleMachine(Pickle& pickle, std::size_t start) : pickle_(pickle), next_(start) {}
  void run();

 private:
  struct Opcode;
  static const Opcode kOpcodes[];
  static const std::array<const Opcode*, 256>& table();  // the opcode of each byte

  template <class... Parts>
  [[noreturn]] void wrong(const Parts&... parts) const {
    fail(Errc::kBadData, "byte ", at_, ": ", parts...);
  }

  // What follows the opcode.
  std::string_view take(std::uint64_t size) {
    if (size > pickle_.bytes_.size() - next_)
      wrong(name_, ": ", size, " bytes are wanted, but only ", pickle_.bytes_.size() - next_,
            " follow");
    return pickle_.bytes_.substr(std::exchange(next_, next_ + size), size);
  }
  std::uint64_t take_unsigned(std::size_t bytes) {
    const auto* data = reinterpret_cast<const unsigned char*>(take(bytes).data());
    std::uint64_t value = 0;
    for (std::size_t i = bytes; i-- > 0;) value = value << 8 | data[i];
    return value;
  }
  std::string_view take_line() {
    const std::size_t size = pickle_.bytes_.substr(next_, limits::kPickleName).find('\n');
    if (size == std::string_view::npos)
      wrong(name_, ": a name of more than ", limits::kPickleName, " bytes");
    const std::string_view line = take(size);
    ++next_;
    return line;
  }

  // What is kept beside the stack.
  void charge(std::size_t bytes) {
    memory_ += bytes;
    if (memory_ > limits::kPickleMemory)
      wrong("the pickle asks for more than ", limits::kPickleMemory, " bytes of memory");
  }
  void push(Kind kind, std::int64_t at = 0, std::uint32_t size = 0) { push({kind, size, at}); }
  void push(Value value) {
    if (stack_.size() == limits::kPickleStack)
      wrong("more than ", limits::kPickleStack, " values on the stack");
    stack_.push_back(value);
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  void need(std::size_t values) const {
    if (stack_.size() - floor() < values) wrong(name_, ": the stack is empty");
  }
  Value pop() {
    need(1);
    const Value top = stack_.back();
    stack_.pop_back();
    return top;
  }
  Value& top(Kind kind) {
    need(1);
    if (stack_.back().kind != kind)
      wrong(name_, ": works on ", name_of(kind), ", but ", name_of(stack_.back().kind),
            " is there");
    return stack_.back();
  }
  // The place of the last mark, which is taken away.
  std::size_t take_mark() {
    if (marks_.empty()) wrong(name_, ": no MARK was made");
    const std::size_t place = marks_.back();
    marks_.pop_back();
    return place;
  }

  void push_text(std::string_view text);
  void push_tuple(std::size_t first);
  void push_growing(Kind kind);
  void push_global(std::string_view module, std::string_view name);
  void grow(Kind kind, std::size_t first);
  void put(std::uint64_t index);
  void get(std::uint64_t index);
  std::int64_t in_pool(Value value);

  // One function for each kind of opcode, below.
  void protocol();
  void frame();
  void mark();
  void stop() { stopped_ = true; }
  void none() { push(Kind::kNone); }
  void yes() { push(Kind::kBool, 1); }
  void no() { push(Kind::kBool, 0); }
  void byte() { push(Kind::kInteger, static_cast<std::int64_t>(take_unsigned(1))); }
  void two_bytes() { push(Kind::kInteger, static_cast<std::int64_t>(take_unsigned(2))); }
  void four_bytes() { push(Kind::kInteger, static_cast<std::int32_t>(take_unsigned(4))); }
  void long_number();
  void real();
  void short_text() { push_text(take(take_unsigned(1))); }
  void long_text() { push_text(take(take_unsigned(4))); }
  void empty_tuple() { push_tuple(stack_.size()); }
  void tuple() { push_tuple(take_mark()); }
  template <std::size_t n>
  void tuple_of() {
    need(n), push_tuple(stack_.size() - n);
  }
  void list() { push_growing(Kind::kList); }
  void dict() { push_growing(Kind::kDict); }
  void append() { need(2), grow(Kind::kList, stack_.size() - 1); }
  void appends() { grow(Kind::kList, take_mark()); }
  void set_item() { need(3), grow(Kind::kDict, stack_.size() - 2); }
  void set_items() { grow(Kind::kDict, take_mark()); }
  void put_byte() { put(take_unsigned(1)); }
  void put_long() { put(take_unsigned(4)); }
  void memoize() { put(memo_.size()); }
  void get_byte() { get(take_unsigned(1)); }
  void get_long() { get(take_unsigned(4)); }
  void global();
  void stack_global();
  void persistent_id();
  void reduce();
  void build();

  Pickle& pickle_;
  std::size_t next_ = 0, at_ = 0;  // the next byte, the opcode being run
  std::string_view name_;          // of that opcode
  bool stopped_ = false;
  std::size_t steps_ = 0, memory_ = 0;
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;
  struct Slot {
    Value value;
    bool filled = false;
  };
  std::vector<Slot> memo_;
};

struct PickleMachine::Opcode {
  unsigned char byte;
  std::string_view name;
  void (PickleMachine::*run)() = nullptr;  // null: never needed by weights, refused
};

// Every opcode of the protocols 0 to 5, so that a refusal can name what it met.
const PickleMachine::Opcode PickleMachine::kOpcodes[] = {
    {0x80, "PROTO", &PickleMachine::protocol},
    {0x95, "FRAME", &PickleMachine::frame},
    {'(', "MARK", &PickleMachine::mark},
    {'.', "STOP", &PickleMachine::stop},
    {'N', "NONE", &PickleMachine::none},
    {0x88, "NEWTRUE", &PickleMachine::yes},
    {0x89, "NEWFALSE", &PickleMachine::no},
    {'K', "BININT1", &PickleMachine::byte},
    {'M', "BININT2", &PickleMachine::two_bytes},
    {'J', "BININT", &PickleMachine::four_bytes},
    {0x8a, "LONG1", &PickleMachine::long_number},
    {'G', "BINFLOAT", &PickleMachine::real},
    {'X', "BINUNICODE", &PickleMachine::long_text},
    {0x8c, "SHORT_BINUNICODE", &PickleMachine::short_text},
    {'T', "BINSTRING", &PickleMachine::long_text},
    {'U', "SHORT_BINSTRING", &PickleMachine::short_text},
    {')', "EMPTY_TUPLE", &PickleMachine::empty_tuple},
    {'t', "TUPLE", &PickleMachine::tuple},
    {0x85, "TUPLE1", &PickleMachine::tuple_of<1>},
    {0x86, "TUPLE2", &PickleMachine::tuple_of<2>},
    {0x87, "TUPLE3", &PickleMachine::tuple_of<3>},
    {']', "EMPTY_LIST", &PickleMachine::list},
    {'}', "EMPTY_DICT", &PickleMachine::dict},
    {'a', "APPEND", &PickleMachine::append},
    {'e', "APPENDS", &PickleMachine::appends},
    {'s', "SETITEM", &PickleMachine::set_item},
    {'u', "SETITEMS", &PickleMachine::set_items},
    {'q', "BINPUT", &PickleMachine::put_byte},
    {'r', "LONG_BINPUT", &PickleMachine::put_long},
    {0x94, "MEMOIZE", &PickleMachine::memoize},
    {'h', "BINGET", &PickleMachine::get_byte},
    {'j', "LONG_BINGET", &PickleMachine::get_long},
    {'c', "GLOBAL", &PickleMachine::global},
    {0x93, "STACK_GLOBAL", &PickleMachine::stack_global},
    {'Q', "BINPERSID", &PickleMachine::persistent_id},
    {'R', "REDUCE", &PickleMachine::reduce},
    {'b', "BUILD", &PickleMachine::build},
    {'0', "POP"},
    {'1', "POP_MARK"},
    {'2', "DUP"},
    {'F', "FLOAT"},
    {'I', "INT"},
    {'L', "LONG"},
    {'P', "PERSID"},
    {'S', "STRING"},
    {'V', "UNICODE"},
    {'d', "DICT"},
    {'g', "GET"},
    {'i', "INST"},
    {'l', "LIST"},
    {'o', "OBJ"},
    {'p', "PUT"},
    {0x81, "NEWOBJ"},
    {0x82, "EXT1"},
    {0x83, "EXT2"},
    {0x84, "EXT4"},
    {0x8b, "LONG4"},
    {'B', "BINBYTES"},
    {'C', "SHORT_BINBYTES"},
    {0x8d, "BINUNICODE8"},
    {0x8e, "BINBYTES8"},
    {0x8f, "EMPTY_SET"},
    {0x90, "ADDITEMS"},
    {0x91, "FROZENSET"},
    {0x92, "NEWOBJ_EX"},
    {0x96, "BYTEARRAY8"},
    {0x97, "NEXT_BUFFER"},
    {0x98, "READONLY_BUFFER"}};

const std::array<const PickleMachine::Opcode*, 256>& PickleMachine::table() {
  static const auto kTable = [] {
    std::array<const Opcode*, 256> rows{};
    for (const Opcode& row : kOpcodes) rows[row.byte] = &row;
    return rows;
  }();
  return kTable;
}

void PickleMachine::run() {
  for (; !stopped_; ++steps_) {
    at_ = next_;
    if (steps_ == limits::kPickleOpcodes)
      wrong("the pickle has more than ", limits::kPickleOpcodes, " opcodes");
    if (next_ >= pickle_.bytes_.size()) wrong("the pickle ends without STOP");
    const auto byte = static_cast<unsigned char>(pickle_.bytes_[next_++]);
    const Opcode* opcode = table()[byte];
    if (!opcode)
      wrong("0x", "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15],
            " is no pickle opcode");
    name_ = opcode->name;
    if (!opcode->run) wrong("opcode ", name_, " is not allowed: weights do not need it");
    (this->*opcode->run)();
  }
  if (stack_.size() != 1 || !marks_.empty())
    wrong("STOP: the stack holds ", stack_.size(), " values, wanted 1");
  pickle_.root_ = stack_[0];
  pickle_.end_ = next_;
}

void PickleMachine::protocol() {
  if (const auto version = take_unsigned(1); version > 5)
    wrong("PROTO: protocol ", version, " is not known");
}

// A hint for readers of streams; the opcodes go on as if it were not there.
void PickleMachine::frame() {
  const auto size = take_unsigned(8);
  if (size > pickle_.bytes_.size() - next_)
    wrong("FRAME: holds ", size, " bytes, but the data end before");
}

void PickleMachine::mark() {
  if (marks_.size() == limits::kPickleMarks)
    wrong("MARK: more than ", limits::kPickleMarks, " are open");
  marks_.push_back(stack_.size());
}

void PickleMachine::long_number() {
  const std::string_view digits = take(take_unsigned(1));
  if (digits.size() > 8)
    return push(Kind::kBigInteger, digits.data() - pickle_.bytes_.data(),
                static_cast<std::uint32_t>(digits.size()));
  std::uint64_t value = !digits.empty() && digits.back() < 0 ? ~std::uint64_t{0} : 0;
  for (std::size_t i = digits.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(digits[i]);
  push(Kind::kInteger, static_cast<std::int64_t>(value));
}

void PickleMachine::real() {
  std::uint64_t bits = 0;  // big-endian, alone among the numbers
  for (unsigned char c : take(8)) bits = bits << 8 | c;
  push(Kind::kReal, static_cast<std::int64_t>(bits));
}

void PickleMachine::push_text(std::string_view text) {
  push(Kind::kText, text.data() - pickle_.bytes_.data(), static_cast<std::uint32_t>(text.size()));
}

// The values from `first` on become one tuple.
void PickleMachine::push_tuple(std::size_t first) {
  auto& pool = pickle_.pool_;
  const auto begin = static_cast<std::int64_t>(pool.size());
  charge((stack_.size() - first) * sizeof(Value));
  pool.insert(pool.end(), stack_.begin() + static_cast<std::ptrdiff_t>(first), stack_.end());
  const auto size = static_cast<std::uint32_t>(stack_.size() - first);
  stack_.resize(first);
  push(Kind::kTuple, begin, size);
}

std::int64_t PickleMachine::in_pool(Value value) {
  charge(sizeof value);
  pickle_.pool_.push_back(value);
  return std::ssize(pickle_.pool_) - 1;
}

void PickleMachine::push_growing(Kind kind) {
  charge(sizeof(std::vector<Value>));
  pickle_.growing_.emplace_back();
  push(kind, std::ssize(pickle_.growing_) - 1);
}

// The values from `first` on go into the list or dict below them.
void PickleMachine::grow(Kind kind, std::size_t first) {
  const std::vector<Value> added(stack_.begin() + static_cast<std::ptrdiff_t>(first), stack_.end());
  stack_.resize(first);
  auto& members = pickle_.growing_[static_cast<std::size_t>(top(kind).at)];
  if (kind == Kind::kDict && added.size() % 2) wrong(name_, ": a key has no value");
  charge(added.size() * sizeof(Value));
  members.insert(members.end(), added.begin(), added.end());
}

void PickleMachine::put(std::uint64_t index) {
  need(1);
  // A writer numbers what it wrote, so no number is beyond the count of opcodes.
  if (index > steps_) wrong(name_, ": memo entry ", index, " is beyond any that were made");
  if (index >= memo_.size()) {
    charge((index + 1 - memo_.size()) * sizeof(Slot));
    memo_.resize(index + 1);
  }
  memo_[index] = {stack_.back(), true};
}

void PickleMachine::get(std::uint64_t index) {
  if (index >= memo_.size() || !memo_[index].filled)
    wrong(name_, ": memo entry ", index, " was not made");
  push(memo_[index].value);
}

void PickleMachine::push_global(std::string_view module, std::string_view name) {
  for (std::size_t i = 0; i < pickle_.allowed_.size(); ++i) {
    const std::string_view row = pickle_.allowed_[i].name;
    if (row.size() == module.size() + 1 + name.size() && row.starts_with(module) &&
        row.ends_with(name) && row[module.size()] == '.')
      return push(Kind::kGlobal, 0, static_cast<std::uint32_t>(i));
  }
  wrong("global ",
        in_quotes(std::string(module.substr(0, 100)) + "." + std::string(name.substr(0, 100))),
        " is not allowed: weights do not need it");
}

void PickleMachine::global() {
  const std::string_view module = take_line();
  push_global(module, take_line());
}

void PickleMachine::stack_global() {
  const Value name = pop(), module = pop();
  if (name.kind != Kind::kText || module.kind != Kind::kText)
    wrong("STACK_GLOBAL: the name is not a string");
  push_global(pickle_.text(module), pickle_.text(name));
}

void PickleMachine::persistent_id() {
  push(Kind::kPersistent, in_pool(pop()));
  charge(sizeof(Value));
  pickle_.persistent_ids_.push_back(stack_.back());
}

// A call of an allowed name. Nothing is called: what stays is what the call says.
void PickleMachine::reduce() {
  const Value arguments = pop(), function = pop();
  if (function.kind != Kind::kGlobal)
    wrong("REDUCE: calls ", name_of(function.kind), ", wanted a global");
  const PickleGlobal& global = pickle_.global(function);
  if (arguments.kind != Kind::kTuple)
    wrong("REDUCE: the arguments of ", global.name, " are not a tuple");
  const auto items = pickle_.items(arguments);
  switch (global.use) {
    case PickleGlobal::Use::kName:
      wrong("REDUCE: ", global.name, " may not be called");
    case PickleGlobal::Use::kCall:
      return push(Kind::kCall, in_pool(arguments), function.size);
    case PickleGlobal::Use::kDict:
      if (!items.empty()) wrong("REDUCE: ", global.name, " is called with arguments, wanted none");
      return push_growing(Kind::kDict);
    case PickleGlobal::Use::kTuple:
      if (items.size() != 1 || items[0].kind != Kind::kTuple)
        wrong("REDUCE: ", global.name, " is called with something else than one tuple");
      return push(items[0]);
  }
}

// Attributes of an OrderedDict (_metadata of a state dict): read past.
void PickleMachine::build() {
  pop();
  top(Kind::kDict);
}

Pickle::Pickle(std::string_view bytes, std::size_t start, std::span<const PickleGlobal> allowed)
    : bytes_(bytes), allowed_(allowed) {
  PickleMachine(*this, start).run();
}

std::string_view Pickle::text(Value value) const {
  return bytes_.substr(static_cast<std::size_t>(value.at), value.size);
}

std::span<const Value> Pickle::items(Value value) const {
  const auto at = static_cast<std::size_t>(value.at);
  switch (value.kind) {
    case Kind::kTuple:
      return std::span(pool_).subspan(at, value.size);
    case Kind::kCall:
    case Kind::kPersistent:
      return std::span(pool_).subspan(at, 1);
    case Kind::kList:
    case Kind::kDict:
      return growing_[at];
    default:
      return {};
  }
}

std::string_view name_of(Pickle::Kind kind) {
  constexpr std::string_view kNames[] = {
      "None",    "a boolean", "an integer", "a long integer", "a real number", "a string",
      "a tuple", "a list",    "a dict",     "a global",       "a call",        "a persistent id"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace hft
