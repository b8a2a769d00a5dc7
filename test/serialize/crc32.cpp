// Prints the CRCs of parts of the file that is named, for each line of input with a place and a size: as the addon computes
// it, by tables alone, and in two pieces.
#include "serialize/crc32.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

using namespace libtorch_node;

int main(int, char** argv) {
  std::ifstream file(argv[1], std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  size_t place, size;
  while (std::cin >> place >> size) {
    const char* data = bytes.data() + place;
    const size_t half = size / 2;
    std::cout << crc32(0, data, size) << ' ' << crc32_by_tables(0, data, size) << ' '
              << crc32(crc32(0, data, half), data + half, size - half) << '\n';
  }
}
