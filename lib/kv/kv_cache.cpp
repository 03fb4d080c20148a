#include "kv/kv_cache.h"

#include <utility>

namespace coterie {

Status KvCache::create(const KvShape& shape, TensorType type, size_t n_ctx, KvCache* out) {
  if (type != TensorType::F16 && type != TensorType::F32 && type != TensorType::Q8_0) {
    return Error(Code::kInvalidArgument, "kv cache: type %u, expected F32, F16 or Q8_0", static_cast<unsigned>(type));
  }
  const TypeInfo& info = type_info(type);
  if (shape.piece % info.block_elems != 0) {
    return Error(Code::kInvalidArgument, "kv cache: type %s, expected heads of a multiple of %u elements, found %zu", info.name,
                 info.block_elems, shape.piece);
  }
  KvCache cache;
  cache.shape_ = shape;
  cache.type_ = type;
  size_t most_rows, most_bytes;
  if (__builtin_add_overflow(n_ctx, kKvBlock - 1, &most_rows) ||
      !checked_mul(cache.bytes_per_token(), most_rows, &most_bytes)) {
    return Error(Code::kOutOfMemory, "kv cache: %zu bytes a token times %zu tokens overflow", cache.bytes_per_token(), n_ctx);
  }
  cache.n_rows_ = most_rows / kKvBlock * kKvBlock;
  COTERIE_RETURN_IF_ERROR(Buffer::allocate(cache.bytes_per_token() * cache.n_rows_, "kv cache", &cache.buffer_));
  *out = std::move(cache);
  return {};
}

KvRows KvCache::layer(size_t il) const {
  const size_t key = row_bytes(type_, shape_.key_dim), value = row_bytes(type_, shape_.value_dim);
  const size_t block = kKvBlock * layer_bytes_per_token();
  std::byte* data = buffer_.data() + il * n_rows_ * layer_bytes_per_token();
  const HeadRows keys{data, key, kKvBlock * key, block};
  if (shape_.value_dim == 0) return {type_, keys, keys};
  return {type_, keys, {data + shape_.n_head_kv * kKvBlock * key, value, kKvBlock * value, block}};
}

KvRows KvCache::index(size_t il) const {
  const size_t stride = row_bytes(TensorType::F16, shape_.index_dim);
  std::byte* data = buffer_.data() + n_rows_ * (shape_.n_layer * layer_bytes_per_token() + il * stride);
  return {TensorType::F16, HeadRows::adjacent(data, stride), {}};
}

size_t KvCache::bytes_per_token() const {
  return shape_.n_layer * (layer_bytes_per_token() + row_bytes(TensorType::F16, shape_.index_dim));
}

size_t KvCache::layer_bytes_per_token() const {
  return shape_.n_head_kv * (row_bytes(type_, shape_.key_dim) + row_bytes(type_, shape_.value_dim));
}

}  // namespace coterie
