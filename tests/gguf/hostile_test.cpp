// Files that break the format, in each of the ways known to have broken readers: each is a status whose message names
// what is wrong and where; none crashes, hangs or takes memory that the file does not have.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <fstream>

#include "gguf/gguf.h"
#include "gguf/gguf_builder.h"
#include "gguf/test_files.h"

namespace coterie::test {
namespace {

constexpr uint64_t kHuge[] = {~uint64_t{0}, uint64_t{1} << 63, uint64_t{1} << 62};

constexpr uint32_t kArrayType = 9, kStringType = 8;

template <class... Fields>
Bytes bytes_of(Fields... fields) {
  Bytes out;
  ByteWriter to(&out);
  (to.put(fields), ...);
  return out;
}

GgufBuilder one_tensor() { return GgufBuilder().tensor("some.weight", TensorType::F32, {4, 2}); }

GgufBuilder one_tensor(TensorType type, std::vector<uint64_t> ne) {
  return GgufBuilder().tensor("some.weight", type, std::move(ne), Bytes(64));
}

// ---- header

TEST(HostileHeader, NotGguf) {
  const std::string page = "<html><body>404</body></html>";
  const auto* from = reinterpret_cast<const std::byte*>(page.data());
  EXPECT_ERROR(parse(Bytes(from, from + page.size())), Code::kBadFile, {"test.gguf", "offset 0", "<htm", "GGUF"});
  EXPECT_ERROR(parse(Bytes()), Code::kBadFile, {"test.gguf", "header", "4 bytes of magic", "(0 bytes)"});
}

TEST(HostileHeader, Versions) {
  EXPECT_ERROR(parse(GgufBuilder().version(0)), Code::kBadFile, {"offset 4", "version 0", "expected 2 or 3"});
  EXPECT_ERROR(parse(GgufBuilder().version(1)), Code::kUnsupported, {"version 1"});
  EXPECT_ERROR(parse(GgufBuilder().version(4)), Code::kUnsupported, {"version 4"});
  EXPECT_ERROR(parse(GgufBuilder().version(0x03000000)), Code::kUnsupported, {"big-endian"});
  EXPECT_ERROR(parse(GgufBuilder().version(~0u)), Code::kUnsupported, {"version 4294967295"});
}

TEST(HostileHeader, CountsThatTheFileCannotHold) {
  for (const uint64_t n : kHuge) {
    const std::string number = std::to_string(n);
    EXPECT_ERROR(parse(one_tensor().claim_tensors(n)), Code::kBadFile, {"offset 8", "tensor count", number});
    EXPECT_ERROR(parse(one_tensor().claim_keys(n)), Code::kBadFile, {"offset 16", "key count", number});
  }
  EXPECT_ERROR(parse(one_tensor().claim_tensors(2)), Code::kBadFile, {"tensor 1 of 2"});
  EXPECT_ERROR(parse(GgufBuilder().kv("a", "long enough for two").claim_keys(2)), Code::kBadFile, {"key 1 of 2"});
}

// ---- keys and values

TEST(HostileKeys, StringLongerThanTheFile) {
  for (const uint64_t n : kHuge) {
    const GgufBuilder b = GgufBuilder().raw_kv("general.name", kStringType, bytes_of(n));
    EXPECT_ERROR(parse(b), Code::kBadFile, {"key general.name", "offset 48", std::to_string(n), "1073741824"});
  }
  const GgufBuilder gib = GgufBuilder().raw_kv("general.name", kStringType, bytes_of(uint64_t{1} << 30));
  EXPECT_ERROR(parse(gib), Code::kBadFile, {"key general.name", "1073741824 bytes of string", "(56 bytes)"});
  const GgufBuilder cut = GgufBuilder().raw_kv("general.name", kStringType, bytes_of(uint32_t{5}));
  EXPECT_ERROR(parse(cut), Code::kBadFile, {"key general.name", "8 bytes of string"});
}

TEST(HostileKeys, StringOverTheLimitThoughTheFileHasIt) {
  const size_t size = (size_t{1} << 30) + 4096;
  void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  const Bytes head = GgufBuilder().raw_kv("k", kStringType, bytes_of((uint64_t{1} << 30) + 1)).build();
  std::memcpy(pages, head.data(), head.size());
  EXPECT_ERROR(parse(std::span(static_cast<const std::byte*>(pages), size)), Code::kBadFile, {"key k", "1073741825"});
  munmap(pages, size);
}

TEST(HostileKeys, ArrayLargerThanTheFile) {
  for (const uint32_t type : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 10u, 11u, 12u}) {
    for (const uint64_t n : kHuge) {
      const GgufBuilder b = GgufBuilder().raw_kv("list", kArrayType, bytes_of(type, n));
      EXPECT_ERROR(parse(b), Code::kBadFile, {"key list", "offset 44", std::to_string(n), "1073741824"});
    }
    const GgufBuilder b = GgufBuilder().raw_kv("list", kArrayType, bytes_of(type, uint64_t{1} << 30));
    EXPECT_ERROR(parse(b), Code::kBadFile, {"key list", "past the end of the file (52 bytes)"});
  }
}

TEST(HostileKeys, StringsInAnArrayOverrunTheFile) {
  Bytes value = bytes_of(kStringType, uint64_t{2}, uint64_t{1}, 'a', uint64_t{1000});
  EXPECT_ERROR(parse(GgufBuilder().raw_kv("tokens", kArrayType, value)), Code::kBadFile,
               {"key tokens", "offset 63", "1000 bytes of string"});
}

TEST(HostileKeys, UnknownTypes) {
  for (const uint32_t type : {13u, 255u, ~0u}) {
    const std::string number = std::to_string(type);
    EXPECT_ERROR(parse(GgufBuilder().raw_kv("odd", type, Bytes(64))), Code::kBadFile, {"key odd", "offset 35", number});
    const GgufBuilder list = GgufBuilder().raw_kv("odd", kArrayType, bytes_of(type, uint64_t{1}, uint64_t{0}));
    EXPECT_ERROR(parse(list), Code::kBadFile, {"key odd", "offset 39", number});
  }
}

TEST(HostileKeys, NestedArrays) {
  Bytes bomb;
  for (int depth = 0; depth < 100000; ++depth) ByteWriter(&bomb).put<uint32_t>(kArrayType).put<uint64_t>(1);
  EXPECT_ERROR(parse(GgufBuilder().raw_kv("deep", kArrayType, bomb)), Code::kUnsupported,
               {"key deep", "array of arrays"});
}

TEST(HostileKeys, Names) {
  EXPECT_ERROR(parse(GgufBuilder().kv("", 1u)), Code::kBadFile, {"key 0 of 1", "offset 24", "empty"});
  EXPECT_ERROR(parse(GgufBuilder().kv(std::string_view("a\0b", 3), 1u)), Code::kBadFile, {"key a\\x00b", "UTF-8"});
  EXPECT_ERROR(parse(GgufBuilder().kv("a\xff", 1u)), Code::kBadFile, {"key a\\xff", "UTF-8"});
  EXPECT_ERROR(parse(GgufBuilder().kv(std::string(65536, 'k'), 1u)), Code::kBadFile,
               {"key 0 of 1", "65536 bytes", "at most 65535"});
  EXPECT_OK(parse(GgufBuilder().kv(std::string(65535, 'k'), 1u)));
  const GgufBuilder twice = GgufBuilder().kv("twin", 1u).kv("other", 2u).kv("twin", 1u);
  EXPECT_ERROR(parse(twice), Code::kBadFile, {"key twin", "offset 81", "twice", "first", "offset 40"});
}

TEST(HostileKeys, Bools) {
  EXPECT_ERROR(parse(GgufBuilder().raw_kv("flag", 7, bytes_of(uint8_t{2}))), Code::kBadFile, {"key flag", "bool of 2"});
  const Bytes list = bytes_of(7u, uint64_t{2}, uint8_t{1}, uint8_t{255});
  EXPECT_ERROR(parse(GgufBuilder().raw_kv("flags", kArrayType, list)), Code::kBadFile, {"key flags", "bool of 255"});
}

TEST(HostileKeys, Alignment) {
  for (const uint32_t alignment : {0u, 1u, 4u, 13u, 24u, 33u, 1u << 21, 1u << 30, 1u << 31, ~0u}) {
    const GgufBuilder b = GgufBuilder().kv("general.alignment", alignment);
    EXPECT_ERROR(parse(b), Code::kBadFile, {"key general.alignment", std::to_string(alignment), "power of two"});
  }
  EXPECT_ERROR(parse(GgufBuilder().kv("general.alignment", int32_t{32})), Code::kBadFile,
               {"key general.alignment", "i32", "expected u32"});
  EXPECT_ERROR(parse(GgufBuilder().kv("general.alignment", uint64_t{32})), Code::kBadFile, {"u64", "expected u32"});
  EXPECT_ERROR(parse(GgufBuilder().kv("general.alignment", std::vector<uint32_t>{32})), Code::kBadFile,
               {"array", "expected u32"});
}

// ---- tensors

TEST(HostileTensors, Names) {
  const auto named = [](std::string_view name) { return GgufBuilder().tensor(name, TensorType::I8, {1}); };
  EXPECT_ERROR(parse(named("")), Code::kBadFile, {"tensor 0 of 1", "offset 24", "empty"});
  EXPECT_ERROR(parse(named(std::string(64, 't'))), Code::kBadFile, {"tensor 0 of 1", "64 bytes", "at most 63"});
  EXPECT_OK(parse(named(std::string(63, 't'))));
  EXPECT_ERROR(parse(named(std::string_view("a\0b", 3))), Code::kBadFile, {"tensor a\\x00b", "UTF-8"});
  EXPECT_ERROR(parse(named("a\xc0\xaf")), Code::kBadFile, {"tensor a\\xc0\\xaf", "UTF-8"});
  const GgufBuilder twice = named("twin").tensor("other", TensorType::I8, {1}).tensor("twin", TensorType::F32, {1});
  EXPECT_ERROR(parse(twice), Code::kBadFile, {"test.gguf: tensor twin at offset", "twice"});
}

TEST(HostileTensors, NumberOfDimensions) {
  for (const uint32_t n : {0u, 5u, 1u << 31, ~0u}) {
    GgufBuilder b = one_tensor();
    b.last_tensor().n_dims = n;
    EXPECT_ERROR(parse(b), Code::kBadFile, {"tensor some.weight", "offset 43", std::to_string(n), "expected 1 to 4"});
  }
}

TEST(HostileTensors, Dimensions) {
  EXPECT_ERROR(parse(one_tensor(TensorType::F32, {4, 0})), Code::kBadFile, {"tensor some.weight", "dimension 1 is 0"});
  EXPECT_ERROR(parse(one_tensor(TensorType::F32, {0})), Code::kBadFile, {"tensor some.weight", "dimension 0 is 0"});
  EXPECT_ERROR(parse(one_tensor(TensorType::F32, {4, ~uint64_t{0}})), Code::kBadFile, {"dimension 1 is -1"});
  EXPECT_ERROR(parse(one_tensor(TensorType::F32, {uint64_t{1} << 63})), Code::kBadFile, {"dimension 0 is -"});
}

TEST(HostileTensors, SizesThatOverflow) {
  const uint64_t two32 = uint64_t{1} << 32;
  EXPECT_ERROR(parse(one_tensor(TensorType::F32, {two32, two32})), Code::kBadFile,
               {"tensor some.weight", "elements overflows"});
  EXPECT_ERROR(parse(one_tensor(TensorType::F32, {65536, 65536, 65536, 65536})), Code::kBadFile, {"overflows"});
  EXPECT_ERROR(parse(one_tensor(TensorType::F64, {uint64_t{1} << 62})), Code::kBadFile, {"bytes overflows", "F64"});
  const uint64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_ERROR(parse(one_tensor(TensorType::I8, {most})), Code::kBadFile, {"past the end of the file"});
  EXPECT_ERROR(parse(one_tensor(TensorType::Q8_0, {32, (uint64_t{1} << 42) + 1})), Code::kBadFile,
               {"tensor some.weight", "149533581377570 bytes", "past the end"});
}

TEST(HostileTensors, TotalsThatOverflow) {
  const uint64_t n = 0x7fffffffffffffc0;
  GgufBuilder b = one_tensor(TensorType::I8, {n}).tensor("next", TensorType::I8, {n}, Bytes(64));
  b.last_tensor().offset = n;
  EXPECT_ERROR(parse(b), Code::kBadFile, {"tensor some.weight", "past the end of the file"});
  GgufBuilder second = one_tensor().tensor("next", TensorType::I8, {n}, Bytes(64));
  second.last_tensor().offset = n;
  EXPECT_ERROR(parse(second), Code::kBadFile, {"tensor next", "9223372036854775744 bytes into"});
}

TEST(HostileTensors, Types) {
  for (const uint32_t type : {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u, 43u, 138u, 1u << 31, ~0u}) {
    GgufBuilder b = one_tensor();
    b.last_tensor().type = type;
    EXPECT_ERROR(parse(b), Code::kUnsupported, {"tensor some.weight", "offset 63", "type " + std::to_string(type)});
  }
}

TEST(HostileTensors, RowsOfWholeBlocks) {
  EXPECT_ERROR(parse(one_tensor(TensorType::Q8_0, {48, 2})), Code::kBadFile,
               {"tensor some.weight", "48", "multiple of 32", "Q8_0"});
  EXPECT_ERROR(parse(one_tensor(TensorType::Q4_K, {128, 2})), Code::kBadFile, {"128", "multiple of 256", "Q4_K"});
}

TEST(HostileTensors, OffsetsOutsideTheFile) {
  const auto at = [](uint64_t offset) {
    GgufBuilder b = one_tensor();  // 32 bytes of data in a section of 32 bytes
    b.last_tensor().offset = offset;
    return parse(b);
  };
  EXPECT_OK(at(0));
  EXPECT_ERROR(at(32), Code::kBadFile, {"tensor some.weight at offset 128", "32 bytes of F32", "(128 bytes)"});
  EXPECT_ERROR(at(64), Code::kBadFile, {"tensor some.weight", "64 bytes into a data section of 32 bytes"});
  EXPECT_ERROR(at(~uint64_t{31}), Code::kBadFile, {"tensor some.weight", "18446744073709551584 bytes into"});
  EXPECT_ERROR(at(~uint64_t{0} - 95), Code::kBadFile, {"tensor some.weight"}) << "would wrap to the file's beginning";
  EXPECT_ERROR(at(uint64_t{1} << 63), Code::kBadFile, {"tensor some.weight"});
}

TEST(HostileTensors, MisalignedOffsets) {
  for (const uint64_t offset : {1u, 4u, 16u, 31u}) {
    GgufBuilder b = one_tensor().tensor("ballast", TensorType::I8, {64});
    b.last_tensor().offset = 64 + offset;
    EXPECT_ERROR(parse(b), Code::kBadFile, {"tensor ballast", "expected a multiple of 32"});
  }
}

TEST(HostileTensors, Overlaps) {
  GgufBuilder same = one_tensor().tensor("other", TensorType::I8, {32});
  same.last_tensor().offset = 0;
  EXPECT_ERROR(parse(same), Code::kBadFile, {"overlaps", "some.weight", "other"});
  GgufBuilder inside = GgufBuilder().tensor("large", TensorType::I8, {128}).tensor("small", TensorType::I8, {1});
  inside.last_tensor().offset = 96;
  EXPECT_ERROR(parse(inside), Code::kBadFile, {"tensor small", "overlaps that of tensor large (128 bytes at offset"});
}

TEST(HostileTensors, DataSectionPastTheEnd) {
  EXPECT_ERROR(parse(one_tensor().head()), Code::kBadFile, {"header at offset 75", "offset 96", "(75 bytes)"});
}

TEST(Hostile, MessagesStayPlainText) {
  GgufBuilder b;
  b.tensor("a\x1b[31m\n", TensorType::I8, {1});
  std::unique_ptr<Gguf> gguf;
  const Status status = Gguf::parse(b.build(), "evil\n\xff.gguf", &gguf);
  EXPECT_ERROR(status, Code::kBadFile, {"evil\\x0a\\xff.gguf", "a\\x1b[31m\\x0a"});
}

TEST(Hostile, BytesThatAreNotAligned) {
  Bytes bytes = GgufBuilder().kv("k", 1u).build();
  bytes.insert(bytes.begin(), std::byte{0});
  EXPECT_ERROR(parse(std::span(bytes).subspan(1)), Code::kInvalidArgument, {"test.gguf", "aligned to 8"});
}

// ---- damage everywhere

Bytes small_file() {
  GgufBuilder b;
  b.alignment(32).kv("general.architecture", "llama").kv("flag", true);
  b.kv("tokens", std::vector<std::string>{"a", "bc"}).kv("scores", std::vector<float>{0, 1});
  b.kv("flags", std::vector<bool>{true, false});
  b.tensor("a", TensorType::F32, {4, 2}).tensor("b", TensorType::Q8_0, {32, 2, 1, 1}).tensor("c", TensorType::I8, {32});
  return b.build();
}

TEST(Hostile, FileCutAtEveryByte) {
  const Bytes whole = small_file();
  EXPECT_OK(parse(whole));
  for (size_t n = 0; n < whole.size(); ++n) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));  // exact size: for AddressSanitizer
    EXPECT_ERROR(parse(cut), Code::kBadFile, {"test.gguf: ", " at offset "}) << "cut after " << n << " bytes";
  }
}

