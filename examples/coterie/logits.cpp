// coterie logits: what the model says after every token, for oracles and tests.
#include "commands.h"
#include "terminal.h"

#include <cerrno>
#include <cstring>
#include <memory>

namespace {

// Raw bytes; the library runs on little-endian machines only.
void write_file(const std::string& path, std::span<const float> values) {
  const auto check = [&path](bool ok) {
    if (!ok) throw std::runtime_error(path + ": " + std::strerror(errno));
  };
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), &std::fclose);
  check(file != nullptr);
  check(std::fwrite(values.data(), sizeof(float), values.size(), file.get()) == values.size());
  check(std::fclose(file.release()) == 0);
}

}  // namespace

void logits(const LogitsOptions& options) {
  const coterie::Model model = options.model.load();
  coterie::Session session(model, {static_cast<uint32_t>(options.ids.size()), options.n_chunk, options.kv_type});
  std::vector<float> rows(options.ids.size() * model.info().n_vocab);  // [n_tokens, n_vocab]
  StatusLine status;
  status.set("evaluating " + std::to_string(options.ids.size()) + " tokens");
  if (!session.eval(options.ids, rows)) throw std::runtime_error("cancelled");
  write_file(options.out, rows);
}
