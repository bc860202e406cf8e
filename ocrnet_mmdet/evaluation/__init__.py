"""What a user can measure: the recall of regions, speed and memory; and the matching of detections."""

__all__ = ['recall', 'speed']
