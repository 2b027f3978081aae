// Pickles and archives made to do harm: each is refused with these words, whatever file it stands
// in, and asks for no memory worth the name (reliability.md row 13).
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>

#include "core/base/limits.h"
#include "core/checkpoint/torch_file.h"
#include "tests/core/checkpoint/build_torch.h"
#include "tests/support/memory.h"
#include "tests/support/test.h"

using namespace hft;
using namespace hft::test::pickled;
using namespace std::string_literals;
using test::little;
using test::Part;
using test::torch_legacy;
using test::torch_zip;
using test::zip;

namespace {

const std::string kSix(6 * sizeof(float), 'x');

// The error of a file, without its path.
Error refusal(const std::string& bytes) {
  const int fd = ::memfd_create("torch", 0);
  REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  Error error = test::caught([&] { open_torch_file(path, Checksums::kAll); });
  ::close(fd);
  REQUIRE(error.message.starts_with(path + ": "));
  error.message.erase(0, path.size() + 2);
  return error;
}

// A pickle that is refused while it is read, and why.
struct Evil {
  const char* about;
  std::string pickle, wanted;
};

// Python's os.system('id') and its like: the name alone ends the reading.
std::string calls(const std::string& module, const std::string& name) {
  return "\x80\x02" + global(module, name) + "X\x02\0\0\0id\x85R."s;
}
std::string not_allowed(const std::string& name, int at = 2) {
  return "byte " + std::to_string(at) + ": global '" + name +
         "' is not allowed: weights do not need it";
}
// The same as protocol 4 writes it.
std::string stacked(const std::string& module, const std::string& name) {
  auto text = [](const std::string& s) { return "\x8c" + little(s.size(), 1) + s; };
  return "\x80\x04\x95" + little(0, 8) + text(module) + "\x94" + text(name) + "\x94\x93\x94)R.";
}

const std::vector<Evil>& globals() {
  static const std::vector<Evil> kAll = [] {
    std::vector<Evil> all;
    for (const auto& [module, name] : std::vector<std::pair<std::string, std::string>>{
             {"posix", "system"},
             {"nt", "system"},
             {"os", "popen"},
             {"builtins", "eval"},
             {"builtins", "exec"},
             {"builtins", "getattr"},
             {"builtins", "__import__"},
             {"__builtin__", "apply"},
             {"subprocess", "Popen"},
             {"runpy", "_run_code"},
             {"pty", "spawn"},
             {"pip", "main"},
             {"pydoc", "pipepager"},
             {"timeit", "timeit"},
             {"importlib", "import_module"},
             {"functools", "partial"},
             {"operator", "methodcaller"},
             {"bdb", "Bdb"},
             {"asyncio.unix_events", "_UnixSubprocessTransport._start"},
             {"code", "InteractiveInterpreter"},
             {"cProfile", "runctx"},
             {"doctest", "debug_script"},
             {"ctypes", "CDLL"},
             {"webbrowser", "open"},
             {"ensurepip", "_run_pip"},
             {"idlelib.run", "Executive.runcode"},
             {"lib2to3.pgen2.grammar", "Grammar.loads"},
             {"numpy.testing._private.utils", "runstring"},
             {"socket", "create_connection"},
             {"pickle", "loads"},
             {"torch", "load"},
             {"torch.hub", "load"},
             {"torch.jit", "load"},
             {"torch.storage", "_load_from_bytes"},
             {"torch._utils", "_rebuild_sparse_tensor"},
             {"torch._utils", "_rebuild_qtensor"},
             {"torch._utils", "_rebuild_tensor_v2.__globals__"},
             {"collections", "OrderedDict.update"},
             {"collections", "Counter"},
             {"torch.nn.modules.linear", "Linear"},
             {"torch", "UntypedStorage"}}) {
      all.push_back({"", calls(module, name), not_allowed(module + "." + name)});
      all.push_back(
          {"", stacked(module, name),
           not_allowed(module + "." + name, static_cast<int>(17 + module.size() + name.size()))});
    }
    return all;
  }();
  return kAll;
}

std::string opcode(const std::string& name, int at) {
  return "byte " + std::to_string(at) + ": opcode " + name +
         " is not allowed: weights do not need it";
}

const std::vector<Evil>& opcodes() {
  static const std::vector<Evil> kAll{
      {"protocol 0", "cposix\nsystem\n(S'id'\ntR.", not_allowed("posix.system", 0)},
      {"INST", "\x80\x02(iposix\nsystem\n."s, opcode("INST", 3)},
      {"OBJ", "\x80\x02(ccollections\nOrderedDict\no."s, opcode("OBJ", 28)},
      {"NEWOBJ", "\x80\x02" + global("torch", "Size") + ")\x81."s, opcode("NEWOBJ", 15)},
      {"NEWOBJ_EX", "\x80\x04" + global("torch", "Size") + ")}\x92."s, opcode("NEWOBJ_EX", 16)},
      {"EXT1", "\x80\x02\x82\x01."s, opcode("EXT1", 2)},
      {"EXT2", "\x80\x02\x83\x01\x02."s, opcode("EXT2", 2)},
      {"EXT4", "\x80\x02\x84\x01\x02\x03\x04."s, opcode("EXT4", 2)},
      {"PERSID", "\x80\x02Pstorage\n."s, opcode("PERSID", 2)},
      {"STRING", "\x80\x02S'x'\n."s, opcode("STRING", 2)},
      {"LONG", "\x80\x02L99999999L\n."s, opcode("LONG", 2)},
      {"LONG4", "\x80\x02\x8b\xff\xff\xff\x7f."s, opcode("LONG4", 2)},
      {"BINBYTES",
       "\x80\x03"
       "B\x01\0\0\0x."s,
       opcode("BINBYTES", 2)},
      {"BINUNICODE8", "\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff."s, opcode("BINUNICODE8", 2)},
      {"BYTEARRAY8", "\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\xff."s, opcode("BYTEARRAY8", 2)},
      {"NEXT_BUFFER", "\x80\x05\x97."s, opcode("NEXT_BUFFER", 2)},
      {"FROZENSET", "\x80\x04(\x91."s, opcode("FROZENSET", 3)},
      {"DUP", "\x80\x02]2222."s, opcode("DUP", 3)},
      {"POP_MARK", "\x80\x02(1."s, opcode("POP_MARK", 3)},
      {"no opcode", "\x80\x02\xfe."s, "byte 2: 0xfe is no pickle opcode"},
      {"a later protocol", "\x80\x06N."s, "byte 0: PROTO: protocol 6 is not known"},
      {"a string of 4 GB", "\x80\x02X\xff\xff\xff\xffx"s,
       "byte 2: BINUNICODE: 4294967295 bytes are wanted, but only 1 follow"},
      {"a name without end",
       "\x80\x02"
       "c" +
           std::string(2000, 'a'),
       "byte 2: GLOBAL: a name of more than 512 bytes"},
      {"a frame past the end", "\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff"s,
       "byte 2: FRAME: holds 18446744073709551615 bytes, but the data end before"},
      {"a memo entry far away", "\x80\x02]r\xff\xff\xff\xff."s,
       "byte 3: LONG_BINPUT: memo entry 4294967295 is beyond any that were made"},
      {"a memo entry never made", "\x80\x02h\x05."s, "byte 2: BINGET: memo entry 5 was not made"},
      {"an empty stack", "\x80\x02\x86."s, "byte 2: TUPLE2: the stack is empty"},
      {"values below a mark", "\x80\x02N(\x85."s, "byte 4: TUPLE1: the stack is empty"},
      {"no mark", "\x80\x02}u."s, "byte 3: SETITEMS: no MARK was made"},
      {"a key alone", "\x80\x02}(Nu."s, "byte 5: SETITEMS: a key has no value"},
      {"items for a list", "\x80\x02](NNu."s,
       "byte 6: SETITEMS: works on a dict, but a list is there"},
      {"a call of a type", "\x80\x02" + global("torch", "FloatStorage") + ")R."s,
       "byte 23: REDUCE: torch.FloatStorage may not be called"},
      {"a call of a string", "\x80\x02" + text("eval") + ")R."s,
       "byte 12: REDUCE: calls a string, wanted a global"},
      {"a dict with arguments", "\x80\x02" + global("collections", "OrderedDict") + "]\x85R."s,
       "byte 29: REDUCE: collections.OrderedDict is called with arguments, wanted none"},
      {"attributes of a tensor", "\x80\x02" + tensor({}) + "}b."s,
       "byte 154: BUILD: works on a dict, but a call is there"},
      {"attributes of a type", "\x80\x02" + global("torch", "Size") + "}b."s,
       "byte 15: BUILD: works on a dict, but a global is there"},
      {"a global with no name", "\x80\x04NN\x93."s,
       "byte 4: STACK_GLOBAL: the name is not a string"},
      {"two values left", "\x80\x02NN."s, "byte 4: STOP: the stack holds 2 values, wanted 1"},
      {"no end", "\x80\x02N"s, "byte 3: the pickle ends without STOP"},
      {"marks without end", "\x80\x02" + std::string(600, '('),
       "byte 514: MARK: more than 512 are open"},
      {"a stack without end", "\x80\x02" + std::string(1'100'000, ']'),
       "byte 1000002: more than 1000000 values on the stack"},
  };
  return kAll;
}

std::string repeated(std::string_view lead, std::string_view part, int times) {
  std::string out = "\x80\x02" + std::string(lead);
  out.reserve(part.size() * static_cast<std::size_t>(times) + 16);
  for (int i = 0; i < times; ++i) out += part;
  return out + ".";
}

}  // namespace

