"""milgrain's client SDK: one photo, or a bounded-window stream of thousands, over gRPC."""
