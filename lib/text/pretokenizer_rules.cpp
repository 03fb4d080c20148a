#include "text/pretokenizer_rules.h"

#include <algorithm>

namespace coterie {

namespace {

// Regular expressions are facts of the models, from their tokenizer.json or the scheme they name; PCRE2 syntax, with
// \s for the white space of the Unicode Standard (pretokenizer.cpp). Where a stage is written differently from its
// source, it is because the source form takes quadratic time or a construct PCRE2 lacks; the comment says how.

// Cased letters of the Latin, Greek, Cyrillic, Armenian, Georgian, Cherokee, Deseret ... alphabets.
#define CASED_LETTERS \
  R"(A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF})" \
  R"(\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1})" \
  R"(\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5})" \
  R"(\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A})" \
  R"(\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B})" \
  R"(\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC})" \
  R"(\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107})" \
  R"(\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134})" \
  R"(\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4})" \
  R"(\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787})" \
  R"(\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A})" \
  R"(\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2})" \
  R"(\x{118A0}-\x{118DF}\x{1E900}-\x{1E943})"

// Han, Kana, Thai, Khmer and much else; Hangul.
#define CJK_AND_OTHERS R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)"

// The script Han (Unicode 15.1, Scripts.txt), written out as older PCRE2 has other ideas of it.
#define HAN                                                                                                    \
  R"(\x{2E80}-\x{2E99}\x{2E9B}-\x{2EF3}\x{2F00}-\x{2FD5}\x{3005}\x{3007}\x{3021}-\x{3029}\x{3038}-\x{303B})" \
  R"(\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FA6D}\x{FA70}-\x{FAD9}\x{16FE2}\x{16FE3})"                  \
  R"(\x{16FF0}\x{16FF1}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B739}\x{2B740}-\x{2B81D}\x{2B820}-\x{2CEA1})"         \
  R"(\x{2CEB0}-\x{2EBE0}\x{2EBF0}-\x{2EE5D}\x{2F800}-\x{2FA1D}\x{30000}-\x{3134A}\x{31350}-\x{323AF})"

// Letters and marks that may stand in the upper-case (lower-case) part of a word, and the same without Han. The latter
// is written as the complement of all the rest, for want of class intersection.
#define UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define UPPER_NOT_HAN R"([^\p{Ll}\p{N}\p{P}\p{S}\p{Z}\p{C})" HAN "]"
#define LOWER_NOT_HAN R"([^\p{Lu}\p{Lt}\p{N}\p{P}\p{S}\p{Z}\p{C})" HAN "]"

#define CONTRACTION R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]))"
#define CONTRACTION_FOLDED R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"
#define SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"

constexpr const char* kDeepseekLlm[] = {
    R"([\r\n])",
    R"(\s?[)" CASED_LETTERS "]+",
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)",
    R"((?<!\s)\s+$)",  // \s+$: only the start of a run is tried, not each of its characters
    CJK_AND_OTHERS,
    R"(\p{N}+)",
};
constexpr const char* kDeepseekCoder[] = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", CJK_AND_OTHERS, R"(\p{N})"};
constexpr const char* kDeepseekV3[] = {
    R"(\p{N}{1,3})",
    R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
    R"( ?[\p{P}\p{S}]+[\r\n]*|)" SPACES,
};
constexpr const char* kQwen2[] = {
    CONTRACTION R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" SPACES,
};
constexpr const char* kQwen35[] = {
    CONTRACTION R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" SPACES,
};
constexpr const char* kLlama3[] = {
    CONTRACTION R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" SPACES,
};
constexpr const char* kGpt4o[] = {
    R"([^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER "+" CONTRACTION_FOLDED "?|"
    R"([^\r\n\p{L}\p{N}]?)" UPPER "+" LOWER "*" CONTRACTION_FOLDED "?|"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" SPACES,
};
constexpr const char* kKimi[] = {
    "[" HAN "]+|"
    R"([^\r\n\p{L}\p{N}]?)" UPPER_NOT_HAN "*" LOWER_NOT_HAN "+" CONTRACTION_FOLDED "?|"
    R"([^\r\n\p{L}\p{N}]?)" UPPER_NOT_HAN "+" LOWER_NOT_HAN "*" CONTRACTION_FOLDED "?|"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" SPACES,
};
constexpr const char* kTekken[] = {
    R"([^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER "+|"
    R"([^\r\n\p{L}\p{N}]?)" UPPER "+" LOWER "*|"
    R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" SPACES,
};
#define GPT2 R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))"
constexpr const char* kGpt2[] = {GPT2};
constexpr const char* kStarcoder[] = {R"(\p{N})", GPT2};
constexpr const char* kFalcon[] = {R"([\p{P}\$\+<=>\^~\|`]+)", GPT2, "[0-9][0-9][0-9]"};
constexpr const char* kDefault[] = {R"([\p{P}\$\+<=>\^~\|]+)", GPT2, R"(\p{N}+)", "[0-9][0-9][0-9]"};
constexpr const char* kSeedCoder[] = {
    CONTRACTION R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|)" SPACES,
};
constexpr const char* kBailing[] = {
    R"('(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]|\s+(?!\S)|\s+)",
};
constexpr const char* kYoutu[] = {
    R"([\x{AC00}-\x{D7A3}\x{3131}-\x{318E}]+|)"
    R"([\x{FF01}\x{2026}\x{201C}\x{201D}\x{2018}\x{2019}\x{2014}\x{FF1A}\x{FF1B}\x{FF0C}\x{3001}-\x{303F})"
    R"(\x{FE30}-\x{FE4F}]+|[\x{3105}-\x{312F}]+|[\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)",
    R"([^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER "+" CONTRACTION "?|"
    R"([^\r\n\p{L}\p{N}]?)" UPPER "+" LOWER "*" CONTRACTION "?|"
    R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" SPACES,
};

