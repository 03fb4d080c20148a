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
  cache.n_ctx_ = n_ctx;
  size_t bytes;
  if (!checked_mul(cache.bytes_per_token(), n_ctx, &bytes)) {
    return Error(Code::kOutOfMemory, "kv cache: %zu bytes a token times %zu tokens overflow", cache.bytes_per_token(), n_ctx);
  }
  COTERIE_RETURN_IF_ERROR(Buffer::allocate(bytes, "kv cache", &cache.buffer_));
  *out = std::move(cache);
  return {};
}

KvRows KvCache::layer(size_t il) const {
  std::byte* data = buffer_.data() + il * n_ctx_ * layer_bytes_per_token();
  const HeadRows keys = rows(data, type_, shape_.key_dim);
  if (shape_.value_dim == 0) return {type_, keys, keys};
  return {type_, keys, rows(keys.at(shape_.n_head_kv, 0), type_, shape_.value_dim)};
}

KvRows KvCache::index(size_t il) const {
  const size_t layers = shape_.n_layer * layer_bytes_per_token();
  std::byte* data = buffer_.data() + n_ctx_ * (layers + il * row_bytes(TensorType::F16, shape_.index_dim));
  return {TensorType::F16, rows(data, TensorType::F16, shape_.index_dim), {}};
}

size_t KvCache::bytes_per_token() const {
  return shape_.n_layer * (layer_bytes_per_token() + row_bytes(TensorType::F16, shape_.index_dim));
}

size_t KvCache::layer_bytes_per_token() const {
  return shape_.n_head_kv * (row_bytes(type_, shape_.key_dim) + row_bytes(type_, shape_.value_dim));
}

HeadRows KvCache::rows(std::byte* data, TensorType type, size_t dim) const {
  return {data, row_bytes(type, dim), n_ctx_ * row_bytes(type, dim)};
}

}  // namespace coterie
