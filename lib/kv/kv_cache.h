// KvCache: what attention remembers of a session's tokens: one row per layer, head, kind (key, value) and position, of type
// F16, F32 or Q8_0. Grouped-query models keep key and value rows of each key head; MLA keeps one latent row whose prefix
// serves as the value. Sparse attention keeps the key of its indexer besides, always in halves. In each block of positions the
// rows of one head and kind follow each other, so that a query, which reads those of one head, reads memory in order; the
// blocks of a layer follow each other, so that what a layer knows of a prefix is one piece.
#pragma once

#include <cstddef>

#include "base/memory.h"
#include "formats.h"

namespace coterie {

struct KvShape {
  size_t n_layer = 0;
  size_t n_head_kv = 0;
  size_t key_dim = 0;    // elements of a key row: those of a head, or kv_lora_rank + rope dimensions
  size_t value_dim = 0;  // elements of a value row; 0: values are the prefix of the key row (MLA)
  size_t index_dim = 0;  // elements of a row of the indexer's keys; 0: there is no indexer
  size_t piece = 1;      // keys and values end at multiples of so many elements, and so must the blocks of a type
};

// Elements of a row of some type as bytes.
constexpr size_t row_bytes(TensorType type, size_t n) {
  return n / type_info(type).block_elems * type_info(type).block_bytes;
}

inline constexpr size_t kKvBlock = 256;  // positions whose rows lie together

// Keys or values of one layer.
struct HeadRows {
  std::byte* data = nullptr;  // the row of head 0 and position 0
  size_t stride = 0;          // bytes from one position to the next in a block,
  size_t head_stride = 0;     // from one head to the next,
  size_t block_stride = 0;    // from one block to the next

  // Of a single head: rows that all follow each other.
  static HeadRows adjacent(std::byte* data, size_t stride) { return {data, stride, 0, kKvBlock * stride}; }

  std::byte* at(size_t head, size_t pos) const {
    return data + pos / kKvBlock * block_stride + head * head_stride + pos % kKvBlock * stride;
  }
};

struct KvRows {
  TensorType type = TensorType::F16;
  HeadRows keys, values;
};

class KvCache {
 public:
  // Errors: kInvalidArgument for a type that is not one of the three or whose blocks do not fit the model's heads.
  static Status create(const KvShape& shape, TensorType type, size_t n_ctx, KvCache* out);

  KvRows layer(size_t il) const;
  KvRows index(size_t il) const;  // the indexer's keys, of type F16: they lie apart, as they are read more often
  size_t bytes_per_token() const;

 private:
  size_t layer_bytes_per_token() const;

  KvShape shape_;
  TensorType type_ = TensorType::F16;
  size_t n_rows_ = 0;  // of a layer and head: whole blocks
  Buffer buffer_;
};

}  // namespace coterie
