#include "grids.h"

namespace coterie {
namespace {

#include "grid_points.inc"

// Points of 8 bytes have eight coordinates of two bits, those of 4 bytes four of three.
template <class Point, int kPoints, int kValues>
constexpr Grid<Point, kPoints> expand(const uint16_t (&points)[kPoints], const uint8_t (&values)[kValues]) {
  constexpr unsigned kBits = sizeof(Point) == 8 ? 2 : 3, kMask = (1 << kBits) - 1;
  Grid<Point, kPoints> grid = {};
  for (int p = 0; p < kPoints; ++p)
    for (unsigned i = 0; i < sizeof(Point); ++i)
      grid.point[p] |= Point{values[points[p] >> kBits * i & kMask]} << 8 * i;
  return grid;
}

constexpr uint8_t kMagnitudesIQ2[] = {8, 25, 43};
constexpr uint8_t kMagnitudesIQ3_XXS[] = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr uint8_t kMagnitudesIQ3_S[] = {1, 3, 5, 7, 9, 11, 13, 15};
constexpr uint8_t kValuesIQ1[] = {0, 8, 16};

}  // namespace

constinit const Grid<uint64_t, 256> kGridIQ2_XXS = expand<uint64_t>(kPointsIQ2_XXS, kMagnitudesIQ2);
constinit const Grid<uint64_t, 512> kGridIQ2_XS = expand<uint64_t>(kPointsIQ2_XS, kMagnitudesIQ2);
constinit const Grid<uint64_t, 1024> kGridIQ2_S = expand<uint64_t>(kPointsIQ2_S, kMagnitudesIQ2);
constinit const Grid<uint32_t, 256> kGridIQ3_XXS = expand<uint32_t>(kPointsIQ3_XXS, kMagnitudesIQ3_XXS);
constinit const Grid<uint32_t, 512> kGridIQ3_S = expand<uint32_t>(kPointsIQ3_S, kMagnitudesIQ3_S);
constinit const Grid<uint64_t, 2048> kGridIQ1 = expand<uint64_t>(kPointsIQ1, kValuesIQ1);

}  // namespace coterie
