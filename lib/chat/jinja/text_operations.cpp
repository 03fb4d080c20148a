#include "chat/jinja/text_operations.h"

#include "chat/jinja/operators.h"
#include "chat/jinja/strings.h"

namespace coterie::jinja {

Value part_of(Heap& heap, const MarkedText& text, std::string_view view) {
  const auto begin = static_cast<size_t>(view.data() - text.bytes().data());
  return heap.string(text.part(begin, begin + view.size()));
}

Value remade(Heap& heap, const MarkedText& text, std::string bytes) {
  return heap.string(MarkedText(bytes, text.has_foreign()));
}

Status replace(Heap& heap, const MarkedText& text, const MarkedText& from, const MarkedText& to, int64_t at_most,
               Value* out) {
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(text.size(), from.size()));
  MarkedText result;
  size_t at = 0, next = 0;  // what was copied; where the next occurrence is looked for
  for (int64_t n = 0; n != at_most && next <= text.size(); ++n) {
    const size_t found = text.bytes().find(from.bytes(), next);
    if (found == std::string_view::npos) break;
    COTERIE_RETURN_IF_ERROR(heap.spend(1 + to.foreign().size() / 8));
    COTERIE_RETURN_IF_ERROR(heap.afford(result.memory_bytes() + to.memory_bytes()));
    result.append(text, at, found);
    result.append(to);
    at = found + from.size();
    next = from.empty() ? found + (found < text.size() ? character_bytes(text.bytes().substr(found)) : 1) : at;
  }
  result.append(text, at, text.size());
  *out = heap.string(std::move(result));
  return {};
}

Status join(Heap& heap, const std::vector<Value>& items, const MarkedText& separator, Value* out) {
  MarkedText text;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text.append(separator);
    COTERIE_RETURN_IF_ERROR(print(heap, items[i], &text));
  }
  *out = heap.string(std::move(text));
  return {};
}

Status items_of_dict(Heap& heap, const Value& dict, Value* out) {
  if (!dict.is(Value::Type::kDict)) return cannot("list the items of", dict);
  COTERIE_RETURN_IF_ERROR(heap.spend(dict.dict->entries.size()));
  std::vector<Value> pairs;
  for (const Dict::Entry& entry : dict.dict->entries) {
    pairs.push_back(heap.list({heap.string(*entry.key), entry.value}));
  }
  *out = heap.list(std::move(pairs));
  return {};
}

}  // namespace coterie::jinja
