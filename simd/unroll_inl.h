// Loops whose counter is a constant. Included by each isa_*.cpp before the definition of V.

#define COTERIE_INLINE inline __attribute__((always_inline))

template <int n>
struct Index {
  static constexpr int value = n;
};

// body(Index<0>{}), body(Index<1>{}) ... : a loop whose counter is a constant, as shifts by immediates need.
template <int kCount, int kFrom = 0, class Body>
COTERIE_INLINE void unroll(const Body& body) {
  if constexpr (kFrom < kCount) {
    body(Index<kFrom>{});
    unroll<kCount, kFrom + 1>(body);
  }
}
