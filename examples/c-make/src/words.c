#include "words.h"

#include <ctype.h>

size_t count_words(const char *text)
{
    size_t count = 0;
    int inside = 0;

    for (; *text != '\0'; text++) {
        int space = isspace((unsigned char)*text);
        count += !space && !inside;
        inside = !space;
    }
    return count;
}
