#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sets the project up for development in the virtual environment $1: Debian packages where apt may install them (or says
# which are missing), then the Python package with its extension and everything the tests need.
set -eu

venv=$1
python=${PYTHON:-python3}

# A command, and the Debian packages that bring it.
missing=""
need() {
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need g++ "g++"
need clang++ "clang libclang-rt-14-dev"
need arm-none-eabi-g++ "gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib"
need riscv64-unknown-elf-g++ "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"
need qemu-system-arm "qemu-system-arm"
need qemu-system-riscv32 "qemu-system-misc"
need ccache "ccache"
"$python" -c 'import ensurepip, sysconfig, os; assert os.path.exists(sysconfig.get_paths()["include"] + "/Python.h")' \
  >/dev/null 2>&1 || missing="$missing python3-venv python3-dev"

if [ -n "$missing" ]; then
  if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "setup: apt-get install$missing"
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of packages
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
  else
    cat >&2 <<EOF
setup: missing:$missing
On Debian or Ubuntu: sudo apt-get install$missing
Elsewhere install a C++17 compiler, clang with its sanitizers, the GNU toolchains for Arm (arm-none-eabi-g++) and RISC-V
(riscv64-unknown-elf-g++ with picolibc), QEMU (qemu-system-arm, qemu-system-riscv32) and Python 3.10 or later with
venv, then run make setup again.
EOF
    exit 1
  fi
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --upgrade pip
"$venv/bin/python" -m pip install --quiet --editable '.[dev,oracle]'
"$venv/bin/microplan" --version
