// make_model SHAPE TYPE FILE [--layers N]
// Writes a GGUF file in the shape of a known model, with random weights: it computes as the real one does, tokens
// choose different experts, and what it says means nothing. For measuring; the same arguments give the same file.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model_shapes.h"
#include "random_weights.h"
#include "weight_recipe.h"

using namespace coterie;
using namespace coterie::bench;

namespace {

constexpr uint64_t kSeed = 88172645463325252;
constexpr float kExpertScale = 1.0f / 16;  // near enough to 1 for programs that leave it out
constexpr size_t kAlignment = 32, kBufferBytes = size_t(4) << 20;

struct Arguments {
  const NamedShape* shape = nullptr;
  std::optional<WeightRecipe> recipe;
  std::string file;
  uint32_t n_layer = 0;
};

bool read_arguments(int argc, char** argv, Arguments* out) {
  if (argc != 4 && argc != 6) return false;
  for (const NamedShape& shape : kShapes) if (shape.name == std::string_view(argv[1])) out->shape = &shape;
  out->recipe = WeightRecipe::find(argv[2]);
  out->file = argv[3];
  if (argc == 6) {
    if (std::strcmp(argv[4], "--layers") != 0) return false;
    out->n_layer = static_cast<uint32_t>(std::strtoul(argv[5], nullptr, 10));
    if (out->n_layer == 0 || out->n_layer > 1000) return false;
  }
  return out->shape != nullptr && out->recipe;
}

void print_usage() {
  std::fprintf(stderr, "usage: make_model SHAPE TYPE FILE [--layers N]\nSHAPE:\n");
  for (const NamedShape& shape : kShapes) std::fprintf(stderr, "  %-14s %s\n", shape.name, shape.what);
  std::fprintf(stderr, "TYPE: q4_k_m, q5_k_m");
  for (uint32_t t = 0; t < kTensorTypeCount; ++t) {
    if (RandomWeights::supports(static_cast<TensorType>(t))) std::fprintf(stderr, ", %s", kTypeInfo[t].name);
  }
  std::fprintf(stderr, "\n");
}

// Buffered writing that remembers its first failure.
class Output {
 public:
  explicit Output(const std::string& path) : file_(std::fopen(path.c_str(), "wb"), &std::fclose) {
    if (file_ == nullptr) error_ = errno;
    else std::setvbuf(file_.get(), nullptr, _IONBF, 0);
  }
  void put(const void* bytes, size_t n) {
    if (error_ != 0) return;
    if (std::fwrite(bytes, 1, n, file_.get()) != n) error_ = errno;
    n_bytes_ += n;
  }
  void pad() {
    constexpr uint8_t kZeros[kAlignment] = {};
    put(kZeros, (kAlignment - n_bytes_ % kAlignment) % kAlignment);
  }
  // 0, or the errno of what failed.
  int close() {
    if (file_ != nullptr && std::fclose(file_.release()) != 0 && error_ == 0) error_ = errno;
    return error_;
  }
  uint64_t n_bytes() const { return n_bytes_; }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  uint64_t n_bytes_ = 0;
  int error_ = 0;
};

uint64_t bytes_of(const PlannedTensor& tensor, TensorType type) {
  uint64_t n = type_info(type).block_bytes;
  for (const uint64_t dim : tensor.ne) n *= dim;
  return n / type_info(type).block_elems;
}

double deviation_of(const PlannedTensor& tensor) {
  return tensor.deviation != 0 ? tensor.deviation : 1 / std::sqrt(static_cast<double>(tensor.ne[0]));
}

void write_tensor(const PlannedTensor& tensor, TensorType type, RandomWeights& random, Output& out) {
  const size_t block_bytes = type_info(type).block_bytes;
  std::vector<uint8_t> buffer(kBufferBytes / block_bytes * block_bytes);
  for (uint64_t left = bytes_of(tensor, type); left > 0;) {
    const size_t n = std::min<uint64_t>(left, buffer.size());
    if (tensor.role == TensorRole::kOnes || tensor.role == TensorRole::kScales) {
      const float value = tensor.role == TensorRole::kOnes ? 1 : kExpertScale;
      for (size_t i = 0; i < n; i += 4) std::memcpy(&buffer[i], &value, 4);
    } else {
      random.fill(type, deviation_of(tensor), buffer.data(), n);
    }
    out.put(buffer.data(), n);
    left -= n;
  }
}

struct TypedTensor {
  PlannedTensor tensor;
  TensorType type;
};

// What the file will hold: experts of NVFP4 have their scales beside them, as converters write them.
std::vector<TypedTensor> choose_types(const ModelPlan& plan, const WeightRecipe& recipe) {
  constexpr std::string_view kExperts = "_exps.weight", kWeight = "weight";
  std::vector<TypedTensor> chosen;
  for (PlannedTensor t : plan.tensors) {
    const TensorType type = recipe.choose(t, plan.n_layer);
    if (type != TensorType::NVFP4 || !t.name.ends_with(kExperts)) {
      chosen.push_back({t, type});
      continue;
    }
    t.deviation = deviation_of(t) / kExpertScale;
    const std::string stem = t.name.substr(0, t.name.size() - kWeight.size());
    chosen.push_back({t, type});
    chosen.push_back({{stem + "scale", {t.ne[2]}, TensorRole::kScales, 0, t.layer}, TensorType::F32});
  }
  return chosen;
}

// 0, or the errno of what failed.
int write_model(const Arguments& arguments) {
  ModelPlan plan;
  plan.n_layer = arguments.n_layer;
  arguments.shape->plan(plan);
  const std::vector<TypedTensor> tensors = choose_types(plan, *arguments.recipe);
  uint64_t offset = 0;
  for (const auto& [t, type] : tensors) {
    plan.head.tensor(t.name, type, t.ne, test::Bytes()).last_tensor().offset = offset;
    offset += (bytes_of(t, type) + kAlignment - 1) / kAlignment * kAlignment;
  }
  Output out(arguments.file);
  const test::Bytes head = plan.head.head();
  out.put(head.data(), head.size());
  out.pad();
  RandomWeights random(kSeed);
  for (const auto& [t, type] : tensors) {
    write_tensor(t, type, random, out);
    out.pad();
  }
  const int error = out.close();
  if (error == 0) std::printf("%s: %.3f GB\n", arguments.file.c_str(), static_cast<double>(out.n_bytes()) / 1e9);
  return error;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!read_arguments(argc, argv, &arguments)) {
    print_usage();
    return 2;
  }
  const int error = write_model(arguments);
  if (error != 0) std::fprintf(stderr, "make_model: %s: %s\n", arguments.file.c_str(), std::strerror(error));
  return error == 0 ? 0 : 1;
}
