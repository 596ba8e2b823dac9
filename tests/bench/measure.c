/* measure RUNS PROGRAM ARGUMENT…: runs the program that often and prints the median wall time in milliseconds and the largest
 * resident memory in MiB. Its output goes to standard error. Fails when the program does. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int run(char **arguments) {
    pid_t child = fork();
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int count, char **arguments) {
    int runs = count > 2 ? atoi(arguments[1]) : 0;
    if (runs < 1 || runs > 1000)
        return fprintf(stderr, "usage: measure RUNS PROGRAM ARGUMENT...\n"), 2;
    double *taken = calloc((size_t)runs, sizeof *taken);
    for (int k = 0; taken && k < runs; k++) {
        double start = milliseconds();
        if (run(arguments + 2) != 0)
            return 1;
        taken[k] = milliseconds() - start;
    }
    if (!taken)
        return 1;
    qsort(taken, (size_t)runs, sizeof *taken, by_value);
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    printf("%.3f %.1f\n", taken[runs / 2], (double)usage.ru_maxrss / 1024);
    free(taken);
    return 0;
}