TEST_CASE("hostile pickles: every global outside the list is refused by its name, in each format") {
  REQUIRE(globals().size() == 82);
  for (const Evil& evil : globals()) {
    CAPTURE(evil.wanted);
    const Error zipped = refusal(torch_zip(evil.pickle));
    CHECK(zipped.code == Errc::kBadData);
    CHECK(zipped.message == "m/data.pkl: " + evil.wanted);
    CHECK(zipped.hint ==
          "hft runs no code of a file; take the repository's model.safetensors, or a copy from a "
          "source you trust");
    CHECK(refusal(evil.pickle).message == evil.wanted);
    const std::string name = evil.wanted.substr(evil.wanted.find(": "));
    CHECK(refusal(torch_legacy(evil.pickle)).message.ends_with(name));
    // In place of a tensor, of a storage's type, and of the hooks of a tensor that would be sound.
    const std::string inner = evil.pickle.substr(2, evil.pickle.size() - 3);
    CHECK(refusal(torch_zip(dict({{"w", inner}}))).message.ends_with(name));
    CHECK(refusal(torch_zip(dict({{"w", call(global("torch._utils", "_rebuild_parameter"),
                                             {tensor({}), "\x88", inner})}}),
                            {kSix}))
              .message.ends_with(name));
  }
}

