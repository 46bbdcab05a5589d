// Who holds what in the tensor cores' m16n8k16 product of 16-bit elements (PTX ISA, "Matrix Fragments for mma.m16n8k16"
// and "ldmatrix"), as index maps that the kernels use and that a test on the CPU checks against the definition of both
// instructions. Matrices lie in shared memory row by row; offsets are (row, column) of the 16 bytes that a lane names.
#pragma once

#include "models/nn/host_device.h"

namespace frugal::fragments {

struct Place {
  int row, column;
};

// A [16 rows, 16 columns of the inner dimension]: ldmatrix.x4.
FRUGAL_HOST_DEVICE constexpr Place left(int lane) {
  return {lane & 15, (lane >> 4) * 8};
}

// Two B operands from a matrix whose rows are B's columns (keys: a row is a token, columns are the inner dimension):
// ldmatrix.x4 over 16 rows and 16 columns; registers 0, 1 serve rows 0..7, registers 2, 3 rows 8..15.
FRUGAL_HOST_DEVICE constexpr Place right_by_rows(int lane) {
  return {(lane & 7) + ((lane >> 4) << 3), ((lane >> 3) & 1) * 8};
}

// The B operands of two steps of the inner dimension from eight such rows: ldmatrix.x4 over 8 rows and 32 columns;
// registers 0, 1 serve the first 16 columns, registers 2, 3 the others.
FRUGAL_HOST_DEVICE constexpr Place right_by_eight_rows(int lane) {
  return {lane & 7, (lane >> 3) * 8};
}

// Two B operands from a matrix whose rows are the inner dimension (values: a row is a token):
// ldmatrix.x4.trans over 16 rows and 16 columns; registers 0, 1 serve columns 0..7, registers 2, 3 columns 8..15.
FRUGAL_HOST_DEVICE constexpr Place right_by_columns(int lane) {
  return {lane & 15, (lane >> 4) * 8};
}

// Element `index` (0..3) of the fp32 result [16, 8]. Elements 2i, 2i+1 of two results side by side, rounded to 16 bits,
// are register i (left result) and i + 2 (right result) of an A operand: a softmax's output feeds the next product.
FRUGAL_HOST_DEVICE constexpr Place result(int lane, int index) {
  return {(lane >> 2) + (index >> 1) * 8, (lane & 3) * 2 + (index & 1)};
}

}  // namespace frugal::fragments