constexpr uint32_t kIgnoreMerges = PretokenizerRules::kIgnoreMerges;
constexpr uint32_t kAddBos = PretokenizerRules::kAddBos;
constexpr uint32_t kNoBos = PretokenizerRules::kNoBos;

constexpr PretokenizerRules kRules[] = {
    {"deepseek-v3 hunyuan-dense joyai-llm", kDeepseekV3, 0},
    {"deepseek-llm", kDeepseekLlm, 0},
    {"deepseek-coder", kDeepseekCoder, 0},
    {"deepseek-r1-qwen qwen2 megrez kormo openpangu f2llmv2 hunyuan stablelm2 solar-open", kQwen2, 0},
    {"qwen35", kQwen35, 0},
    {"llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano laguna", kLlama3,
     kIgnoreMerges | kAddBos},
    {"glm4 chatglm-bpe", kLlama3, kNoBos},
    {"dbrx smaug-bpe", kLlama3, 0},
    {"gpt-4o llama4 kanana2 minimax-m2", kGpt4o, 0},
    {"kimi-k2", kKimi, 0},
    {"tekken", kTekken, kIgnoreMerges | kAddBos},
    {"gpt-2 phi-2 gigachat mellum modern-bert a.x-4.0 exaone4 jina-v2-es jina-v2-de olmo mpt jais trillion "
     "granite-docling",
     kGpt2, 0},
    {"starcoder refact command-r smollm codeshell exaone minerva-7b mellum2", kStarcoder, 0},
    {"falcon", kFalcon, 0},
    {"seed-coder", kSeedCoder, 0},
    {"grok-2", kQwen2, 0},
    {"bailingmoe bailingmoe2 llada-moe", kBailing, 0},
    {"youtu", kYoutu, kIgnoreMerges},
    {"default", kDefault, 0},
};

// Whether the words of a list, separated by spaces, contain name.
bool lists(std::string_view words, std::string_view name) {
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (word == name) return true;
    words.remove_prefix(std::min(words.size(), word.size() + 1));
  }
  return false;
}

}  // namespace

const PretokenizerRules* find_pretokenizer_rules(std::string_view name) {
  const auto rules = std::find_if(std::begin(kRules), std::end(kRules),
                                  [&](const PretokenizerRules& r) { return lists(r.names, name); });
  return rules == std::end(kRules) ? nullptr : rules;
}

}  // namespace coterie
