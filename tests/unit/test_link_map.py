# SPDX-License-Identifier: Apache-2.0
"""Reading the linker's map."""

from __future__ import annotations

from microplan.link_map import code_by_file

MAP = """\
Discarded input sections

 .text._ZN1aEv  0x00000000       0x99 microplan/libmicroplan.a(mean.cpp.obj)

Linker script and memory map

LOAD microplan/libmicroplan.a

.text           0x00000000     0x1000
 *(.text*)
 .text.short    0x00000000       0x10 microplan/libmicroplan.a(softmax.cpp.obj)
 .text._ZN9microplan12_GLOBAL__N_16finishERKNS_19ChannelQuantizationEPKvll
                0x00000010       0x20 microplan/libmicroplan.a(conv_2d_dsp.cpp.obj)
                0x00000010                microplan::finish()
 *fill*         0x00000030        0x2
 .rodata        0x00000032        0x8 microplan/libmicroplan.a(softmax.cpp.obj)
 .text          0x0000003a        0x0 microplan/libmicroplan.a(window.cpp.obj)
 .text.arm_q    0x0000003c        0x6 libcmsis_nn.a(arm_q.c.obj)
 .text.memcpy   0x00000042      0x134 /usr/lib/libc_nano.a(lib_a-memcpy.o)
 .text.main     0x00000176       0x40 CMakeFiles/firmware.dir/run.cpp.obj

.bss            0x20000000      0x100
 .bss.x         0x20000000      0x100 microplan/libmicroplan.a(softmax.cpp.obj)

.debug_line     0x00000000       0x40
 .debug_line    0x00000000       0x40 microplan/libmicroplan.a(softmax.cpp.obj)
"""


def test_code_by_file() -> None:
    assert list(code_by_file(MAP, {".text", ".data"}).items()) == [
        ("src/microplan/kernels/conv_2d_dsp.cpp", 0x20),
        ("src/microplan/kernels/softmax.cpp", 0x18),
        ("CMSIS-NN arm_q.c", 0x6),
    ]
