#include "models/binder.h"

#include <cstdint>
#include <cstdio>

#include "gguf/names.h"

namespace coterie {
namespace {

std::string shape_text(const uint64_t* ne, size_t n) {
  std::string text;
  for (size_t i = 0; i < n; ++i) text += (i == 0 ? "" : "x") + std::to_string(ne[i]);
  return text;
}

using ULL = unsigned long long;

ULL offset(const Tensor& t) { return t.offset; }

nn::Matrix matrix_view(const Tensor& t) {
  const TypeInfo& info = type_info(t.type);
  return {t.data, t.type, t.ne[0], t.ne[1], t.ne[0] / info.block_elems * info.block_bytes};
}

}  // namespace

const Tensor* Binder::find(std::string_view name, std::initializer_list<uint64_t> ne) {
  const std::string full = prefix_ + std::string(name);
  const Tensor* t = gguf_.tensor(full);
  if (t == nullptr) {
    fail(Error(Code::kBadFile, "tensor %s: missing, expected shape %s", full.c_str(),
               shape_text(ne.begin(), ne.size()).c_str()));
    return nullptr;
  }
  bool same = t->n_dims <= 4;
  for (size_t i = 0; i < 4; ++i) same &= t->ne[i] == (i < ne.size() ? ne.begin()[i] : 1);
  if (!same) {
    fail(Error(Code::kBadFile, "tensor %s at offset %llu: shape %s, expected %s", full.c_str(), offset(*t),
               shape_text(t->ne, t->n_dims).c_str(), shape_text(ne.begin(), ne.size()).c_str()));
    return nullptr;
  }
  const auto type = static_cast<uint32_t>(t->type);
  if (kernels_.gemv[type] == nullptr || kernels_.dequantize[type] == nullptr) {
    fail(Error(Code::kUnsupported, "tensor %s at offset %llu: type %s is not supported", full.c_str(), offset(*t),
               type_info(t->type).name));
    return nullptr;
  }
  bound_.insert(t);
  return t;
}

void Binder::matrix(std::string_view name, nn::Matrix* out, uint64_t n_in, uint64_t n_out) {
  if (const Tensor* t = find(name, {n_in, n_out})) *out = scaled_view(name, *t);
}

// By name.scale, and in files of some writers name.weight.scale. input_scale, for activations of four bits, is not used.
std::vector<nn::Vector> Binder::scales(std::string_view weight, uint64_t n) {
  constexpr std::string_view kSuffix = ".weight";
  if (!weight.ends_with(kSuffix)) return {};
  const std::string_view stem = weight.substr(0, weight.size() - kSuffix.size());
  std::string found;
  for (const std::string_view base : {weight, stem}) {
    if (const Tensor* t = gguf_.tensor(prefix_ + std::string(base) + ".input_scale")) bound_.insert(t);
    if (const std::string name = std::string(base) + ".scale"; has(name)) found = name;
  }
  if (found.empty()) return {};
  const uint64_t n_values = gguf_.tensor(prefix_ + found)->ne[0] == 1 ? 1 : n;
  nn::Vector values = nullptr;
  vector(found, &values, n_values);
  if (values == nullptr) return {};
  std::vector<nn::Vector> of_each(n);
  for (uint64_t i = 0; i < n; ++i) of_each[i] = values + (n_values == 1 ? 0 : i);
  return of_each;
}

nn::Matrix Binder::scaled_view(std::string_view name, const Tensor& t) {
  nn::Matrix w = matrix_view(t);
  if (const auto scale = scales(name, 1); !scale.empty()) w.scale = scale.front();
  return w;
}

void Binder::float_matrix(std::string_view name, nn::Matrix* out, uint64_t n_in, uint64_t n_out) {
  const Tensor* t = find(name, {n_in, n_out});
  if (t == nullptr) return;
  if (type_info(t->type).act != ActKind::kF32) {
    fail(Error(Code::kUnsupported, "tensor %s%s at offset %llu: type %s, expected F32, F16 or BF16", prefix_.c_str(),
               std::string(name).c_str(), offset(*t), type_info(t->type).name));
    return;
  }
  *out = scaled_view(name, *t);
}

void Binder::stack(std::string_view name, nn::Stack* out, uint64_t n_in, uint64_t n_out, uint64_t n) {
  const Tensor* t = find(name, {n_in, n_out, n});
  if (t == nullptr) return;
  const nn::Matrix first = matrix_view(*t);
  *out = nn::Stack(first, n, t->ne[1] * first.row_bytes);
  out->scales = scales(name, n);
}

void Binder::numbered_stack(std::string_view name, nn::Stack* out, uint64_t n_in, uint64_t n_out, uint64_t n) {
  nn::Stack stack;
  for (uint64_t i = 0; i < n; ++i) {
    const std::string part = std::string(name) + "." + std::to_string(i) + ".weight";
    const Tensor* t = find(part, {n_in, n_out});
    if (t == nullptr) return;
    if (i == 0) stack.first = matrix_view(*t);
    if (t->type != stack.first.type) {
      return fail(Error(Code::kUnsupported, "tensor %s%s at offset %llu: type %s, expected %s as in the first",
                        prefix_.c_str(), part.c_str(), offset(*t), type_info(t->type).name, type_info(stack.first.type).name));
    }
    stack.data.push_back(t->data);
    stack.scales.push_back(scaled_view(part, *t).scale);
  }
  *out = std::move(stack);
}

void Binder::vector(std::string_view name, nn::Vector* out, uint64_t n) { floats(name, out, {n}); }
void Binder::vectors(std::string_view name, nn::Vector* out, uint64_t n, uint64_t n_rows) { floats(name, out, {n, n_rows}); }

void Binder::floats(std::string_view name, nn::Vector* out, std::initializer_list<uint64_t> ne) {
  const Tensor* t = find(name, ne);
  if (t == nullptr) return;
  if (t->type != TensorType::F32) {
    fail(Error(Code::kUnsupported, "tensor %s%s at offset %llu: type %s, expected F32", prefix_.c_str(),
               std::string(name).c_str(), offset(*t), type_info(t->type).name));
  } else {
    *out = reinterpret_cast<const float*>(t->data);
  }
}

void Binder::refuse_unknown(uint32_t n_layer, uint32_t n_block) {
  for (const Tensor& t : gguf_.tensors()) {
    if (bound_.count(&t) != 0) continue;
    unsigned layer;
    const std::string name(t.name);
    std::string_view part = name;
    if (std::sscanf(name.c_str(), "blk.%u.", &layer) == 1) {
      if (layer >= n_layer && layer < n_block) continue;
      part.remove_prefix(name.find('.', 4) + 1);
    }
    if (part.starts_with("attn_kv_b.") || part == "attn_rot_embd.weight" || part == "rope_freqs.weight") continue;
    return fail(Error(Code::kUnsupported, "tensor %s at offset %llu: not a part of this architecture as it is known here",
                      name.c_str(), offset(t)));
  }
}

std::string Config::shown(std::string_view key) const {
  const std::string full = prefix_ + std::string(key);
  const Value* value = gguf_.find(full);
  if (value == nullptr || value->is_array()) return full;
  if (value->is_string()) {
    const std::byte* cursor = value->data;
    return full + ": " + printable(value->next_string(&cursor));
  }
  double number = 0;
  char text[32] = "";
  if (value->get(0, &number)) snprintf(text, sizeof text, ": %.9g", number);
  return full + text;
}

void Config::integer(std::string_view key, uint32_t* out, uint32_t least, uint32_t most) {
  if (has(key)) {
    optional_integer(key, out, least, most);
  } else {
    fail(Error(Code::kBadFile, "key %s%s: missing, expected %u to %u", prefix_.c_str(), std::string(key).c_str(), least, most));
  }
}

void Config::optional_integer(std::string_view key, uint32_t* out, uint32_t least, uint32_t most) {
  const std::string full = prefix_ + std::string(key);
  if (gguf_.find(full) == nullptr) return;
  uint32_t value = 0;
  if (Status s = read_integer(full, &value); !s.ok()) return fail(std::move(s));
  if (value < least || value > most) {
    return fail(Error(Code::kBadFile, "key %s: %u, expected %u to %u", full.c_str(), value, least, most));
  }
  *out = value;
}

Status Config::read_integer(const std::string& key, uint32_t* out) const {
  const Value* value = gguf_.find(key);
  if (!value->is_array()) return gguf_.read(key, out);
  uint64_t first = 0, other = 0;
  for (uint64_t i = 0; i < value->count; ++i) {
    if (!value->get(i, &other)) return Error(Code::kBadFile, "key %s: element %llu is no unsigned integer", key.c_str(), ULL{i});
    if (i == 0) first = other;
    if (other != first) {
      return Error(Code::kUnsupported, "key %s: %llu in layer %llu, expected %llu as in layer 0", key.c_str(), ULL{other},
                   ULL{i}, ULL{first});
    }
  }
  if (value->count == 0 || first > UINT32_MAX) return Error(Code::kBadFile, "key %s: expected a number of 32 bits", key.c_str());
  *out = static_cast<uint32_t>(first);
  return {};
}

void Config::real(std::string_view key, float* out, float least, float most) {
  if (has(key)) {
    optional_real(key, out, least, most);
  } else {
    fail(Error(Code::kBadFile, "key %s%s: missing, expected %g to %g", prefix_.c_str(), std::string(key).c_str(), least, most));
  }
}

void Config::optional_real(std::string_view key, float* out, float least, float most) {
  const std::string full = prefix_ + std::string(key);
  if (gguf_.find(full) == nullptr) return;
  float value = 0;
  if (Status s = gguf_.read(full, &value); !s.ok()) return fail(std::move(s));
  if (!(value >= least && value <= most)) {
    return fail(Error(Code::kBadFile, "key %s: %g, expected %g to %g", full.c_str(), value, least, most));
  }
  *out = value;
}

void Config::optional_bool(std::string_view key, bool* out) {
  if (Status s = gguf_.read_optional(prefix_ + std::string(key), out); !s.ok()) fail(std::move(s));
}

std::string_view Config::optional_string(std::string_view key, std::string_view otherwise) {
  if (Status s = gguf_.read_optional(prefix_ + std::string(key), &otherwise); !s.ok()) fail(std::move(s));
  return otherwise;
}

void Config::check(bool condition, std::string_view key, const char* expected) {
  if (!condition) fail(Error(Code::kBadFile, "key %s, expected %s", shown(key).c_str(), expected));
}

void Config::unsupported(std::string_view key, const char* expected) {
  fail(Error(Code::kUnsupported, "key %s, expected %s", shown(key).c_str(), expected));
}

}  // namespace coterie
