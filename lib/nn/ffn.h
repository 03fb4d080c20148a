// Feed-forward networks: dense SwiGLU (Shazeer 2020), and mixtures of such experts, with the shared expert of DeepSeekMoE
// (Dai et al. 2024).
#pragma once

#include <cstddef>
#include <cstdint>

#include "nn/context.h"
#include "nn/matmul.h"
#include "nn/router.h"
#include "nn/tensor.h"

namespace coterie::nn {

// What becomes of g = gate * x and u = up * x:
enum class Activation : uint8_t {
  kSilu,       // silu(g) . u
  kSwigluOai,  // gpt-oss: g . sigmoid(1.702 g) . (u + 1) with g at most 7 and u in [-7, 7]
};

// down * activation(gate * x + gate_bias, up * x + up_bias) + down_bias
struct Ffn {
  Matrix gate, up;  // [n_ff, n_embd]
  Matrix down;      // [n_embd, n_ff]
  Vector gate_bias = nullptr, up_bias = nullptr;  // [n_ff]; null: none
  Vector down_bias = nullptr;                     // [n_embd]
  explicit operator bool() const { return static_cast<bool>(gate); }
};

struct Moe {
  RouterConfig config;
  Matrix router;   // [n_expert, n_embd], float
  Stack gate, up;  // [n_expert][n_ff, n_embd]
  Stack down;      // [n_expert][n_embd, n_ff]
  Vector gate_bias = nullptr, up_bias = nullptr;  // [n_expert, n_ff]; null: none
  Vector down_bias = nullptr;                     // [n_expert, n_embd]
  Activation activation = Activation::kSilu;
  Ffn shared;          // every token passes it; may be empty
  Matrix shared_gate;  // [1, n_embd], float: its output is multiplied by sigmoid(shared_gate * x); may be empty
};

// The largest sizes that the layers of a model ask for.
struct FfnSizes {
  size_t n_embd = 0;
  size_t n_ff = 0;  // dense layers and shared experts
  size_t n_expert = 0, n_expert_used = 0, n_ff_expert = 0;
};

class FfnScratch {
 public:
  void carve(Carver& carver, const FfnSizes& sizes, size_t max_tokens);

 private:
  friend bool ffn(const Context&, const Ffn&, FfnScratch&, const float*, size_t, float*);
  friend bool moe(const Context&, const Moe&, FfnScratch&, const float*, size_t, float*);
  friend struct MoeRun;
  Activations input_;          // [n, n_embd]
  float *gate_, *up_;          // [n, n_ff]
  Activations hidden_;         // [n, n_ff]
  float* shared_;              // [n, n_embd] output of the shared expert
  float* shared_gate_;         // [n]
  float* router_;              // [n, n_expert]
  float* router_scratch_;      // [n, 2 * n_expert]
  int32_t* ids_;               // [n, n_used] chosen experts, ascending
  float* weights_;             // [n, n_used]
  size_t* offset_;             // [n_expert + 1] first slot of each expert; a slot is one (token, expert) pair
  int32_t* slot_token_;        // [n * n_used]
  int32_t* slot_of_;           // [n, n_used]
  float *expert_gate_, *expert_up_;  // [slots, n_ff_expert]
  Activations expert_hidden_;  // [slots, n_ff_expert]
  float* expert_out_;          // [slots, n_embd]
  Product* products_;          // [2 * n_expert]
  uint32_t* tiles_left_;       // [max(slots, n)] for matmul_pairs
};

// out[n, n_embd] = network of x[n, n_embd]; out and x are distinct.
bool ffn(const Context& context, const Ffn& w, FfnScratch& scratch, const float* x, size_t n, float* out);
bool moe(const Context& context, const Moe& w, FfnScratch& scratch, const float* x, size_t n, float* out);

}  // namespace coterie::nn
