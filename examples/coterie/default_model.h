// Which model a command uses when -m is not given.
#pragma once

#include <string>

// COTERIE_MODEL, or else the model installed beside the program, or else the one of the source tree. Throws if there is
// none.
std::string default_model_path();
