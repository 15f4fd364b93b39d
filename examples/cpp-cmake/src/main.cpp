#include "count.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>

namespace fs = std::filesystem;

/// Without arguments, a folder of its own making, so that it prints the same everywhere.
static fs::path sample()
{
    const fs::path folder = fs::temp_directory_path() / "tally-sample";
    fs::create_directories(folder / "inner");
    std::ofstream(folder / "one.txt") << "one two three\nfour\n";
    std::ofstream(folder / "inner" / "two.txt") << "five six\n";
    return folder;
}

int main(int argc, char **argv)
{
    const fs::path folder = argc > 1 ? fs::path(argv[1]) : sample();
    std::vector<fs::path> files;
    try {
        for (const auto &entry : fs::recursive_directory_iterator(folder))
            if (entry.is_regular_file())
                files.push_back(entry.path());
        std::sort(files.begin(), files.end());
        const Total total = count_all(files);
        std::cout << files.size() << " files, " << total.lines << " lines, " << total.words
                  << " words\n";
        files.emplace_back("missing.txt");
        count_all(files);
    } catch (const Unreadable &error) {
        std::cout << "caught: " << error.what() << "\n";
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "tally: " << error.what() << "\n";
    }
    return 1;
}
