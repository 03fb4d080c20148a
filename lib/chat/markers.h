// The words of the chat formats that both the prompt and the parser of answers know.
// Fullwidth bars are U+FF5C and the low lines inside a marker U+2581, as in DeepSeek's vocabularies.
#pragma once

#include <string_view>

namespace coterie {

inline constexpr std::string_view kUserMarker = "<｜User｜>";
inline constexpr std::string_view kAssistantMarker = "<｜Assistant｜>";
inline constexpr std::string_view kEndMarker = "<｜end▁of▁sentence｜>";

inline constexpr std::string_view kThink = "<think>";
inline constexpr std::string_view kThinkEnd = "</think>";
inline constexpr std::string_view kAnswerTag = "<answer>";
inline constexpr std::string_view kAnswerTagEnd = "</answer>";

// DeepSeek-R1 paper (arXiv 2501.12948), table 1, up to the question; ". Assistant:" follows it.
inline constexpr std::string_view kR1ZeroIntroduction =
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think> <answer> answer here </answer>. User: ";
// What plain-text formats (V2, R1-Zero) end a prompt with.
inline constexpr std::string_view kAssistantPrefix = "Assistant:";

}  // namespace coterie
