"""Clusters of trajectories, their names, and how sure they are."""
