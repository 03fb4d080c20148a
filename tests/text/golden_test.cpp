// Vocabularies of real models with the ids that llama.cpp gives to a list of texts: ggml-vocab-NAME.gguf, .inp, .out.
// They are not part of this repository: fetch_vocabularies.py unpacks them.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <gtest/gtest.h>

#include "text/tokenizer.h"

namespace coterie::test {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> texts_of(const std::string& path) {
  constexpr std::string_view kMark = "\n__ggml_vocab_test__\n";
  const std::string all = read_file(path);
  std::vector<std::string> texts;
  size_t begin = 0;
  for (size_t end; (end = all.find(kMark, begin)) != all.npos; begin = end + kMark.size()) {
    texts.push_back(all.substr(begin, end - begin));
  }
  if (begin < all.size()) texts.push_back(all.substr(begin));
  return texts;
}

std::vector<std::vector<int32_t>> ids_of(const std::string& path) {
  std::vector<std::vector<int32_t>> all;
  std::istringstream file(read_file(path));
  for (std::string line; std::getline(file, line);) {
    std::istringstream numbers(line);
    all.emplace_back(std::istream_iterator<int32_t>(numbers), std::istream_iterator<int32_t>());
  }
  return all;
}

// Where the vocabulary is: unpacked by the build, or beside the repository.
std::string find_vocabulary(const std::string& name) {
  for (const std::string folder : {COTERIE_VOCABULARIES, COTERIE_SOURCE_DIR "/../shared/vectors"}) {
    const std::string path = folder + "/ggml-vocab-" + name + ".gguf";
    if (std::filesystem::exists(path + ".out") && std::filesystem::exists(path)) return path;
  }
  return "";
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, Ids) {
  const std::string path = find_vocabulary(GetParam());
  if (path.empty()) GTEST_SKIP() << "no vocabulary " << GetParam() << ": fetch_vocabularies.py did not get it";
  std::unique_ptr<Gguf> gguf;
  std::unique_ptr<Tokenizer> tokenizer;
  Status status = Gguf::open(path, &gguf);
  if (status.ok()) status = Tokenizer::create(*gguf, Log{}, &tokenizer);
  ASSERT_TRUE(status.ok()) << status.message();
  gguf.reset();  // nothing of the file is needed any more

  const std::vector<std::string> texts = texts_of(path + ".inp");
  const std::vector<std::vector<int32_t>> expected = ids_of(path + ".out");
  ASSERT_GE(texts.size(), 46u);
  ASSERT_EQ(texts.size(), expected.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    std::vector<int32_t> ids;
    ASSERT_TRUE(tokenizer->tokenize(texts[i], false, false, &ids).ok());
    EXPECT_EQ(ids, expected[i]) << "case " << i << ": " << texts[i];
    EXPECT_EQ(tokenizer->detokenize(ids.data(), ids.size(), false), texts[i]) << "case " << i;
  }
  RecordProperty("cases", static_cast<int>(texts.size()));
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, Golden,
                         testing::Values("deepseek-llm", "deepseek-coder", "llama-spm", "phi-3", "llama-bpe", "qwen2",
                                         "qwen35", "gpt-2", "starcoder", "refact", "falcon", "mpt", "command-r"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = std::isalnum(c) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace coterie::test
