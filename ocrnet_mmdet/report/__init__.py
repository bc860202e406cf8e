"""The report that every training leaves in its work folder, see docs/report.md."""

from .hook import OCRNetReportHook

__all__ = ['OCRNetReportHook']
