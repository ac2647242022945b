"""Imported last by the process that drains are forked off, by no other: each finds the compiler loaded."""

from __future__ import annotations

from sen4cap_core.kernels.compiling import load_compiler

load_compiler()
