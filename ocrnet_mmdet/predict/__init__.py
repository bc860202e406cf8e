"""Detections of pictures: files in, files or arrays out."""

from .predictor import Predictor

__all__ = ['Predictor']
