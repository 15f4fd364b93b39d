#include "count.hpp"

#include <fstream>
#include <future>
#include <numeric>
#include <sstream>

Total count(const std::filesystem::path &file)
{
    std::ifstream in(file);
    if (!in)
        throw Unreadable(file);
    Total total;
    for (std::string line; std::getline(in, line); total.lines++) {
        std::istringstream words(line);
        for (std::string word; words >> word;)
            total.words++;
    }
    return total;
}

Total count_all(const std::vector<std::filesystem::path> &files)
{
    std::vector<std::future<Total>> running;
    for (const auto &file : files)
        running.push_back(std::async(std::launch::async, count, file));
    return std::accumulate(running.begin(), running.end(), Total{}, [](Total sum, auto &one) {
        const Total own = one.get();
        return Total{sum.lines + own.lines, sum.words + own.words};
    });
}
