"""Voxel arithmetic without clinical meaning."""
