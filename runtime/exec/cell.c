#include "runtime/exec/plan.h"

#include "runtime/base/memory.h"

#include <stdlib.h>

Cell *cell_new(const char *name, Tensor *tensor) {
    Cell *cell = allocate(sizeof *cell);
    *cell = (Cell){.name = copy_string(name), .tensor = tensor, .references = 1};
    return cell;
}

Cell *cell_retain(Cell *cell) {
    cell->references++;
    return cell;
}

void cell_release(Cell *cell) {
    if (cell == NULL || --cell->references > 0) return;
    tensor_release(cell->tensor);
    free(cell->name);
    free(cell);
}
