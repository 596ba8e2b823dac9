/* The shape rule of blocks of rows. */
#include "lang/ops/rules.h"

bool infer_rows(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    const RowsBody *rows = spec->rows;
    if (spec_inputs(spec) != rows->input_count)
        return diagnose(graph->diagnostics, "E0401", graph->here, "blocks of rows need %d values, found %d", rows->input_count,
                        spec_inputs(spec));
    for (int k = 0; k < rows->input_count; k++) {
        Shape shape = spec_type(spec, k).shape, whole = shape;
        if (rows->is_cut[k] && shape.rank > 0) whole.dims[0] = rows->row_count;
        if (rows->is_cut[k] && !rule_shapes(graph, spec, "a value that is cut into rows", whole, shape)) return false;
    }
    for (int k = 0; k < rows->result_count; k++) {
        types[k] = rows->results[k]->type;
        if (rows->kinds[k] == ROWS_KEPT) types[k].shape.dims[0] = rows->row_count;
    }
    *count = rows->result_count;
    return true;
}
