"""Synthetic jewelry, the segmentation network trained on it, and its export."""
