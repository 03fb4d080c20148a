// What a core can do at most: the instructions that products are made of, in registers, with nothing to wait for.
#pragma once

namespace coterie::bench {

struct Peak {
  double int8 = 0, floats = 0;  // multiply-adds a second, by processor time; 0: not known
};

// Of the kernels' table of that name, which must be usable here.
Peak measure_peak(const char* isa);

}  // namespace coterie::bench
