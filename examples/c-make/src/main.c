#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

int main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : "the same text on every platform";
    uint32_t sum = 0;

    /* Arithmetic that would differ if a platform's ABI were mistaken. */
    for (size_t i = 0; i < strlen(text); i++)
        sum = (sum << 5) - sum + (unsigned char)text[i];
    printf("%zu words, sum %08" PRIx32 ", root %.6f\n", count_words(text), sum, sqrt(2.0));
    return 0;
}
