#include "count.hpp"

int main()
{
    return count("/dev/null").lines == 0 ? 0 : 1;
}
