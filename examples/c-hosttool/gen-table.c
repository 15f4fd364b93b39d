/* Writes a table of primes as C, so that the program need not compute it each time it starts. */
#include <stdio.h>

int main(void)
{
    printf("static const unsigned short primes[] = {");
    for (unsigned candidate = 2, count = 0; count < 512; candidate++) {
        unsigned divisor = 2;
        while (divisor * divisor <= candidate && candidate % divisor != 0)
            divisor++;
        if (divisor * divisor > candidate)
            printf("%s%u,", count++ % 12 ? " " : "\n    ", candidate);
    }
    printf("\n};\n");
    return 0;
}