TEST_CASE(
    "hostile pickles: opcodes that weights do not need, and broken ones, are refused by their "
    "name") {
  for (const Evil& evil : opcodes()) {
    CAPTURE(evil.about);
    const Error zipped = refusal(torch_zip(evil.pickle));
    CHECK(zipped.code == Errc::kBadData);
    CHECK(zipped.message == "m/data.pkl: " + evil.wanted);
    CHECK(refusal(torch_legacy(evil.pickle)).code == Errc::kBadData);
    CHECK(refusal(evil.pickle).code == Errc::kBadData);
  }
}

TEST_CASE("hostile pickles: bombs end at a limit, quickly and in little memory") {
  const auto start = std::chrono::steady_clock::now();
  test::reset_peak();
  const long before = test::peak_kib();
  CHECK(refusal(torch_zip(repeated("]", "]a", 3'000'000))).message ==
        "m/data.pkl: byte 3355445: the pickle asks for more than 67108864 bytes of memory");
  CHECK(refusal(torch_zip(repeated("}", "(u", 8'000'001))).message ==
        "m/data.pkl: byte 16000001: the pickle has more than 16000000 opcodes");
  // Each list holds the one before twice: 2^60 lists for whoever walks them.
  CHECK(refusal(torch_zip(repeated("]q\0"s, "](h\0h\0eq\0"s, 60))).message ==
        "m/data.pkl: byte 545: STOP: the stack holds 61 values, wanted 1");
  CHECK(refusal(torch_zip("\x80\x02]q\0h\0ah\0\x86."s)).message.find("STOP") == std::string::npos);
  CHECK(refusal(torch_zip("\x80\x02" + std::string(limits::kPickleBytes, 'N') + ".")).message ==
        "m/data.pkl: is 67108867 bytes, the limit is 67108864");
  CHECK(test::peak_kib() - before < 512 * 1024);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

namespace {

// A state dict with one value 'w' beside storage '0' of six floats, and why it is refused.
struct Wrong {
  std::string value, wanted;
  Errc code = Errc::kBadData;
};

std::string storage_of(const std::string& type, const std::string& key,
                       const std::string& elements) {
  return tuple({text("storage"), type, text(key), text("cpu"), elements}) + "Q";
}
std::string v2(const std::vector<std::string>& arguments) {
  return call(global("torch._utils", "_rebuild_tensor_v2"), arguments);
}
std::string v3(const std::string& dtype) {
  const std::string bytes = storage_of(global("torch.storage", "UntypedStorage"), "0", integer(24));
  return call(global("torch._utils", "_rebuild_tensor_v3"),
              {bytes, integer(0), integers({6}), integers({1}), "\x89", "}", dtype});
}

const std::vector<Wrong>& wrong_tensors() {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  const std::string floats = storage("FloatStorage", "0", 6), zero = integer(0);
  static const std::vector<Wrong> kAll{
      {tensor({.shape = {2, 4}}), "reaches element 6 of a storage of 6"},
      {tensor({.offset = 1}), "reaches element 6 of a storage of 6"},
      {tensor({.shape = {2}, .strides = {6}}), "reaches element 6 of a storage of 6"},
      {tensor({.offset = 6, .shape = {}, .strides = {}}), "reaches element 6 of a storage of 6"},
      {tensor({.offset = -1}), "its offset is -1, wanted 0 or more"},
      {tensor({.shape = {-1, 3}}), "one of its sizes is -1, wanted 0 or more"},
      {tensor({.strides = {3, -1}}), "one of its strides is -1, wanted 0 or more"},
      {tensor({.shape = {kHuge, 4}}), "its sizes and strides are larger than any storage"},
      {tensor({.shape = {3, 2}, .strides = {kHuge, 1}}),
       "its sizes and strides are larger than any storage"},
      {tensor({.offset = INT64_MAX, .shape = {2}, .strides = {1}}),
       "its sizes and strides are larger than any storage"},
      {tensor({.shape = {kHuge, 4, 0}, .strides = {0, 0, 0}}),
       "its sizes and strides are larger than any storage"},
      {tensor({.shape = {1 << 30, 1 << 10}, .strides = {0, 0}}),
       "the file's views that are not contiguous take more than 67109461 bytes"},
      {tensor({.shape = {2, 3}, .strides = {1}}), "has 2 sizes but 1 strides"},
      {tensor({.shape = std::vector<std::int64_t>(17, 1),
               .strides = std::vector<std::int64_t>(17, 1)}),
       "has more than 16 dimensions"},
      {tensor({.storage = storage("FloatStorage", "1", 6)}),
       "its storage '1' is not in the archive"},
      {tensor({.storage = storage("FloatStorage", "../0", 6)}),
       "its storage '../0' is not in the archive"},
      {tensor({.storage = storage("FloatStorage", "0", 7)}),
       "its storage '0' holds 24 bytes, wanted 28"},
      {tensor({.storage = storage("DoubleStorage", "0", 6)}),
       "its storage '0' holds 24 bytes, wanted 48"},
      {tensor({.storage = storage("FloatStorage", "0", kHuge)}),
       "storage '0': 4611686018427387904 elements fit no file"},
      {tensor({.storage = storage("FloatStorage", "0", -1)}),
       "the size of storage '0' is -1, wanted 0 or more"},
      {tensor({.storage = storage_of(global("torch", "float32"), "0", integer(6))}),
       "storage '0': torch.float32 is no type of storage"},
      {tensor({.storage = storage_of(global("torch", "Size"), "0", integer(6))}),
       "storage '0': torch.Size is no type of storage"},
      {tensor({.storage = storage("ComplexDoubleStorage", "0", 3)}),
       "storage '0': torch.ComplexDoubleStorage is not supported", Errc::kUnsupported},
      {tensor({.storage = text("storage") + "Q"}),
       "a persistent id is no storage: wanted ('storage', type, key, location, elements)"},
      {tensor({.storage = "N"}),
       "a persistent id is no storage: wanted ('storage', type, key, location, elements)"},
      {tensor({.storage = tuple({text("module"), global("torch", "Size"), text("a"), text("b"),
                                 integer(1)}) +
                          "Q"}),
       "a persistent id is no storage: wanted ('storage', type, key, location, elements)"},
      {v2({floats, zero}), "is made from 2 arguments, wanted 6 or 7"},
      {v2({floats, "G" + std::string(8, '\0'), integers({6}), integers({1}), "\x89", "}"}),
       "its offset is a real number, wanted an integer"},
      {v2({floats, zero, "]", integers({1}), "\x89", "}"}), "its sizes are a list, wanted a tuple"},
      {v2({floats, zero, integers({6}), integers({1}), "\x89", "}", "}" + text("neg") + "\x88s"}),
       "is a view with flags (negated or conjugated)", Errc::kUnsupported},
      {v2({storage_of(global("torch.storage", "UntypedStorage"), "0", integer(24)), zero,
           integers({6}), integers({1}), "\x89", "}"}),
       "its storage has no dtype"},
      {v3(text("float8")), "its dtype is a string, wanted one of torch's"},
      {v3(global("torch", "FloatStorage")), "its dtype is a global, wanted one of torch's"},
      {v3(global("torch", "float64")), "reaches element 5 of a storage of 3"},
      {v3(global("torch", "complex128")), "torch.complex128 is not supported",
       Errc::kUnsupported},
      {call(global("torch._utils", "_rebuild_parameter"), {}), "is a parameter without data"},
      {call(global("torch._utils", "_rebuild_parameter"), {floats}),
       "is a parameter of a persistent id, wanted a tensor"},
      {call(global("torch._utils", "_rebuild_parameter"),
            {call(global("torch._utils", "_rebuild_parameter"), {tensor({})})}),
       "is a parameter of a call, wanted a tensor"},
  };
  return kAll;
}

}  // namespace

TEST_CASE("hostile tensors: offsets, sizes, strides and storages are held against the file") {
  for (const Wrong& wrong : wrong_tensors()) {
    CAPTURE(wrong.wanted);
    const Error error = refusal(torch_zip(dict({{"w", wrong.value}}), {kSix}));
    CHECK(error.message == "tensor 'w': " + wrong.wanted);
    CHECK(error.code == wrong.code);
  }
}

TEST_CASE("hostile tensors: copies of views are counted over the whole file") {
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 6; ++i)
    entries.emplace_back("w" + std::to_string(i),
                         tensor({.offset = i, .shape = {4 << 20}, .strides = {0}}));
  const Error error = refusal(torch_zip(dict(entries), {kSix}));
  CHECK(error.message ==
        "tensor 'w4': the file's views that are not contiguous take more than 67110132 bytes");
}

