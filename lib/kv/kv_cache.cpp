#include "kv/kv_cache.h"

#include <utility>

namespace coterie {

Status KvCache::create(const KvShape& shape, size_t n_ctx, KvCache* out) {
  size_t bytes;
  if (!checked_mul(shape.bytes_per_token(), n_ctx, &bytes)) {
    return Error(Code::kOutOfMemory, "kv cache: %zu bytes a token times %zu tokens overflow", shape.bytes_per_token(), n_ctx);
  }
  KvCache cache;
  COTERIE_RETURN_IF_ERROR(Buffer::allocate(bytes, "kv cache", &cache.buffer_));
  cache.shape_ = shape;
  cache.n_ctx_ = n_ctx;
  cache.rows_ = reinterpret_cast<f16_bits*>(cache.buffer_.data());
  *out = std::move(cache);
  return {};
}

}  // namespace coterie
