#include <stdio.h>
#include <stdlib.h>

#include "stats.h"

int main(int argc, char **argv)
{
    double values[64] = { 2, 4, 4, 4, 5, 5, 7, 9 };
    size_t count = 8;

    if (argc > 1) {
        count = 0;
        for (int i = 1; i < argc && count < 64; i++)
            values[count++] = strtod(argv[i], NULL);
    }
    printf("mean %.3f, deviation %.3f\n", mean(values, count), deviation(values, count));
    return 0;
}
