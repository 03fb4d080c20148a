// Numbers as text for people.
#pragma once

#include <cstdint>
#include <string>

__attribute__((format(printf, 1, 2))) std::string format(const char* pattern, ...);

// Three digits in powers of 1000: "10.4 GB".
std::string size_of(uint64_t bytes);
