"""milgrain's server: contract, profiles, stage functions, and the launcher that supervises Triton."""
