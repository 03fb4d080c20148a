// KvCache: what attention remembers of a session's tokens: one row per layer, position and kind (key, value), of type F16,
// F32 or Q8_0. Grouped-query models keep a key and a value row; MLA keeps one latent row whose prefix serves as the value.
// Sparse attention keeps the key of its indexer besides, always in halves.
#pragma once

#include <cstddef>

#include "base/memory.h"
#include "formats.h"

namespace coterie {

struct KvShape {
  size_t n_layer = 0;
  size_t key_row = 0;    // elements of a key row: n_head_kv * head_dim, or kv_lora_rank + rope dimensions
  size_t value_row = 0;  // elements of a value row; 0: values are the prefix of the key row (MLA)
  size_t index_row = 0;  // elements of a row of the indexer's keys; 0: there is no indexer
  size_t piece = 1;      // heads begin and end at multiples of so many elements, and so must the blocks of a type
};

// Elements of a row of some type as bytes.
constexpr size_t row_bytes(TensorType type, size_t n) {
  return n / type_info(type).block_elems * type_info(type).block_bytes;
}

// The keys and values of one layer. Those of head h begin h * dim elements into a row.
struct KvRows {
  TensorType type = TensorType::F16;
  std::byte* keys = nullptr;    // row of position 0
  std::byte* values = nullptr;  // likewise
  size_t stride = 0;            // bytes from one position to the next, for both

  std::byte* key(size_t pos) const { return keys + pos * stride; }
  std::byte* value(size_t pos) const { return values + pos * stride; }
};

class KvCache {
 public:
  // Errors: kInvalidArgument for a type that is not one of the three or whose blocks do not fit the model's heads.
  static Status create(const KvShape& shape, TensorType type, size_t n_ctx, KvCache* out);

  KvRows layer(size_t il) const;
  KvRows index(size_t il) const;  // the indexer's keys, of type F16: they lie apart, as they are read more often
  size_t bytes_per_token() const;

 private:
  size_t row() const { return row_bytes(type_, shape_.key_row) + row_bytes(type_, shape_.value_row); }

  KvShape shape_;
  TensorType type_ = TensorType::F16;
  size_t n_ctx_ = 0;
  Buffer buffer_;
};

}  // namespace coterie
