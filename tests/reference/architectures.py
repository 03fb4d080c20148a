"""What tells architectures apart where neither the keys nor the tensors of a file say it."""

import dataclasses

SOFTMAX, SIGMOID, SELECTED_SOFTMAX = 1, 2, 3  # as in the key expert_gating_func


@dataclasses.dataclass(frozen=True)
class Architecture:
    latent: bool = False  # multi-head latent attention
    half_split: bool = False  # pairs (i, i + n_rot / 2) are rotated, not (2i, 2i + 1)
    qk_norm: str = ""  # RMSNorm of queries and keys before rotation: "heads" each head, "rows" all heads together
    even_window: bool = False  # attention.sliding_window counts in layers 0, 2, ...
    ffn_norm: str = "ffn_norm"
    gating: int = SOFTMAX  # unless the file names another
    normalised: bool = False  # the weights of the chosen experts are divided by their sum, unless the file says otherwise
    swiglu_oai: bool = False


ARCHITECTURES = {
    "deepseek": Architecture(),
    "deepseek2": Architecture(latent=True),
    "deepseek32": Architecture(latent=True),
    "glm4moe": Architecture(half_split=True, qk_norm="heads", ffn_norm="post_attention_norm", gating=SIGMOID,
                            normalised=True),
    "gpt-oss": Architecture(half_split=True, even_window=True, ffn_norm="post_attention_norm", gating=SELECTED_SOFTMAX,
                            swiglu_oai=True),
    "granitemoe": Architecture(normalised=True),
    "llama": Architecture(normalised=True),
    "minimax-m2": Architecture(half_split=True, qk_norm="rows", gating=SIGMOID, normalised=True),
    "olmoe": Architecture(half_split=True, qk_norm="rows"),
    "qwen2": Architecture(half_split=True),
    "qwen2moe": Architecture(half_split=True),
    "qwen3": Architecture(half_split=True, qk_norm="heads"),
    "qwen3moe": Architecture(half_split=True, qk_norm="heads", normalised=True),
}
