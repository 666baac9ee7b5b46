"""A case as people look at it: the preview picture and the HTML page, with slices, surfaces and tables."""

from omentum.report.environment import ready_matplotlib

ready_matplotlib()
