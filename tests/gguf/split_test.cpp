// Models in several files: found by name beside the first, each checked, none allowed to contradict it.
#include <gtest/gtest.h>

#include <filesystem>

#include "gguf/gguf.h"
#include "gguf/gguf_builder.h"
#include "gguf/test_files.h"

namespace coterie::test {
namespace {

std::string shard_name(const std::string& prefix, uint32_t number, uint32_t count) {
  char suffix[48];
  snprintf(suffix, sizeof suffix, "-%05u-of-%05u.gguf", number, count);
  return prefix + suffix;
}

GgufBuilder shard(uint16_t index, uint16_t count, int32_t n_tensors) {
  return GgufBuilder().kv("split.no", index).kv("split.count", count).kv("split.tensors.count", n_tensors);
}

// Shards 1 to 3 of a model whose tensors are t0, t1 and t2, each one byte: its number.
class Split : public testing::Test {
 protected:
  void SetUp() override {
    for (uint16_t i = 0; i < 3; ++i) write(i, good(i));
  }
  static GgufBuilder good(uint16_t i) {
    GgufBuilder b = shard(i, 3, 3);
    if (i == 0) b.kv("general.architecture", "llama");
    return b.tensor(numbered("t", i), TensorType::I8, {1}, std::vector<uint8_t>{static_cast<uint8_t>(i)});
  }
  std::string path(uint32_t i) const { return folder_.path(shard_name("model", i + 1, 3)); }
  void write(uint32_t i, const GgufBuilder& b) const { ASSERT_TRUE(b.write(path(i))); }
  Status open() {
    gguf_.reset();
    Status status = Gguf::open(path(0), &gguf_);
    EXPECT_EQ(gguf_ != nullptr, status.ok());
    return status;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Gguf> gguf_;
};

TEST_F(Split, OpensAllShards) {
  ASSERT_OK(open());
  EXPECT_EQ(gguf_->n_files(), 3u);
  ASSERT_EQ(gguf_->tensors().size(), 3u);
  uint64_t total = 0;
  for (uint32_t i = 0; i < 3; ++i) {
    const Tensor* t = gguf_->tensor(numbered("t", i));
    ASSERT_NE(t, nullptr);
    EXPECT_EQ(t->file, i);
    EXPECT_EQ(t->data[0], std::byte{static_cast<uint8_t>(i)});
    total += std::filesystem::file_size(path(i));
  }
  EXPECT_EQ(gguf_->file_bytes(), total);
  EXPECT_NE(gguf_->find("general.architecture"), nullptr);
}

TEST_F(Split, EachShardHasItsOwnAlignment) {
  GgufBuilder first = shard(0, 3, 3);
  write(0, first.alignment(4096).tensor("t0", TensorType::I8, {1}));
  GgufBuilder second = shard(1, 3, 3);
  second.tensor("t1", TensorType::I8, {1}, std::vector<uint8_t>{11});  // 32, as it says nothing
  write(1, second);
  ASSERT_OK(open());
  EXPECT_EQ(gguf_->tensor("t1")->data[0], std::byte{11});
  EXPECT_NE(gguf_->tensor("t1")->offset % 4096, 0u);
  EXPECT_EQ(gguf_->tensor("t0")->offset % 4096, 0u);
}

TEST_F(Split, FirstShardMayHoldNoTensors) {
  write(0, shard(0, 3, 2).kv("general.architecture", "llama"));
  write(1, shard(1, 3, 2).tensor("t1", TensorType::I8, {1}));
  write(2, shard(2, 3, 2).tensor("t2", TensorType::I8, {1}));
  ASSERT_OK(open());
  EXPECT_EQ(gguf_->tensors().size(), 2u);
  EXPECT_EQ(gguf_->tensor("t1")->file, 1u);
}

TEST_F(Split, NumbersMayHaveOtherWidths) {
  GgufBuilder b;
  b.kv("split.no", uint64_t{1}).kv("split.count", int32_t{3}).kv("split.tensors.count", uint64_t{3});
  write(1, b.tensor("t1", TensorType::I8, {1}));
  EXPECT_OK(open());
}

TEST_F(Split, CountOfOneIsAnOrdinaryFile) {
  const std::string name = folder_.path("whole.gguf");
  ASSERT_TRUE(shard(0, 1, 1).tensor("t", TensorType::I8, {1}).write(name));
  EXPECT_OK(Gguf::open(name, &gguf_));
  EXPECT_EQ(gguf_->n_files(), 1u);
}

TEST_F(Split, ShardsMayBeLinksElsewhere) {
  const TemporaryFolder store;
  for (uint32_t i = 0; i < 3; ++i) {
    const std::string blob = store.path(numbered("blob", i));
    std::filesystem::copy_file(path(i), blob);
    std::filesystem::remove(path(i));
    std::filesystem::create_symlink(blob, path(i));
  }
  EXPECT_OK(open());
}

TEST_F(Split, MissingShard) {
  std::filesystem::remove(path(2));
  EXPECT_ERROR(open(), Code::kIo, {"model-00003-of-00003.gguf", "No such file", "shard 3 of 3"});
}

TEST_F(Split, BrokenShard) {
  std::filesystem::resize_file(path(1), 130);
  EXPECT_ERROR(open(), Code::kBadFile, {"model-00002-of-00003.gguf: ", "(130 bytes)", "shard 2 of 3"});
}

TEST_F(Split, NotTheFirstShard) {
  EXPECT_ERROR(Gguf::open(path(1), &gguf_), Code::kUnsupported,
               {"model-00002-of-00003.gguf", "key split.no", "shard 2 of 3", "open the first"});
}

TEST_F(Split, ShardListedTwice) {
  std::filesystem::copy_file(path(1), path(2), std::filesystem::copy_options::overwrite_existing);
  EXPECT_ERROR(open(), Code::kBadFile, {"model-00003-of-00003.gguf", "key split.no", "found 1, expected 2"});
}

TEST_F(Split, ShardOfAnotherCount) {
  write(2, shard(2, 4, 3).tensor("t2", TensorType::I8, {1}));
  EXPECT_ERROR(open(), Code::kBadFile, {"model-00003-of-00003.gguf", "key split.count", "found 4, expected 3"});
}

TEST_F(Split, ShardWithoutSplitKeys) {
  write(1, GgufBuilder().tensor("t1", TensorType::I8, {1}));
  EXPECT_ERROR(open(), Code::kBadFile, {"model-00002-of-00003.gguf", "key split.no", "missing"});
}

TEST_F(Split, FirstShardWithoutItsNumberOrTotal) {
  write(0, GgufBuilder().kv("split.count", uint16_t{3}));
  EXPECT_ERROR(open(), Code::kBadFile, {"model-00001-of-00003.gguf", "key split.no", "missing"});
  write(0, GgufBuilder().kv("split.count", uint16_t{3}).kv("split.no", uint16_t{0}));
  EXPECT_ERROR(open(), Code::kBadFile, {"model-00001-of-00003.gguf", "key split.tensors.count", "missing"});
}

TEST_F(Split, ShardsDisagreeOnTheTotal) {
  write(1, shard(1, 3, 7).tensor("t1", TensorType::I8, {1}));
  EXPECT_ERROR(open(), Code::kBadFile,
               {"model-00002-of-00003.gguf", "key split.tensors.count", "differs", "model-00001-of-00003.gguf"});
}

TEST_F(Split, TotalOfTensorsIsWrong) {
  for (uint16_t i = 0; i < 3; ++i) {
    write(i, shard(i, 3, 4).tensor(numbered("t", i), TensorType::I8, {1}));
  }
  EXPECT_ERROR(open(), Code::kBadFile, {"model-00001-of-00003.gguf", "split.tensors.count", "4 tensors", "hold 3"});
}

TEST_F(Split, TensorInTwoShards) {
  write(2, shard(2, 3, 3).tensor("t1", TensorType::I8, {1}));
  EXPECT_ERROR(open(), Code::kBadFile,
               {"model-00003-of-00003.gguf: tensor t1", "twice", "model-00002-of-00003.gguf"});
}

TEST_F(Split, ShardOfAnotherModel) {
  write(2, shard(2, 3, 3).kv("general.architecture", "qwen2").tensor("t2", TensorType::I8, {1}));
  EXPECT_ERROR(open(), Code::kBadFile, {"model-00003-of-00003.gguf", "key general.architecture", "differs"});
  write(2, shard(2, 3, 3).kv("general.architecture", 7u).tensor("t2", TensorType::I8, {1}));
  EXPECT_ERROR(open(), Code::kBadFile, {"key general.architecture", "differs"});
}

TEST_F(Split, RenamedFirstShard) {
  const std::string other = folder_.path("renamed.gguf");
  std::filesystem::copy_file(path(0), other);
  EXPECT_ERROR(Gguf::open(other, &gguf_), Code::kBadFile, {"renamed.gguf", "split.count", "-00001-of-00003.gguf"});
}

TEST_F(Split, HugeCounts) {
  for (const uint64_t n : {uint64_t{65536}, uint64_t{100000}, uint64_t{0xffffffff}}) {
    const std::string name = folder_.path("huge-00001-of-65536.gguf");
    GgufBuilder b;
    b.kv("split.no", 0u).kv("split.count", n).kv("split.tensors.count", 0u);
    ASSERT_TRUE(b.write(name));
    EXPECT_ERROR(Gguf::open(name, &gguf_), Code::kBadFile, {"split.count", std::to_string(n), "at most 65535"});
  }
  const std::string name = folder_.path("wide.gguf");
  ASSERT_TRUE(GgufBuilder().kv("split.count", uint64_t{1} << 40).write(name));
  EXPECT_ERROR(Gguf::open(name, &gguf_), Code::kBadFile, {"split.count", "1099511627776", "expected an integer"});
  const std::string many = folder_.path("many-00001-of-65535.gguf");
  ASSERT_TRUE(shard(0, 65535, 0).write(many));
  EXPECT_ERROR(Gguf::open(many, &gguf_), Code::kIo, {"many-00002-of-65535.gguf", "No such file"});
}

// Other shards are looked for under the first one's name only; no key of a file can name another path.
TEST_F(Split, KeysCannotNameAPath) {
  GgufBuilder b = shard(0, 3, 3);
  b.kv("split.path", "../../etc/passwd").kv("split.prefix", "/etc/").tensor("t0", TensorType::I8, {1});
  write(0, b);
  EXPECT_OK(open());
  write(0, GgufBuilder().kv("split.no", uint16_t{0}).kv("split.tensors.count", 3u).kv("split.count", "../3"));
  EXPECT_ERROR(open(), Code::kBadFile, {"key split.count", "found string"});
}

TEST_F(Split, NotFromMemory) {
  EXPECT_ERROR(parse(good(0)), Code::kUnsupported, {"test.gguf", "key split.count", "memory"});
}

}  // namespace
}  // namespace coterie::test
