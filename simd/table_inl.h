// The table of an instruction set, from everything included before.

constexpr uint32_t slot(TensorType type) { return static_cast<uint32_t>(type); }

template <class... F>
constexpr void add_formats(Kernels& k, List<F...>) {
  ((k.gemv[slot(F::kType)] = gemv<F>, k.gemm[slot(F::kType)] = gemm<F>), ...);
}

constexpr Kernels make_kernels(const char* isa) {
  Kernels k = {};
  k.isa = isa;
  k.task_macs = size_t{1} << 25;
  k.gemm[slot(TensorType::F32)] = gemm_float<Single>;
  k.gemm[slot(TensorType::F16)] = gemm_float<Half>;
  k.gemm[slot(TensorType::BF16)] = gemm_float<Brain>;
  k.gemv[slot(TensorType::F32)] = gemv_float<Single>;
  k.gemv[slot(TensorType::F16)] = gemv_float<Half>;
  k.gemv[slot(TensorType::BF16)] = gemv_float<Brain>;
  add_formats(k, Formats{});
  k.quantize32 = quantize32;
  k.quantize256 = quantize256;
  k.sum_squares = sum_squares;
  k.exp_sum = exp_sum;
  k.max = max;
  k.mul = mul;
  k.silu_mul = silu_mul;
  k.sigmoid = sigmoid;
  k.axpy = axpy;
  k.add = add;
  k.encode[slot(TensorType::F32)] = encode_f32;
  k.encode[slot(TensorType::F16)] = encode_f16;
  k.encode[slot(TensorType::Q8_0)] = encode_q8_0;
  k.weighted_sum[slot(TensorType::F32)] = weighted_sum<Single>;
  k.weighted_sum[slot(TensorType::F16)] = weighted_sum<Half>;
  k.weighted_sum[slot(TensorType::Q8_0)] = weighted_sum<BlockQ8_0>;
  return k;
}

#undef COTERIE_INLINE
