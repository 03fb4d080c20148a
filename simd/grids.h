// The grids of IQ1, IQ2 and IQ3: what weights an index stands for. Plain data.
#pragma once

#include <cstdint>

namespace coterie {

template <class Point, int kPoints>
struct Grid {
  Point point[kPoints];  // byte i belongs to weight i, the lowest to weight 0
};

extern const Grid<uint64_t, 256> kGridIQ2_XXS;  // magnitudes: 8, 25, 43
extern const Grid<uint64_t, 512> kGridIQ2_XS;
extern const Grid<uint64_t, 1024> kGridIQ2_S;
extern const Grid<uint32_t, 256> kGridIQ3_XXS;  // magnitudes: 4, 12, 20, 28, 36, 44, 52, 62
extern const Grid<uint32_t, 512> kGridIQ3_S;    // magnitudes: 1, 3, 5, 7, 9, 11, 13, 15
extern const Grid<uint64_t, 2048> kGridIQ1;     // 8 (w + 1) for w = -1, 0, 1

}  // namespace coterie
