// KvCache: what attention remembers of a session's tokens: one row of halves per layer, position and kind (key, value).
// Grouped-query models keep a key and a value row; MLA keeps one latent row whose prefix serves as the value. Sparse
// attention keeps the key of its indexer besides.
#pragma once

#include <cstddef>

#include "base/memory.h"
#include "formats.h"

namespace coterie {

struct KvShape {
  size_t n_layer = 0;
  size_t key_row = 0;    // halves in a key row: n_head_kv * head_dim, or kv_lora_rank + rope dimensions
  size_t value_row = 0;  // halves in a value row; 0: values are the prefix of the key row (MLA)
  size_t index_row = 0;  // halves in a row of the indexer's keys; 0: there is no indexer
  size_t bytes_per_token() const { return n_layer * (key_row + value_row + index_row) * sizeof(f16_bits); }
};

class KvCache {
 public:
  static Status create(const KvShape& shape, size_t n_ctx, KvCache* out);

  // Row of position pos in a layer; rows of following positions are adjacent.
  f16_bits* key(size_t layer, size_t pos) const { return rows_ + (layer * n_ctx_ + pos) * row(); }
  f16_bits* value(size_t layer, size_t pos) const {
    return shape_.value_row == 0 ? key(layer, pos) : key(layer, pos) + shape_.key_row;
  }
  // The indexer's key: these rows lie apart, as they are read more often than the others.
  f16_bits* index(size_t layer, size_t pos) const {
    return rows_ + shape_.n_layer * n_ctx_ * row() + (layer * n_ctx_ + pos) * shape_.index_row;
  }
  size_t index_row_bytes() const { return shape_.index_row * sizeof(f16_bits); }
  // From one position to the next, for keys and values alike.
  size_t row_bytes() const { return row() * sizeof(f16_bits); }

 private:
  size_t row() const { return shape_.key_row + shape_.value_row; }

  KvShape shape_;
  size_t n_ctx_ = 0;
  f16_bits* rows_ = nullptr;
  Buffer buffer_;
};

}  // namespace coterie
