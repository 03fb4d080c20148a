// Renders templates for scripts that compare the results with those of another engine.
//   render_templates CASES.json RESULTS.json
// CASES is [{"template": source, "variables": {...}, "date": [year, month, day]}, ...] and RESULTS [{"text": ...} or
// {"error": ...}, ...]. All strings of the variables are foreign; that must not change the text.
#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "chat/jinja/json.h"
#include "chat/jinja/template.h"

namespace {

using coterie::Status;
using coterie::jinja::Heap;
using coterie::jinja::Template;
using coterie::jinja::Value;

Status render(const nlohmann::ordered_json& c, coterie::MarkedText* out) {
  coterie::jinja::Date date;
  date.year = c["date"][0];
  date.month = c["date"][1];
  date.day = c["date"][2];
  Heap heap({}, date);
  std::vector<std::pair<std::string_view, Value>> variables;
  for (const auto& [name, json] : c["variables"].items()) {
    variables.emplace_back(name, Value());
    COTERIE_RETURN_IF_ERROR(parse_json(heap, json.dump(), true, "variables", &variables.back().second));
  }
  std::unique_ptr<Template> parsed;
  COTERIE_RETURN_IF_ERROR(Template::parse(c["template"].get_ref<const std::string&>(), &parsed));
  return parsed->render(heap, variables, out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: render_templates CASES.json RESULTS.json\n", 2;
  auto results = nlohmann::json::array();
  for (const auto& c : nlohmann::ordered_json::parse(std::ifstream(argv[1]))) {
    coterie::MarkedText text;
    const Status status = render(c, &text);
    if (status.ok()) {
      results.push_back({{"text", text.bytes()}});
    } else {
      results.push_back({{"error", status.message()}});
    }
  }
  std::ofstream(argv[2]) << results;
  return 0;
}
