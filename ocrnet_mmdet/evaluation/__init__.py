"""What a user can measure: the recall of regions, speed and memory."""

__all__ = ['recall', 'speed']
