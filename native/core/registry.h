#pragma once
#include <algorithm>
#include <string_view>
#include <vector>

namespace libtorch_node {

/**
 * Rows that register themselves: a file with a `static const Registered<Row>` is all that a new thing needs. Rows never
 * change after the library is loaded, so that all threads may read them; nothing of JavaScript may be in one.
 */
template <class Row>
class Registered {
 public:
  explicit Registered(Row row) { rows().push_back(std::move(row)); }

  /** All rows by name: the order of static initialisation across files is nobody's promise. */
  static const std::vector<Row>& all() {
    static const std::vector<Row> sorted = [] {
      auto copy = rows();
      std::sort(copy.begin(), copy.end(), [](const Row& a, const Row& b) { return std::string_view(a.name) < b.name; });
      return copy;
    }();
    return sorted;
  }
  static const Row* find(std::string_view name) {
    for (const auto& row : all()) {
      if (row.name == name) return &row;
    }
    return nullptr;
  }

 private:
  static std::vector<Row>& rows() {
    static std::vector<Row> all;
    return all;
  }
};

}  // namespace libtorch_node
