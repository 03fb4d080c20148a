#include "default_model.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <vector>

namespace fs = std::filesystem;

namespace {

// The first file by name in a directory whose name ends as given; empty if there is none.
fs::path first_file(const fs::path& directory, const std::string& ending) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, ignored))
    if (entry.path().filename().string().ends_with(ending)) found.push_back(entry.path());
  return found.empty() ? fs::path() : *std::ranges::min_element(found);
}

fs::path program_directory() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

}  // namespace

std::string default_model_path() {
  if (const char* path = std::getenv("COTERIE_MODEL"); path != nullptr && *path != '\0') return path;
  const fs::path installed = program_directory().parent_path() / "share/coterie/models";
  const fs::path source = fs::path(COTERIE_SOURCE_DIR) / "examples/default_model";
  fs::path found = first_file(installed, ".gguf");
  if (found.empty()) found = first_file(source, "-Q8_0.gguf");
  if (found.empty())
    throw std::runtime_error("no model: give one with -m FILE or in COTERIE_MODEL (no default model in " +
                             installed.string() + " or " + source.string() + ")");
  return found.string();
}