TEST(Hostile, EveryBitFlipped) {
  Bytes file = small_file();
  size_t n_rejected = 0;
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    const std::byte mask{static_cast<uint8_t>(1u << (bit % 8))};
    file[bit / 8] ^= mask;
    const Status status = parse(file);
    n_rejected += status.ok() ? 0 : 1;
    EXPECT_TRUE(status.ok() || status.message().starts_with("test.gguf: ")) << status.message();
    file[bit / 8] ^= mask;
  }
  EXPECT_GT(n_rejected, size_t{1000});
  EXPECT_OK(parse(file));
}

// ---- large numbers of names

TEST(HostileNumbers, MillionKeys) {
  GgufBuilder b;
  for (int i = 0; i < 1000000; ++i) b.kv(numbered("key.", i), uint8_t{0});
  b.kv("key.500000", uint8_t{0});
  double seconds = 0;
  EXPECT_ERROR(timed_parse(b.build(), &seconds), Code::kBadFile, {"key key.500000", "twice"});
  EXPECT_LT(seconds, 10);
  RecordProperty("seconds", std::to_string(seconds));
}

TEST(HostileNumbers, MillionTensors) {
  GgufBuilder b;
  b.alignment(8);
  for (int i = 0; i < 1000000; ++i) b.tensor(numbered("tensor.", i), TensorType::I8, {1});
  b.tensor("tensor.500000", TensorType::I8, {1});
  double seconds = 0;
  EXPECT_ERROR(timed_parse(b.build(), &seconds), Code::kBadFile, {"tensor tensor.500000", "twice"});
  EXPECT_LT(seconds, 10) << "a bound for sanitized builds; a quadratic check would take hours";
  RecordProperty("seconds", std::to_string(seconds));
}

