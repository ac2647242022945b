"""Table files of the command line: read with checks, written with decimals; kernels over their rows."""
