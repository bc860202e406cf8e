"""What a user can measure (recall of regions, speed, memory), and how objects are matched."""

__all__ = ['recall', 'speed']
