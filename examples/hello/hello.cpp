// Continues a text in C++: hello_cpp MODEL.gguf "TEXT"
#include <coterie/coterie.hpp>
#include <iostream>

int main(int argc, char** argv) try {
  if (argc != 3) return std::cerr << "usage: " << argv[0] << " MODEL.gguf TEXT\n", 2;
  coterie::Model model(coterie::Engine(), argv[1]);
  coterie::Session session(model);
  for (const coterie::Event& event : session.generate(model.tokenize(argv[2]), {.max_tokens = 100}))
    std::cout << event.text << std::flush;
  std::cout << "\n";
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
