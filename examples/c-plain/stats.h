#ifndef STATS_H
#define STATS_H

#include <stddef.h>

double mean(const double *values, size_t count);

/* The standard deviation of all values there are. */
double deviation(const double *values, size_t count);

#endif
