#include "stats.h"

#include <math.h>

double mean(const double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

double deviation(const double *values, size_t count)
{
    double middle = mean(values, count);
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (values[i] - middle) * (values[i] - middle);
    return sqrt(sum / (double)count);
}