// ---- what is not a file

TEST(HostilePaths, NotReadableFiles) {
  const TemporaryFolder folder;
  std::unique_ptr<Gguf> gguf;
  EXPECT_ERROR(Gguf::open(folder.path("absent.gguf"), &gguf), Code::kIo, {"absent.gguf: No such file or directory"});
  EXPECT_ERROR(Gguf::open(folder.path(""), &gguf), Code::kIo, {"Is a directory"});
  const std::string empty = folder.path("empty.gguf");
  std::ofstream(empty).flush();
  EXPECT_ERROR(Gguf::open(empty, &gguf), Code::kBadFile, {"empty.gguf", "empty"});
  const std::string fifo = folder.path("fifo.gguf");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_ERROR(Gguf::open(fifo, &gguf), Code::kIo, {"fifo.gguf", "not a regular file"});
  EXPECT_ERROR(Gguf::open("/dev/zero", &gguf), Code::kIo, {"/dev/zero", "not a regular file"});
  EXPECT_ERROR(Gguf::open("", &gguf), Code::kIo, {"No such file"});
  EXPECT_ERROR(Gguf::open(folder.path(std::string(5000, 'x')), &gguf), Code::kIo, {"xxx", "too long"});
  EXPECT_EQ(gguf, nullptr);
}

}  // namespace
}  // namespace coterie::test
