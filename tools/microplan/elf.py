# SPDX-License-Identifier: Apache-2.0
"""What a firmware costs, read from its ELF file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from microplan.errors import MicroplanError


@dataclass(frozen=True)
class Symbol:
    name: str
    address: int
    size: int


@dataclass(frozen=True)
class ElfSizes:
    """`flash` counts everything that is programmed, the initial values of .data included."""

    machine: str  # "EM_ARM", "EM_RISCV"
    flash: int
    ram: int  # .data and .bss; the stack is no section
    flash_sections: frozenset[str]
    symbols: dict[str, Symbol]

    def symbol_bytes(self, name: str) -> int:
        """Size of a symbol; 0 when the firmware does not have it."""
        symbol = self.symbols.get(name)
        return symbol.size if symbol else 0

    @property
    def arena_bytes(self) -> int:
        return self.symbol_bytes("microplan_arena")

    @property
    def state_bytes(self) -> int:
        return self.symbol_bytes("microplan_state")

    @property
    def plan_ram_bytes(self) -> int:
        """RAM for the plan of an interpreted model."""
        return self.symbol_bytes("microplan_plan")

    @property
    def model_flash_bytes(self) -> int:
        return self.symbol_bytes("microplan_model_data")

    @property
    def static_bytes(self) -> int:
        """.data and .bss without arena and state; an interpreted model's plan in RAM counts."""
        return self.ram - self.arena_bytes - self.state_bytes

    def runtime_flash_bytes(self, empty_flash: int) -> int:
        """Flash of everything that is neither the model nor in the board's empty firmware."""
        return self.flash - self.model_flash_bytes - empty_flash

    def symbol_at(self, address: int) -> str | None:
        """The function or object that holds `address`."""
        for symbol in self.symbols.values():
            # Bit 0 of an Arm function's address says that it is Thumb code.
            start = symbol.address & ~1
            if start <= address < start + symbol.size:
                return symbol.name
        return None


def read_sizes(path: Path) -> ElfSizes:
    with path.open("rb") as file:
        try:
            elf = ELFFile(file)
        except Exception as error:
            raise MicroplanError(f"{path} is not an ELF file ({error}). Build the firmware again.") from None
        flash = ram = 0
        flash_sections = set()
        for section in elf.iter_sections():
            flags = section["sh_flags"]
            if not flags & SH_FLAGS.SHF_ALLOC:
                continue
            if section["sh_type"] != "SHT_NOBITS":
                flash += section["sh_size"]
                flash_sections.add(section.name)
            if flags & SH_FLAGS.SHF_WRITE:
                ram += section["sh_size"]
        table = elf.get_section_by_name(".symtab")
        symbols = {}
        for symbol in table.iter_symbols() if isinstance(table, SymbolTableSection) else ():
            if symbol["st_info"]["type"] in ("STT_FUNC", "STT_OBJECT"):
                symbols[symbol.name] = Symbol(symbol.name, symbol["st_value"], symbol["st_size"])
    return ElfSizes(elf["e_machine"], flash, ram, frozenset(flash_sections), symbols)