TEST_CASE("hostile tensors: names that are no strings, not UTF-8, or there twice") {
  const std::string plain = tensor({});
  CHECK(refusal(torch_zip("\x80\x02}(" + integer(1) + plain + "u.", {kSix})).message ==
        "the state dict has an integer as a name, wanted strings");
  CHECK(refusal(torch_zip(dict({{"\xff\x1b", plain}}), {kSix})).message ==
        "the name '\?\?' is not UTF-8");
  CHECK(refusal(torch_zip(dict({{"w", plain}, {"w", plain}}), {kSix})).message ==
        "tensor 'w': the name is there twice");
  CHECK(refusal(torch_zip("\x80\x02].", {kSix})).message == "holds a list, wanted a state dict");
}

TEST_CASE("hostile files of the older format: each part is held against the others") {
  const std::string sound = dict({{"w", tensor({})}});
  CHECK(refusal(torch_legacy(sound, {{6, kSix.substr(1)}})).message ==
        "storage '0': is 24 bytes, but 23 follow; the file was cut short");
  CHECK(refusal(torch_legacy(sound, {{7, kSix}})).message ==
        "storage '0': has 7 elements, but the pickle says 6");
  CHECK(refusal(torch_legacy(sound, {{~std::uint64_t{0}, kSix}})).message ==
        "storage '0': has 18446744073709551615 elements, but the pickle says 6");
  CHECK(refusal(torch_legacy(sound, {})).message ==
        "tensor 'w': its storage '0' is not in the file");
  CHECK(refusal(torch_legacy(sound, {{6, kSix}, {6, kSix}})).message ==
        "storage '1': no tensor uses it");
  CHECK(refusal(torch_legacy(sound, {{6, kSix + "PK"}})).message ==
        "2 bytes follow the last storage");
  const std::string twice =
      dict({{"w", tensor({})}, {"v", tensor({.storage = storage("HalfStorage", "0", 6)})}});
  CHECK(refusal(torch_legacy(twice, {{6, kSix}})).message ==
        "storage '0': is described in two ways");
  CHECK(refusal("\x80\x02K\x01."s).message ==
        "is a Python pickle, but not one of torch.save: it lacks the magic number");
  std::string other = torch_legacy(sound, {{6, kSix}});
  CHECK(refusal(other.replace(other.find("M\xe9\x03"), 3, "M\xea\x03")).message ==
        "its protocol is not 1001");
  other = torch_legacy(sound, {{6, kSix}});
  const Error error = refusal(other.replace(other.find("\x88s."), 1, "\x89"));
  CHECK(error.message == "was written big-endian");
  CHECK(error.code == Errc::kUnsupported);
}

TEST_CASE("files in place of pytorch_model.bin: what they are is said") {
  auto check = [](const std::string& bytes, Errc code, const std::string& message) {
    CAPTURE(message);
    const Error error = refusal(bytes);
    CHECK(error.code == code);
    CHECK(error.message == message);
  };
  check("", Errc::kBadData, "is empty, wanted a file of torch.save");
  check("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", Errc::kBadData,
        "is a Git LFS pointer, not the weights themselves");
  check("<!DOCTYPE html><html>", Errc::kBadData,
        "is an HTML or XML page, not weights; a failed download was saved in its place");
  check("GGUF\3\0\0\0"s, Errc::kUnsupported,
        "is a GGUF file (llama.cpp), not a file of torch.save");
  check(little(2, 8) + "{}", Errc::kUnsupported, "is a safetensors file, not a file of torch.save");
  check(std::string(257, '\0') + "ustar\0"s, Errc::kUnsupported,
        "is a tar archive (PyTorch before 0.2, among others), not a file of torch.save");
  check("\1\2\3\4"s, Errc::kBadData,
        "is not a file of torch.save: byte 0: 0x01 is no pickle opcode");
}
