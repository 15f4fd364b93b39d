#include <stdio.h>
#include <stdlib.h>

#include "table.h"

int main(int argc, char **argv)
{
    unsigned long rest = argc > 1 ? strtoul(argv[1], NULL, 10) : 360360;

    printf("%lu =", rest);
    for (size_t i = 0; i < sizeof primes / sizeof *primes && rest > 1; i++)
        for (; rest % primes[i] == 0; rest /= primes[i])
            printf(" %u", primes[i]);
    printf(rest > 1 ? " and %lu\n" : "\n", rest);
    return 0;
}
