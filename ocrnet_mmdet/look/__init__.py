"""Drawings of what a detector sees: tools/look.py, a file a drawing."""
