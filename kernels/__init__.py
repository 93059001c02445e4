"""Pixel maths: for each operation one NumPy reference (the specification), one `.cu` and one launcher."""
