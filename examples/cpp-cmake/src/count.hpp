#pragma once

#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

struct Total {
    std::size_t lines = 0;
    std::size_t words = 0;
};

/// A file that can't be read.
class Unreadable : public std::runtime_error {
public:
    explicit Unreadable(const std::filesystem::path &file)
        : std::runtime_error("can't read " + file.filename().string()) {}
};

/// Lines and words of one file.
Total count(const std::filesystem::path &file);

/// The sum over files, each counted by a thread of its own. What a thread throws is thrown here.
Total count_all(const std::vector<std::filesystem::path> &files);
