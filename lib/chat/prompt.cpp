#include "chat/prompt.h"

#include "chat/markers.h"

namespace coterie {

Status write_prompt(const Tokenizer& tokenizer, ChatFormat format, const TemplateOptions& options,
                    std::span<const Message> messages, MarkedText* out) {
  if (format < ChatFormat::kAuto || format > ChatFormat::kR1Zero) {
    return Error(Code::kInvalidArgument, "format: %d, expected a coterie_chat_format", static_cast<int>(format));
  }
  if (options.thinking < Thinking::kAuto || options.thinking > Thinking::kOff) {
    return Error(Code::kInvalidArgument, "thinking: %d, expected a coterie_thinking",
                 static_cast<int>(options.thinking));
  }
  if (format == ChatFormat::kAuto && !tokenizer.chat_template().empty()) {
    return render_chat_template(tokenizer, options, messages, out);
  }
  if (options.thinking != Thinking::kAuto || !options.tools.empty() || !options.variables.empty()) {
    return Error(Code::kUnsupported, "options: thinking, tools and variables need the chat template of a file");
  }
  if (format == ChatFormat::kAuto) {
    const bool has_markers = tokenizer.find(kUserMarker) >= 0 && tokenizer.find(kAssistantMarker) >= 0;
    format = has_markers ? ChatFormat::kDeepSeekV3 : ChatFormat::kPlain;
  }
  return write_format(tokenizer, format, messages, out);
}

Status tokenize_prompt(const Tokenizer& tokenizer, const MarkedText& text, std::vector<int32_t>* out) {
  const std::string_view bytes = text.bytes();
  std::vector<int32_t> ids;
  size_t run = 0;  // where the text begins that is not yet tokenized
  const auto tokenize_until = [&](size_t end) {
    return run == end ? Status() : tokenizer.tokenize(bytes.substr(run, end - run), false, false, &ids);
  };
  std::vector<SpecialMatch> matches;
  for (size_t i = 0; i <= text.foreign().size(); ++i) {  // the own text before each foreign range, and behind the last
    const size_t begin = i == 0 ? 0 : text.foreign()[i - 1].end;
    const size_t end = i == text.foreign().size() ? bytes.size() : text.foreign()[i].begin;
    matches.clear();
    tokenizer.find_control(bytes.substr(begin, end - begin), &matches);
    for (const SpecialMatch& match : matches) {
      COTERIE_RETURN_IF_ERROR(tokenize_until(begin + match.begin));
      ids.push_back(match.id);
      run = begin + match.end;
    }
  }
  COTERIE_RETURN_IF_ERROR(tokenize_until(bytes.size()));
  *out = std::move(ids);
  return {};
}

}  // namespace coterie
