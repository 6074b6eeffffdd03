// SPDX-License-Identifier: Apache-2.0
// QUANTIZE from 8 bits to int8 on any core: by a linear form, or by a table where speed is worth its bytes.
#include "microplan/kernels.h"
#include "microplan/kernels/dsp.h"
#include "microplan/kernels/quantize_linear.h"
#include "microplan/kernels/quantize_table.h"

namespace microplan {

namespace {

template <typename In>
int8_t linear(In x, LinearForm form) {
  return static_cast<int8_t>(dsp::ssat_shifted<8, LinearForm::kShift>(wrap_add(wrap_mul(form.slope, x), form.start)));
}

// A function of its own has the registers to itself.
template <typename In>
[[gnu::noinline]] void run_row(const In* x, int8_t* y, uint32_t elements, const LinearForm& in) {
  const LinearForm form = in;
  for (; elements >= 4; elements -= 4) {
    const In a = x[0], b = x[1], c = x[2], d = x[3];
    x += 4;
    y[0] = linear(a, form);
    y[1] = linear(b, form);
    y[2] = linear(c, form);
    y[3] = linear(d, form);
    y += 4;
  }
  for (; elements != 0; --elements) *y++ = linear(*x++, form);
}

constexpr uint32_t kInstructions = 20;  // for four elements

}  // namespace

namespace kernels {

Status requantize_int8_base_run(const void* in, Rows rows, const Io& io, void*) {
  return run_linear_form<int8_t>(in, rows, io, run_row<int8_t>);
}

Status requantize_uint8_int8_base_run(const void* in, Rows rows, const Io& io, void*) {
  return run_linear_form<uint8_t>(in, rows, io, run_row<uint8_t>);
}

Status requantize_int8_base_table_run(const void* in, Rows rows, const Io& io, void*) {
  return run_table(look_up, in, rows, io);
}

const Variant requantize_int8_base_variant =
    LinearFormRow<int8_t, kInstructions>::variant(requantize_int8_base, "requantize_int8_base", 0);

const Variant requantize_uint8_int8_base_variant =
    LinearFormRow<uint8_t, kInstructions>::variant(requantize_uint8_int8_base, "requantize_uint8_int8_base", 0);

const Variant requantize_int8_base_table_variant =
    requantize_table_variant<15>(requantize_int8_base_table, "requantize_int8_base_table", 0);

}  // namespace kernels

}  // namespace microplan
