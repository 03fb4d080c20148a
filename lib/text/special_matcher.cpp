#include "text/special_matcher.h"

#include <algorithm>

namespace coterie {

namespace {

// An occurrence of the token that ends at node, ordered so that the greatest is to be taken first.
struct Candidate {
  uint32_t length;
  int32_t id;
  uint32_t node;
  size_t end;

  bool operator<(const Candidate& other) const {
    if (length != other.length) return length < other.length;
    if (id != other.id) return id > other.id;
    return end > other.end;
  }
};

}  // namespace

void SpecialMatcher::build(std::vector<Entry> entries) {
  std::erase_if(entries, [](const Entry& e) { return e.text.empty(); });
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    const int order = a.text.compare(b.text);
    return order != 0 ? order < 0 : a.id < b.id;
  });
  nodes_.clear();
  if (entries.empty()) return;
  grow(entries);
  link();
}

// Makes the trie, breadth first: a node's tokens are a range of the sorted entries, split by their next byte.
void SpecialMatcher::grow(const std::vector<Entry>& entries) {
  struct Range {
    uint32_t begin, end;
  };
  nodes_.emplace_back();
  std::vector<Range> ranges = {{0, static_cast<uint32_t>(entries.size())}};  // of each node
  for (size_t n = 0; n < nodes_.size(); ++n) {
    const uint32_t depth = nodes_[n].length;
    auto [i, end] = ranges[n];
    for (; i < end && entries[i].text.size() == depth; ++i) nodes_[n].id = entries[i].id;
    nodes_[n].first_child = static_cast<uint32_t>(nodes_.size());
    while (i < end) {
      const char byte = entries[i].text[depth];
      const uint32_t begin = i;
      while (i < end && entries[i].text[depth] == byte) ++i;
      Node node;
      node.byte = static_cast<uint8_t>(byte);
      node.length = depth + 1;
      nodes_[n].n_children++;
      nodes_.push_back(node);
      ranges.push_back({begin, i});
    }
  }
  root_children_.fill(kRoot);
  for (uint32_t c = 1; c <= nodes_[kRoot].n_children; ++c) root_children_[nodes_[c].byte] = c;
}

// Nodes nearer to the root come first, and a suffix is shorter than its text, so it is always linked already.
void SpecialMatcher::link() {
  for (uint32_t n = 0; n < nodes_.size(); ++n) {
    const Node parent = nodes_[n];
    for (uint32_t c = parent.first_child; c < parent.first_child + parent.n_children; ++c) {
      Node& node = nodes_[c];
      node.fail = n == kRoot ? kRoot : step(parent.fail, node.byte);
      node.suffix = nodes_[node.fail].id >= 0 ? node.fail : nodes_[node.fail].suffix;
    }
  }
}

uint32_t SpecialMatcher::child(uint32_t node, uint8_t byte) const {
  if (node == kRoot) return root_children_[byte];
  const auto begin = nodes_.begin() + nodes_[node].first_child;
  const auto end = begin + nodes_[node].n_children;
  const auto at = std::lower_bound(begin, end, byte, [](const Node& n, uint8_t b) { return n.byte < b; });
  return at != end && at->byte == byte ? static_cast<uint32_t>(at - nodes_.begin()) : kRoot;
}

uint32_t SpecialMatcher::step(uint32_t node, uint8_t byte) const {
  uint32_t next = child(node, byte);
  while (next == kRoot && node != kRoot) {
    node = nodes_[node].fail;
    next = child(node, byte);
  }
  return next;
}

// One candidate for each position where tokens end: the longest of them. When it cannot be taken, the next shorter one
// with the same end replaces it, until one is taken or the end belongs to another match.
void SpecialMatcher::find(std::string_view text, std::vector<SpecialMatch>* out) const {
  if (nodes_.empty()) return;
  std::vector<Candidate> heap;
  const auto push = [&](uint32_t node, size_t end) {
    if (node != kRoot) heap.push_back({nodes_[node].length, nodes_[node].id, node, end});
    return node != kRoot;
  };
  uint32_t state = kRoot;
  for (size_t i = 0; i < text.size(); ++i) {
    state = step(state, static_cast<uint8_t>(text[i]));
    push(nodes_[state].id >= 0 ? state : nodes_[state].suffix, i + 1);
  }
  if (heap.empty()) return;

  const size_t first = out->size();
  std::vector<bool> taken(text.size());
  std::make_heap(heap.begin(), heap.end());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const Candidate c = heap.back();
    heap.pop_back();
    const size_t begin = c.end - c.length;
    if (taken[c.end - 1]) continue;
    if (taken[begin]) {  // matches so far are not shorter, so none lies strictly inside this one
      if (push(nodes_[c.node].suffix, c.end)) std::push_heap(heap.begin(), heap.end());
      continue;
    }
    std::fill(taken.begin() + begin, taken.begin() + c.end, true);
    out->push_back({begin, c.end, c.id});
  }
  std::sort(out->begin() + first, out->end(),
            [](const SpecialMatch& a, const SpecialMatch& b) { return a.begin < b.begin; });
}

}  // namespace coterie
