// Renders templates in tests.
#pragma once

#include <string>
#include <string_view>

#include "chat/jinja/json.h"
#include "chat/jinja/template.h"

namespace coterie::test {

// variables is a JSON object; its strings are foreign.
inline Status render(std::string_view source, std::string_view variables, MarkedText* out, jinja::Limits limits = {}) {
  jinja::Date date;
  date.year = 2026, date.month = 3, date.day = 5, date.weekday = 4, date.day_of_year = 64;
  date.hour = 15, date.minute = 7, date.second = 9;
  jinja::Heap heap(limits, date);
  jinja::Value object;
  COTERIE_RETURN_IF_ERROR(jinja::parse_json(heap, variables, true, "variables", &object));
  std::vector<std::pair<std::string_view, jinja::Value>> scope;
  for (const auto& [key, value] : object.dict->entries) scope.emplace_back(key->bytes(), value);
  std::unique_ptr<jinja::Template> parsed;
  COTERIE_RETURN_IF_ERROR(jinja::Template::parse(source, &parsed));
  return parsed->render(heap, scope, out);
}

// The text with foreign bytes between « and »; or the error.
inline std::string marked(const MarkedText& text) {
  std::string out;
  size_t at = 0;
  for (const auto& [begin, end] : text.foreign()) {
    out += std::string(text.bytes().substr(at, begin - at)) + "«" +
           std::string(text.bytes().substr(begin, end - begin)) + "»";
    at = end;
  }
  return out + std::string(text.bytes().substr(at));
}

}  // namespace coterie::test
