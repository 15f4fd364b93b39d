#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>

/* Counts the words in a text. */
size_t count_words(const char *text);

#endif
