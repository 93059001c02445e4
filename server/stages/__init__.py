"""Stage functions: plain functions on arrays, one module per stage, none of which knows Triton."""
