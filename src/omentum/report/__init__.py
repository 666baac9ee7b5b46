"""Visual output for one case: the preview image and the HTML report with slices, surfaces and tables."""

from omentum.report.environment import ready_matplotlib

ready_matplotlib()
